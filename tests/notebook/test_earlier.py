"""What is kept of how long apps took: bounded, the user's alone, and nothing where it is damaged or not wanted."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from nbflow import private
from nbflow.notebook import earlier
from nbflow.notebook.estimate import Pace


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv(earlier.SWITCH, raising=False)
    return tmp_path / "nbflow" / "durations.json"


def test_what_a_flow_has_measured_is_known_to_the_next_one(kept: Path) -> None:
    assert earlier.recall() == {}
    earlier.remember({"fit": Pace(2, 3.0)})
    earlier.remember({"fit": Pace(2, 5.0), "plot": Pace(1, 0.5)})
    assert earlier.recall() == {"fit": Pace(4, 4.0), "plot": Pace(1, 0.5)}


def test_what_an_app_did_lately_counts_more_than_what_it_did_long_ago(kept: Path) -> None:
    earlier.remember({"fit": Pace(1_000_000, 1.0)})
    earlier.remember({"fit": Pace(earlier.WEIGHT, 3.0)})
    assert earlier.recall()["fit"].mean == 2.0


def test_the_file_is_the_users_alone_and_nothing_else_is_left(kept: Path) -> None:
    old = os.umask(0)
    try:
        earlier.remember({"fit": Pace(1, 1.0)})
    finally:
        os.umask(old)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [file.name for file in kept.parent.iterdir()] == [kept.name]


def test_it_keeps_the_apps_that_were_used_last(kept: Path) -> None:
    earlier.remember({f"app {i}": Pace(1, 1.0) for i in range(earlier.MOST_APPS)})
    earlier.remember({"app 0": Pace(1, 1.0), "new": Pace(1, 1.0), "x" * 1000: Pace(1, 1.0)})
    names = list(earlier.recall())
    assert len(names) == earlier.MOST_APPS
    assert names[-2:] == ["app 0", "new"]
    assert "app 1" not in names
    assert kept.stat().st_size < earlier.MOST_BYTES


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b'{"fit": 3}', b"\xff\xfe", b'{"fit": [1, "long"]}', b" " * (earlier.MOST_BYTES + 1)],
)
def test_a_damaged_file_is_ignored_and_replaced(kept: Path, text: bytes) -> None:
    private.state_directory()
    kept.write_bytes(text)
    kept.chmod(0o600)
    assert earlier.recall() == {}
    earlier.remember({"fit": Pace(1, 1.0)})
    assert earlier.recall() == {"fit": Pace(1, 1.0)}


def test_figures_that_no_flow_measures_are_ignored(kept: Path) -> None:
    private.state_directory()
    kept.write_text('{"a": [0, 1.0], "b": [1, -1.0], "c": [1, 1e300], "d": [1, 2.0]}')
    kept.chmod(0o600)
    assert earlier.recall() == {"d": Pace(1, 2.0)}


def test_what_others_could_change_is_ignored(kept: Path) -> None:
    earlier.remember({"fit": Pace(1, 1.0)})
    kept.chmod(0o666)
    assert earlier.recall() == {}


def test_nothing_is_read_or_written_where_it_is_not_wanted(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier.remember({"fit": Pace(1, 1.0)})
    monkeypatch.setenv(earlier.SWITCH, "0")
    assert earlier.recall() == {}
    earlier.remember({"plot": Pace(1, 1.0)})
    monkeypatch.delenv(earlier.SWITCH)
    assert earlier.recall() == {"fit": Pace(1, 1.0)}
