"""Imports go down only: every import of every module is read, local and type-only ones too."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "nbflow"

FLOORS = {
    "limits": 0,
    "numbers": 0,
    "sizes": 0,
    "legible": 0.1,
    "errors": 0.2,
    "checking": 0.3,
    "faultpoints": 0.3,
    "private": 0.3,
    "logs": 0.4,
    "executors": 0.5,
    "files": 0.5,
    "memoizers": 0.5,
    "staging": 0.52,
    "retrying": 0.5,
    "compat": 0.55,
    "config": 0.6,
    "core": 1,
    "wire": 1,
    "values": 2,
    "client": 3,
    "scheduler": 4,
    "worker": 4,
    "parsl": 6,
    "notebook": 5,
    "concurrent": 5,
    "demo": 6,
    "listing": 6,
    "cli": 7,
    "__main__": 8,
    "": 8,  # nbflow itself: public names
}

# What a floor may see besides those below it and itself. Started by module name, scheduler and worker are imported
# by nobody, and the notebook does not see them either.
SIDEWAYS = {("wire", "core.states"), ("wire", "core.retry")}
HANDS_OUT = {"nbflow.notebook.extension"}  # puts the public package into the user's namespace
NEVER = {
    ("notebook", "scheduler"),
    ("notebook", "worker"),
    ("client", "core.machine"),
    ("worker", "core.machine"),
}


def part(module: str) -> str:
    """The floor's name of a module: its first name below nbflow."""
    return module.split(".")[1] if "." in module else ""


def imports() -> list[tuple[str, str]]:
    """(module, imported module) for every import within the package."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        names = path.relative_to(ROOT.parent).with_suffix("").parts
        module = ".".join(names[:-1] if names[-1] == "__init__" else names)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module} imports relatively"
                base = node.module or ""
                targets = [f"{base}.{alias.name}" for alias in node.names]
            else:
                continue
            found += [(module, target) for target in targets if target.split(".")[0] == "nbflow"]
    return found


def test_imports_are_found_at_all() -> None:
    assert len(imports()) > 100


@pytest.mark.parametrize(("module", "target"), imports())
def test_an_import_goes_down(module: str, target: str) -> None:
    here, there = part(module), part(target)
    if here == there or here == "":
        return
    if there == "" or there not in FLOORS:  # nbflow itself, or a name of it such as nbflow.__version__
        assert FLOORS[here] > 5 or module in HANDS_OUT, f"{module} imports the public package"
        return
    beside = any(here == a and target.startswith(f"nbflow.{b}") for a, b in SIDEWAYS)
    assert FLOORS[there] < FLOORS[here] or beside, f"{module} imports {target}: an arrow that goes up"


@pytest.mark.parametrize(("here", "never"), sorted(NEVER))
def test_what_a_floor_must_never_see(here: str, never: str) -> None:
    assert not [pair for pair in imports() if part(pair[0]) == here and pair[1].startswith(f"nbflow.{never}")]


def test_nothing_outside_the_notebook_floor_imports_ipython() -> None:
    for path in sorted(ROOT.rglob("*.py")):
        inside = path.relative_to(ROOT).parts[0]
        if inside in ("notebook", "demo", "cli.py"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        names += [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        assert not [
            name
            for name in names
            if name.split(".")[0] in ("IPython", "ipywidgets", "anywidget", "ipykernel")
        ], path


def test_every_module_says_what_lives_in_it() -> None:
    for path in sorted(ROOT.rglob("*.py")):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} has no docstring"
