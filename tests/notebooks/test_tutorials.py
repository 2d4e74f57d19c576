"""The notebooks in notebooks/, held by nbval to what they are: every cell runs, or fails where it is meant to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools.notebooks import FOLDER, emptied

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
named = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@named
def test_it_carries_no_outputs(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == emptied(text)


@named
def test_it_ends_by_waiting_for_its_tasks(path: Path) -> None:
    code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert code[-1] == "%nbflow wait"


@named
@pytest.mark.notebook
@pytest.mark.timeout(240)
def test_every_cell_runs(path: Path) -> None:
    command = [
        sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120",
        "-p", "no:cacheprovider", "-q", str(path),
    ]  # fmt: skip
    ended = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=220, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
