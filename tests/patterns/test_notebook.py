"""The notebook of the patterns: every cell stands on its own, so they run in any order, and more than once."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

import nbflow
from tests.gates import make_gate
from tests.notebook.shells import shell_in_process
from tests.patterns.conftest import at_a_gate

NOTEBOOK = Path(__file__).parent.parent.parent / "notebooks" / "02-parallel-patterns.ipynb"
SCRIPTS = Path(__file__).parent / "scripts"
FIRST, *PATTERNS = [
    cell.source
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells
    if cell.cell_type == "code" and not cell.source.startswith("%")
]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A shell in which the first cells have run, in a directory that is put back afterwards."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(os.getcwd())
    nbflow.clear()
    with shell_in_process() as shell:
        run(shell, FIRST)
        yield shell
    nbflow.clear()


def run(shell: Any, code: str) -> None:
    shell.run_cell(code).raise_error()


def plain(code: str) -> list[str]:
    """The code by its lines, without the empty ones and the line that only scripts need."""
    return [line for line in code.splitlines() if line and line != "import nbflow.parsl as parsl"]


def quick(code: str) -> str:
    return code.replace("time.sleep(2)", "time.sleep(0.001)")


def test_the_cells_are_the_scripts() -> None:
    scripts = sorted(plain(path.read_text()) for path in SCRIPTS.glob("*.py"))
    assert sorted(plain(code) for code in PATTERNS) == scripts


def test_the_patterns_run_on_threads_as_well(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    nbflow.load(nbflow.Config(executors=[nbflow.ThreadExecutor(max_workers=2)]))
    for code in PATTERNS:
        run(shell, quick(code))
    assert capsys.readouterr().out.splitlines()[-2:] == [str(list(range(1, 21))), "1"], (
        "one process made it once"
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_patterns_run_in_any_order(shell: Any, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    order = random.Random(seed).sample(PATTERNS, len(PATTERNS))
    for code in [*order, order[0]]:
        run(shell, quick(code))
    said = capsys.readouterr().out
    assert re.search("^20$", said, re.MULTILINE), "two, then one"
    assert re.search("^12$", said, re.MULTILINE), "map and reduce"
    assert str(list(range(1, 21))) in said, "warm"


def test_two_tasks_run_side_by_side_and_the_third_after_both(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gate, opened = make_gate(Path.cwd())
    code = at_a_gate(next(code for code in PATTERNS if "wait_sleep_double" in code))
    calls, show = code.rsplit("\n", 1)
    run(shell, calls)
    gate.wait_for(2)
    gate.let_through(2)
    gate.wait_for(1)
    gate.let_through(1)
    run(shell, show)
    for fd in opened:
        os.close(fd)
    assert "20\n" in capsys.readouterr().out
    assert Path("story.txt").read_text().split() == ["begin", "begin", "end", "end", "begin", "end"]
