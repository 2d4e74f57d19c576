"""The page's pure functions, run by Node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nbflow.notebook.script import STATIC, joined

TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))


def node() -> str | None:
    """Node, if it is there and has a test runner (from version 18 on)."""
    found = shutil.which("node")
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = said.lstrip("v").split(".")[0]
    return found if major.isdigit() and int(major) >= 18 else None


def test_the_pages_functions_do_what_pythons_do(tmp_path: Path) -> None:
    found = node()
    if found is None:
        pytest.skip("no Node of version 18 or newer on PATH")
    page = tmp_path / "page.mjs"
    page.write_text(joined(STATIC / "graph" / "main.mjs"), encoding="utf-8")
    run = subprocess.run(
        [found, "--test", *map(str, TESTS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
        env={**os.environ, "NBFLOW_PAGE": str(page)},
    )
    assert run.returncode == 0, run.stdout + run.stderr
