"""The benchmarks themselves, with next to nothing to do, from the command to the pictures."""

from __future__ import annotations

import sys
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks import __main__, core, scale
from benchmarks.environments import NotInstalled
from benchmarks.peers.base import OnExecutor
from benchmarks.peers.tasks import add, noop
from benchmarks.processes import MARK, PeerFailed, PeerProcess, Skipped
from benchmarks.results import Results
from benchmarks.rounds import Measuring
from nbflow.core.states import State


def marked() -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if MARK in process.environ():
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.mark.timeout(180)
def test_a_run_of_next_to_nothing_has_every_figure_and_leaves_nobody(tmp_path: Path) -> None:
    results = __main__.main(["--tiny", "--output", str(tmp_path)])
    assert results.peers == ["nbflow", "pool"]
    never = {"METG stencil"}  # on a machine that is at work elsewhere
    assert set(results.notes.get("nbflow", {})) <= {"map", *never}
    assert set(results.notes.get("pool", {})) <= never
    for figure in ("start", "memory", "bag of 1,000", "stencil", "busy bag ratio", "array chain", "pieces"):
        assert results.ratio("pool", figure) is not None, figure
    assert results.median("nbflow", "live graph on") is not None
    assert results.median("nbflow", "core flatness") is not None
    assert {path.name for path in tmp_path.iterdir()} >= {
        "peers.json",
        "peers.md",
        "overview.png",
        "busy.png",
    }


def test_a_peer_that_cannot_be_installed_is_noted_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def python_of(peer: str, say: Any) -> str:
        raise NotInstalled(f"{peer}: no network")

    monkeypatch.setattr("benchmarks.rounds.python_of", python_of)
    said: list[str] = []
    measuring = Measuring(["ray"], [], tiny=True, say=said.append)
    assert measuring.run(1, 1, 1.0).notes == {"ray": {"installation": "ray: no network"}}
    assert said[0] == "Ray, installation: ray: no network"


def test_a_peer_says_what_it_cannot_do_and_what_went_wrong_and_goes_on() -> None:
    with PeerProcess("pool", sys.executable) as peer:
        with pytest.raises(Skipped, match="KeyError"):
            peer.ask("no such work", {}, 30.0)
        assert peer.ask("bag", {"count": 3}, 30.0)[""] > 0
        with pytest.raises(PeerFailed, match="no answer within 0 s"):
            peer.ask("bag", {"count": 3}, 0.0)
        mark = peer._mark
    assert not [process for process in marked() if process.environ()[MARK] == mark]


def test_a_peer_that_does_not_start_says_its_last_words() -> None:
    with pytest.raises(PeerFailed, match="No module named"):
        PeerProcess("no_such_peer", sys.executable)


@pytest.fixture
def threads() -> Any:
    with ThreadPoolExecutor(2) as executor:
        yield executor


def test_callbacks_make_a_graph_of_an_executor(threads: Executor) -> None:
    peer = OnExecutor(threads)
    link = peer.links(add)
    first = peer.calls(noop)(1)
    assert peer.result(link(link(first, first), 40)) == 42
    failed: Future[int] = link(first, "text")
    with pytest.raises(TypeError):
        failed.result(10)


def test_every_task_of_the_core_ends_done() -> None:
    played = core.play(3000, workers=50)
    assert played.ended[State.DONE] == 3000
    assert sum(played.ended.values()) == 3000
    assert played.moves >= 2 * 3000


@pytest.mark.timeout(180)
def test_a_flow_is_measured_as_it_grows() -> None:
    results = Results()
    scale.measure(400, 100, 200, results, ("scale_dropped", "fan_in"))
    assert not results.notes
    lines = scale.costs(results)
    assert set(lines["bag, no future kept"]) == {100, 200, 400}
    assert max(lines["one call needs all"]) == 200
    assert "| bag, no future kept |" in scale.table(results)
