"""Places by Graphviz: a `dot` that the test wrote answers, fails, takes too long; the real one where there is one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nbflow.notebook.fold import BLOCKS, DOT, NODES
from nbflow.notebook.graphviz_layout import LIMIT, MOST_PLACED, NotPlaced, Placing
from nbflow.notebook.layout import Layout
from nbflow.notebook.scenes import Scenes
from tests.notebook.graphs import row, sweep

SIZES = [(72, 36), (144, 36)]
EDGES = [(0, 1)]
# Two nodes of which the second stands right of the first and lower, as `dot -Tplain` tells it.
PLAIN = """graph 1 4.5 2
node 0 0.5 1.75 1 0.5 "" solid box black lightgrey
node 1 3.5 0.25 2 0.5 "" solid box black lightgrey
edge 0:e 1:w 4 1 1.75 1.5 1.75 2 0.25 2.5 0.25 solid black
stop
"""


@pytest.fixture
def write_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes `dot` on PATH a shell script."""

    def write(script: str) -> None:
        program = tmp_path / "dot"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return write


def answered(run: Placing) -> Layout:
    """What it answers in the end."""
    run._process.wait(30)
    placed = run.look()
    assert placed is not None
    return placed


def test_places_and_curves_come_from_what_dot_tells(write_dot: Callable[[str], None]) -> None:
    write_dot(f"cat > /dev/null; cat <<'X'\n{PLAIN}X")
    placed = answered(Placing(SIZES, EDGES))
    assert (placed.width, placed.height) == (324, 144)
    assert (placed.x, placed.y) == ([0, 180], [0, 108])
    assert placed.routes == [[72, 18, 108, 18, 144, 126, 180, 126]]
    assert placed.curved


def test_only_numbers_are_written_for_it(write_dot: Callable[[str], None], tmp_path: Path) -> None:
    write_dot(f"cat > {tmp_path / 'asked'}; cat <<'X'\n{PLAIN}X")
    answered(Placing(SIZES, EDGES))
    asked = (tmp_path / "asked").read_text()
    assert "0[width=1.0000,height=0.5000]" in asked
    assert "0->1" in asked


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "ended with 3"),
        ("echo graph", "cannot be read"),
        ("echo 'graph 1 1 1'; echo 'node 0 1 1'", "cannot be read"),
        ("echo 'graph 1 1 1'; echo 'node 9 1 1'", "cannot be read"),
        ("head -c 100000 /dev/urandom", "cannot be read"),
    ],
)
def test_a_dot_that_fails_gives_a_reason(write_dot: Callable[[str], None], script: str, reason: str) -> None:
    write_dot(script)
    run = Placing(SIZES, EDGES)
    run._process.wait(30)
    with pytest.raises(NotPlaced, match=reason):
        run.look()


def test_a_dot_that_takes_too_long_is_ended(write_dot: Callable[[str], None]) -> None:
    write_dot("exec sleep 1000")
    now = 100.0
    run = Placing(SIZES, EDGES, lambda: now)
    assert run.look() is None
    now += LIMIT
    with pytest.raises(NotPlaced, match="more than 5 s"):
        run.look()
    assert run._process.returncode is not None


def test_there_is_none_to_ask_or_too_much_to_ask_for(
    write_dot: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dot("exit 0")
    with pytest.raises(NotPlaced, match="up to 1,000 tasks"):
        Placing(SIZES * MOST_PLACED, [])
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotPlaced, match="not installed"):
        Placing(SIZES, EDGES)


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz' dot is not on PATH")
def test_the_real_dot_is_understood() -> None:
    scenes = Scenes("flow", DOT)
    scenes.refresh(sweep(20))
    wait_for(scenes)
    assert scenes.scene.layout == DOT
    nodes = scenes.scene.nodes
    assert nodes[0].x < nodes[1].x < nodes[-1].x


# ---------------------------------------------------------------- the scene as it waits for them


def wait_for(scenes: Scenes) -> None:
    deadline = time.monotonic() + 30
    while not scenes.look():
        assert time.monotonic() < deadline
        time.sleep(scenes.pause or 0.0)


def test_our_own_places_are_there_until_dots_come(write_dot: Callable[[str], None]) -> None:
    write_dot(f"cat > /dev/null; cat <<'X'\n{PLAIN}X")
    scenes = Scenes("flow", DOT)
    scenes.refresh([row(1), row(2, needs=[1])])
    assert scenes.scene.layout == NODES
    assert len(scenes.scene.nodes) == 2
    wait_for(scenes)
    assert scenes.scene.layout == DOT
    assert scenes.scene.edges[0].curved
    assert scenes.note == ""
    assert scenes.pause is None
    assert not scenes.look(), "told once"


def test_where_dot_fails_our_own_places_stay_and_the_user_is_told(write_dot: Callable[[str], None]) -> None:
    write_dot("exit 1")
    scenes = Scenes("flow", DOT)
    scenes.refresh([row(1), row(2, needs=[1])])
    wait_for(scenes)
    assert scenes.scene.layout == NODES
    assert scenes.note == "Graphviz' dot ended with 1: drawn in nbflow's own layout."
    scenes.choose(BLOCKS)
    scenes.refresh([row(1), row(2, needs=[1])])
    assert scenes.note == ""


def test_a_flow_that_grew_is_asked_for_anew_and_the_old_run_ends(write_dot: Callable[[str], None]) -> None:
    write_dot("exec sleep 1000")
    scenes = Scenes("flow", DOT)
    scenes.refresh([row(1)])
    first = scenes._run
    assert first is not None
    scenes.refresh([row(1), row(2)])
    assert first._process.returncode is not None
    second = scenes._run
    assert second is not None
    scenes.close()
    assert second._process.returncode is not None
    assert scenes.pause is None
