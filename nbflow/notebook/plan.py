"""What is to be done with a cell that runs as a task: its code, the names it is given, the names it gives.

Pure but for Python's compiler. What the text does not tell is said by the options `-i` and `-o`; what neither tells is
refused here, before anything of the cell has run.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import io
import sys
import tokenize
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Any

from nbflow.notebook.cells import CellError
from nbflow.notebook.inference import Inferred, infer
from nbflow.notebook.task.cell import LAST

_OF_MODULES = frozenset({"__builtin__", "__builtins__", "__doc__", "__file__", "__loader__", "__name__", "__package__",
                         "__spec__"})  # fmt: skip
PROVIDED = frozenset({"display", "get_ipython"})
"""What a task has of its own where the cell reads it."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the magic's line says. `inputs`, `outputs`: None = what is inferred."""

    inputs: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    infer: bool = True
    name: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A cell, ready to be given values.

    `reads` are the names whose values it is given, last `turns`, those that count only if a loop makes no turn;
    `binds` are those it gives, of which `keeps` may stay as they were; `deletes` are names that go. `has_value`: it
    ends with an expression that is to be shown.
    """

    code: CodeType
    reads: tuple[str, ...]
    turns: frozenset[str]
    binds: tuple[str, ...]
    keeps: frozenset[str]
    deletes: tuple[str, ...]
    imports: Mapping[str, Any]
    has_value: bool


def plan(tree: ast.Module, file: str, text: str, chosen: Chosen, known: Collection[str]) -> Plan:
    """Read a cell; changes `tree`. `known`: the names that have a value in the notebook.

    Raises CellError where it cannot be told what the cell reads or binds, or where it reads what does not exist.
    """
    inferred = infer(tree)
    asks = chosen.infer and (chosen.inputs is None or chosen.outputs is None)
    for unknown in inferred.unknown if asks else ():
        given = {"-i": chosen.inputs, "-o": chosen.outputs}
        if missing := [option for option in unknown.options if given[option] is None]:
            raise CellError(_undecidable(unknown.what, missing), unknown.place.line, unknown.place.column)
    reads, keeps = _reads(inferred, chosen, known)
    if chosen.outputs is not None:
        _check_outputs(chosen.outputs, inferred, reads)
    binds = chosen.outputs if chosen.outputs is not None else inferred.binds if chosen.infer else ()
    deletes = inferred.deletes if chosen.infer and chosen.outputs is None else ()
    imports = _imported(tree, binds)
    has_value = _take_last(tree) and not _is_silent(text)
    turns = inferred.turns if chosen.inputs is None else frozenset()
    wanted = [name for name in dict.fromkeys((*reads, *keeps)) if name in known]
    return Plan(
        _compile(tree, file),
        tuple(sorted(wanted, key=turns.__contains__)),
        turns,
        tuple(dict.fromkeys(binds)),
        frozenset(keeps),
        tuple(name for name in deletes if name in known),
        imports,
        has_value,
    )


def _reads(
    inferred: Inferred, chosen: Chosen, known: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names that the cell is given, and those of them that it only may have to leave as they are."""
    if chosen.inputs is not None:
        for name in chosen.inputs:
            if name not in known:
                raise CellError(f"-i {name}: there is no `{name}` in the notebook", 1)
        return chosen.inputs, ()
    if not chosen.infer:
        return (), ()
    for name, place in inferred.needed.items():
        if name not in known and not hasattr(builtins, name) and name not in PROVIDED:
            what = f"name `{name}` is not defined in the notebook, so the cell cannot be given it"
            raise CellError(what, place.line, place.column)
    # what IPython and the task both have, and `__name__` and its like, are the task's own
    reads = tuple(name for name in inferred.reads if name not in _OF_MODULES and name not in PROVIDED)
    keeps = tuple(name for name in inferred.binds if name in inferred.keeps and name not in reads)
    return reads, keeps


def _check_outputs(outputs: Collection[str], inferred: Inferred, reads: Collection[str]) -> None:
    """Refuse a name that the cell cannot have: it neither binds it nor is given it."""
    if any("-o" in unknown.options for unknown in inferred.unknown):
        return  # who can tell
    has = {*inferred.binds, *inferred.reads, *reads}
    for name in outputs:
        if name not in has:
            binds = ", ".join(f"`{bound}`" for bound in inferred.binds) or "no name at all"
            raise CellError(f"-o {name}: the cell does not bind `{name}`; it binds {binds}", 1)


def _undecidable(what: str, missing: list[str]) -> str:
    says = {"-i": "`-i a,b` says what it reads", "-o": "`-o c` says what it binds"}
    answers = " and ".join(says[option] for option in missing)
    verb = "reads or binds" if len(missing) == 2 else "reads" if missing == ["-i"] else "binds"
    more = (
        " (a task has no notebook, where `get_ipython()` gives None; move what needs one to a cell of its own)"
        if what == "`get_ipython`"
        else ""
    )
    return f"with {what} it cannot be told what the cell {verb}: {answers}{more}"


def _compile(tree: ast.Module, file: str) -> CodeType:
    """The cell's code, which may await; Python's own complaints point at the cell."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        code: CodeType = compile(tree, file, "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        raise CellError.of(error) from None
    if code.co_flags & inspect.CO_ASYNC_GENERATOR:
        raise CellError("a cell cannot `yield`", 1)
    return code


def _take_last(tree: ast.Module) -> bool:
    """Have the value of the last expression kept; False if the cell ends with none."""
    if not tree.body or not isinstance(tree.body[-1], ast.Expr):
        return False
    last = tree.body[-1]
    target = ast.copy_location(ast.Name(LAST, ast.Store()), last.value)
    tree.body[-1] = ast.copy_location(ast.Assign([target], last.value), last)
    return True


def _is_silent(text: str) -> bool:
    """Whether the cell ends with a semicolon, which keeps its value from being shown."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return False
    passed = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.DEDENT)
    code = [token for token in tokens if token.type not in passed]
    return bool(code) and code[-1].string == ";"


def _imported(tree: ast.Module, binds: Collection[str]) -> dict[str, Any]:
    """What the cell's imports bind, of modules that are loaded here already: they are at hand at once."""
    statements = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    others = [node for node in tree.body if node not in statements]
    otherwise = infer(ast.Module(others, [])).binds
    found: dict[str, Any] = {}
    for node in statements:
        for alias in node.names:
            value = _loaded(node, alias)
            name = alias.asname or alias.name.partition(".")[0]
            if value is not None and name in binds and name not in otherwise:
                found[name] = value
    return found


def _loaded(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> Any:
    if isinstance(node, ast.ImportFrom):
        module = None if node.level else sys.modules.get(node.module or "")
        submodule: ModuleType | None = sys.modules.get(f"{node.module}.{alias.name}")
        return getattr(module, alias.name, submodule)
    whole = sys.modules.get(alias.name)
    return whole if alias.asname or whole is None else sys.modules.get(alias.name.partition(".")[0])
