"""The script that finds a Python to set up with, given stand-ins for interpreters."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.pythons import ROOT

SCRIPT = ROOT / "tools" / "find_python.sh"


def stand_in(folder: Path, name: str, body: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def find(*candidates: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", str(SCRIPT), *candidates], capture_output=True, text=True, check=False)


@pytest.fixture
def stub(tmp_path: Path) -> str:
    """What a version manager leaves on PATH for a version that is not chosen."""
    return stand_in(tmp_path, "stub", "echo 'command not found' >&2; exit 127")


@pytest.fixture
def old(tmp_path: Path) -> str:
    """A Python 3.8, as far as the script asks."""
    return stand_in(tmp_path, "old", 'case "$2" in *exit*) exit 1;; *print*) echo 3.8;; esac')


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A Python without ensurepip, as Debian's without python3-venv."""
    return stand_in(
        tmp_path, "bare", 'case "$2" in *ensurepip*) exit 1;; esac\n' + f'exec "{sys.executable}" "$@"'
    )


def test_the_first_that_will_do_is_taken(stub: str, old: str, bare: str) -> None:
    ended = find("/not/there", stub, old, bare, sys.executable)
    assert ended.returncode == 0
    assert ended.stdout.strip() == sys.executable
    assert ended.stderr == ""


def test_where_none_will_do_each_is_named_with_its_fault(stub: str, old: str, bare: str) -> None:
    ended = find(stub, old, bare)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert f"too old: {old} (3.8)" in ended.stderr
    assert f"no venv, ensurepip or ssl: {bare}" in ended.stderr
    assert "python3-venv" in ended.stderr
    assert "make PYTHON=" in ended.stderr
