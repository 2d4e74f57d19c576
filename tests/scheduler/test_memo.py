"""The memo without processes: when what is remembered is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbflow.core.events import Recalled
from nbflow.scheduler.exports import Exports
from nbflow.scheduler.history import NO_FUNCTION, Job
from nbflow.scheduler.memo import Memo
from nbflow.wire.messages import MemoSpec, Submit
from nbflow.wire.outcomes import Inline

KEY, OTHER = b"k" * 16, b"o" * 16


def a_memo(directory: Path, mode: str, earlier: list[str] | None = None) -> tuple[Memo, list[Recalled]]:
    told: list[Recalled] = []
    spec = MemoSpec(True, mode, 60.0, str(directory), earlier or [])
    memo = Memo(
        spec,
        {},
        Exports(lambda number: None),
        emit=told.append,
        hold=lambda value: None,
        discard=lambda held: None,
        warn=pytest.fail,
    )
    return memo, told


def a_job(key: bytes, number: int = 1) -> Job:
    submit = Submit(number, "app", "python", b"", Inline(b""), (), "", None, (), None, None, key, (), ())
    return Job(number, "app", None, [], "", 0, NO_FUNCTION, 0.0, submit)


def is_kept(directory: Path, key: bytes) -> bool:
    memo, told = a_memo(directory / "next", "manual", [str(directory)])
    job = a_job(key)
    memo.recall(job)
    return told == [Recalled(1, True)] and job.outcome == Inline(b"value")


@pytest.mark.parametrize(("mode", "at_once"), [("task_exit", True), ("periodic", False), ("manual", False)])
def test_what_is_remembered_is_written_when_the_mode_says(tmp_path: Path, mode: str, at_once: bool) -> None:
    memo, _ = a_memo(tmp_path, mode)
    memo.remember(a_job(KEY), Inline(b"value"))
    assert is_kept(tmp_path, KEY) is at_once
    assert (memo.due is not None) is (mode == "periodic")
    memo.write()
    assert is_kept(tmp_path, KEY)
    assert memo.due is None, "there is nothing to be written"


@pytest.mark.parametrize(("mode", "written"), [("dfk_exit", True), ("periodic", True), ("manual", False)])
def test_the_end_of_a_flow_writes_what_the_mode_says(tmp_path: Path, mode: str, written: bool) -> None:
    memo, _ = a_memo(tmp_path, mode)
    memo.remember(a_job(KEY), Inline(b"value"))
    memo.end()
    assert is_kept(tmp_path, KEY) is written


def test_a_directory_that_cannot_be_written_to_costs_the_checkpoint_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    memo, told = a_memo(in_the_way, "task_exit", [str(tmp_path / "gone")])
    memo.remember(a_job(KEY), Inline(b"value"))
    memo.recall(a_job(KEY, 2))
    assert told == [Recalled(2, True)]
    said = capfd.readouterr().err
    assert "cannot be read" in said
    assert "cannot be written" in said


def test_a_key_of_this_flow_alone_is_never_written(tmp_path: Path) -> None:
    memo, _ = a_memo(tmp_path, "task_exit")
    memo.remember(a_job(OTHER + b"-"), Inline(b"value"))
    assert list(tmp_path.iterdir()) == []
