"""The pool in the cells of a notebook: its functions are the notebook's, and its tasks are in the notebook's graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import nbflow
from nbflow import Config, ProcessExecutor
from tests.notebook.shells import shell_in_process


@pytest.fixture(scope="module")
def shell() -> Iterator[Any]:
    nbflow.clear()
    with shell_in_process() as shell:
        nbflow.load(Config(executors=[ProcessExecutor(max_workers=1)]))
        run(
            shell,
            "from nbflow.concurrent import NbflowPoolExecutor\npool = NbflowPoolExecutor(dfk=nbflow.load())",
        )
        yield shell
        run(shell, "pool.shutdown()")
    nbflow.clear()


def run(shell: Any, code: str) -> Any:
    ran = shell.run_cell(code)
    ran.raise_error()
    return ran.result


def test_what_the_cells_define_is_what_runs(shell: Any) -> None:
    run(shell, "import math\nfactor = 2\nclass Box:\n    def __init__(self, x): self.x = x")
    run(shell, "def half(x): return math.floor(x / 2)\ndef f(x): return Box(factor * half(x))")
    code = "[box.x for box in pool.map(f, range(4), chunksize=2)] + [pool.submit(f, 9).result().x]"
    assert run(shell, code) == [0, 0, 2, 2, 8]
    run(shell, "factor = 3\ndef half(x): return x")
    assert run(shell, code) == [0, 3, 6, 9, 27]
    assert run(shell, "type(pool.submit(f, 1).result()) is Box")


def test_the_tasks_are_in_the_graph(shell: Any) -> None:
    run(shell, "def seen(x): return x")
    run(shell, "futures = [*pool.map(seen, range(4), chunksize=2), pool.submit(seen, 1).result()]")
    flow = nbflow.dfk()
    flow.watch()
    flow.status()
    assert [row.app for row in flow.feed.rows.values() if row.app == "seen"] == ["seen"] * 3


def test_an_error_names_the_cell(shell: Any) -> None:
    run(shell, "def invert(x):\n    return 1 / x")
    run(shell, "future = pool.submit(invert, 0)\nerror = future.exception()")
    assert "line 2, in invert" in str(shell.user_ns["error"].__cause__)
