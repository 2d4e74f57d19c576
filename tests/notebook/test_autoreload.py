"""`%autoreload 2` and apps of a module that is edited: what a notebook has imported follows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.notebook.shells import shell_in_process

MODULE = """
import nbflow

def plain(x):
    return "{0}", x

@nbflow.python_app
def fit(x):
    return "{0}", x

@nbflow.python_app{1}
def other(x):
    return "{0}", plain(x)
"""


@pytest.fixture
def shell(edit: Any) -> Iterator[Any]:
    """Its workers find the module, too."""
    with shell_in_process() as shell:
        shell.run_cell("%load_ext autoreload\n%autoreload 2\n%nbflow start 1").raise_error()
        yield shell
        shell.run_cell("%autoreload 0\nnbflow.clear()").raise_error()


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Writes the module anew."""
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "edited_by_a_user.py"
    yield lambda *words: path.write_text(MODULE.format(*words))
    sys.modules.pop("edited_by_a_user", None)


def test_an_app_that_was_imported_by_name_runs_what_its_module_says_now(shell: Any, edit: Any) -> None:
    edit("old", "")
    shell.run_cell("from edited_by_a_user import plain, fit, other").raise_error()
    shell.run_cell("kept = [fit, other]\nbefore = [app(1).result() for app in kept], plain(1)").raise_error()
    assert shell.user_ns["before"] == ([("old", 1), ("old", ("old", 1))], ("old", 1))
    edit("new", "(retries=3)")  # longer: Python takes what it compiled in the same second otherwise
    shell.run_cell("after = [app(1).result() for app in (fit, other, *kept)], plain(1)").raise_error()
    assert shell.user_ns["after"] == ([("new", 1), ("new", ("new", 1))] * 2, ("new", 1))
    shell.run_cell("left = other.options.retries").raise_error()
    assert shell.user_ns["left"] == 3
