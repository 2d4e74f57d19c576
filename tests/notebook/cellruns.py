"""Cells that run as tasks, for the tests: running them, waiting for them, the table of how they stand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbflow.notebook.task.future import NameFuture

SECONDS = 30.0


def run(shell: InteractiveShell, code: str, cell_id: str | None = None) -> None:
    shell.run_cell(code, store_history=True, cell_id=cell_id).raise_error()


def value(shell: InteractiveShell, name: str) -> Any:
    future = shell.user_ns[name]
    assert isinstance(future, NameFuture)
    return future.result(SECONDS)


def eventually(true: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end, "it did not come"
        threading.Event().wait(0.01)


def gate(tmp_path: Path, name: str = "gate") -> tuple[str, Path]:
    """Lines of a cell that wait until a file is there, and the file."""
    path = tmp_path / name
    return f"import os, time\nwhile not os.path.exists({str(path)!r}): time.sleep(0.01)\n", path


def cells(shell: Any, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of the table of cells, single spaces."""
    capsys.readouterr()
    before = len(shell.display_pub.outputs)
    run(shell, "%nbflow cells")
    # a cell that goes on may be told of meanwhile
    (shown,) = (
        one for one in shell.display_pub.outputs[before:] if "<table" in one["data"].get("text/html", "")
    )
    return [" ".join(line.split()) for line in shown["data"]["text/plain"].splitlines()[1:]]


def under(shell: Any) -> list[dict[str, Any]]:
    """The last state of each display, in the order in which they were displayed."""
    last: dict[str, dict[str, Any]] = {}
    for output in shell.display_pub.outputs:
        last[(output["transient"] or {}).get("display_id", str(len(last)))] = output["data"]
    return list(last.values())
