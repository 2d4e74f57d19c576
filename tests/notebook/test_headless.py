"""Notebooks that run without anybody looking: nbconvert's command, nbclient, and what the environment can say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbflow.notebook.audience import VARIABLE
from tests.notebook.shells import real_kernel

pytestmark = pytest.mark.notebook

APPS = """%%app
def wait_for(path):
    open(path).read()

def double(x):
    return 2 * x

def broken(x):
    return 1 / x
"""
WIDGET = "application/vnd.jupyter.widget-view+json"


def converted(folder: Path, cells: Sequence[str], **variables: str) -> tuple[Any, str]:
    """The notebook as `jupyter nbconvert --execute` saves it, and what was seen on the terminal."""
    source, target = folder / "source.ipynb", folder / "ran.ipynb"
    source.write_text(nbformat.writes(new_notebook(cells=[new_code_cell(cell) for cell in cells])))
    command = [
        sys.executable,
        "-m",
        "nbconvert",
        "--to",
        "notebook",
        "--execute",
        "--output",
        target.name,
        source.name,
    ]
    environment = {**os.environ, **variables}
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(target.read_text()), ran.stderr


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook["cells"] for output in cell["outputs"]]


def test_a_last_cell_that_waits_is_all_that_is_needed(tmp_path: Path) -> None:
    cells = [
        "%load_ext nbflow",
        APPS,
        "last = double(double(10)), broken(0)",
        "%nbflow graph",
        "last[0]",
        "%nbflow wait",
    ]
    notebook, terminal = converted(tmp_path, cells)
    assert "nbflow:" not in terminal
    assert "widgets" not in notebook["metadata"]
    found = outputs(notebook)
    assert not [output for output in found if WIDGET in output.get("data", {})]
    (graph,) = [output["data"] for output in found if "nbflow graph" in str(output.get("data"))]
    assert "".join(graph["text/plain"]) == "nbflow graph: 3 tasks, 2 done, 1 failed"
    assert "ZeroDivisionError: division by zero" in "".join(graph["text/html"])
    assert ["40"] in [output["data"]["text/plain"] for output in found if "data" in output]


def test_a_kernel_that_ends_while_tasks_have_not_says_so_on_the_terminal(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")  # nobody ever writes to it
    path = str(tmp_path / "gate")
    cells = [
        "%load_ext nbflow",
        APPS,
        f"held = [wait_for({path!r}) for _ in range(3)]; after = double(held[0])",
    ]
    _, terminal = converted(tmp_path, cells)
    (said,) = [line for line in terminal.splitlines() if line.startswith("nbflow:")]
    assert said == (
        "nbflow: the kernel ends while 4 tasks have not (3 `wait_for`, 1 `double`); they are lost. "
        "`%nbflow wait` as the last cell waits for them"
    )


def test_it_can_be_said_that_nobody_looks_though_a_page_could() -> None:
    with real_kernel(**{VARIABLE: "1"}) as kernel:
        kernel.run(APPS, page=True)
        kernel.run("double(1).result()", page=True)
        ran = kernel.run("%nbflow graph", page=True)
        assert not [output for output in ran.outputs if output["type"].startswith("comm")]
        (first,) = [output for output in ran.outputs if "data" in output]
        assert set(first["data"]) == {"text/html", "text/plain"}
        kernel.run("later = double(2)", page=True)
        waited = kernel.run("%nbflow wait", page=True)
        (last,) = [output for output in waited.outputs if output["type"] == "update_display_data"]
        assert last["data"]["text/plain"] == "nbflow graph: 2 tasks, 2 done"


def test_it_can_be_said_that_somebody_looks_at_a_head_less_run() -> None:
    with real_kernel(**{VARIABLE: "0"}) as kernel:
        kernel.run(APPS)
        kernel.run("double(1).result()")
        (live,) = [
            output for output in kernel.run("%nbflow graph").outputs if output["type"] == "display_data"
        ]
        assert WIDGET in live["data"]
