"""What a `%%app` cell holds, and what becomes of it: apps, if it holds definitions alone, and else a task.

Pure: text and syntax trees in, syntax trees out. Nothing here knows IPython: `execution` runs a cell of definitions,
`running` has any other one run as a task. A cell of definitions:

    %%app --cache                      the magic's line, kept as a comment: line numbers are the cell's own
    import numpy as np                 imports, classes, docstrings and constants stay what they are
    LIMIT = 10
    def _clip(x): ...                  a name with a leading underscore stays a plain helper
    def score(C): ...                  every other function becomes an app: its outermost decorator

A constant is an assignment that only binds names: `LIMIT = 10`, `A, B = pair()`, `WORD: Final = read()`; what uses a
function of the cell itself that would become an app is none: `x = score(1)` makes a task of the cell.
A function that bears one of nbflow's own decorators is left as it is written. Any other statement is refused.
What a cell with `--bash NAME(params)` holds is `templates`' subject.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeAlias

from nbflow.errors import UsageError

DECORATOR = "__nbflow_app__"
"""The name under which the decorator stands in the namespace while the cell is executed."""

OWN_DECORATORS = frozenset({"python_app", "bash_app", "join_app"})

REFUSED = {
    "For": "a `for` loop",
    "AsyncFor": "an `async for` loop",
    "While": "a `while` loop",
    "If": "an `if` statement",
    "With": "a `with` statement",
    "AsyncWith": "an `async with` statement",
    "Try": "a `try` statement",
    "TryStar": "a `try` statement",
    "Match": "a `match` statement",
    "Raise": "a `raise` statement",
    "Return": "a `return` statement",
    "Assert": "an `assert` statement",
    "Delete": "a `del` statement",
    "Pass": "a `pass` statement",
    "AugAssign": "an assignment that changes a name (`+=` and the like)",
    "Assign": "an assignment to an attribute or an item",
    "AnnAssign": "an assignment to an attribute or an item",
    "Await": "an `await`",
    "Call": "a call",
}

KEPT = frozenset({"Import", "ImportFrom", "ClassDef", "FunctionDef", "AsyncFunctionDef", "TypeAlias"})

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class CellError(UsageError):
    """A `%%app` cell that cannot be used.

    `line` counts from 1, the magic's line; `column` and `end_column` count characters from 0; `end_column` is
    None where only the start is known.
    """

    def __init__(self, message: str, line: int, column: int = 0, end_column: int | None = None) -> None:
        self.message = message
        self.line = line
        self.column = column
        self.end_column = end_column
        super().__init__(message, line, column, end_column)

    def __str__(self) -> str:
        return f"{self.message} (line {self.line} of the cell)"

    @classmethod
    def of(cls, error: SyntaxError, *, line: int | None = None, shift: int = 0) -> CellError:
        """Python's own complaint; `line` and `shift` (characters) tell where in the cell the text stood."""
        column = max((error.offset or 1) - 1 + shift, 0)
        end_column = (error.end_offset or 0) - 1 + shift
        marks_a_range = error.end_lineno in (None, error.lineno) and end_column > column
        return cls(error.msg, line or error.lineno or 1, column, end_column if marks_a_range else None)


def with_magic_as_comment(line: str, body: str) -> str:
    """The cell as Python: the magic's line is a comment, so line 2 of the cell is line 2 of the text."""
    return f"# %%app {line}\n{body}"


def find_apps(tree: ast.Module) -> tuple[str, ...]:
    """The names of the cell's apps, in the order of their definition.

    Raises CellError at the first statement that has no place in the cell, and where no app is defined.
    """
    for statement in tree.body:
        if not _is_allowed(statement):
            raise _refusal(statement)
    apps = tuple(dict.fromkeys(node.name for node in _functions(tree) if _becomes_app(node) or _is_app(node)))
    if not apps:
        helpers = [f"`{node.name}`" for node in _functions(tree)]
        why = f": {helpers[0]} begins with an underscore, so it stays a plain helper" if helpers else ""
        raise CellError(f"%%app found no function to make an app of{why}", 1)
    return apps


def is_definitions(tree: ast.Module) -> bool:
    """Whether the cell holds nothing but what stays as it is, and functions of which at least one becomes an app.

    An `await` among its constants does not make a task of it: it is refused where the cell is executed.
    """
    made = {node.name for node in _functions(tree) if _becomes_app(node)}
    return all(_defines(node) and not _uses(node, made) for node in tree.body) and any(
        _becomes_app(node) or _is_app(node) for node in _functions(tree)
    )


def _uses(node: ast.stmt, names: set[str]) -> bool:
    """Whether an assignment has one of these names in its value: it computes something with the cell's functions."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    return any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node.value))


def decorate(tree: ast.Module) -> ast.Module:
    """Put the decorator, by its name `DECORATOR`, on each function that becomes an app; changes `tree`."""
    for node in _functions(tree):
        if _becomes_app(node):
            # where the function's first line is: tracebacks and inspect.getsource go by it
            first = node.decorator_list[0] if node.decorator_list else node
            node.decorator_list.insert(0, ast.copy_location(ast.Name(id=DECORATOR, ctx=ast.Load()), first))
    return tree


def _functions(tree: ast.Module) -> Iterator[Function]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _becomes_app(node: Function) -> bool:
    return not node.name.startswith("_") and not _is_app(node)


def _is_app(node: Function) -> bool:
    """Whether it bears one of nbflow's own decorators: `@join_app`, `@nbflow.python_app(cache=True)`."""
    return any(_last_name(decorator) in OWN_DECORATORS for decorator in node.decorator_list)


def _last_name(decorator: ast.expr) -> str:
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    if isinstance(decorator, ast.Attribute):
        return decorator.attr
    return decorator.id if isinstance(decorator, ast.Name) else ""


def _is_allowed(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        return all(map(_only_names, node.targets)) and not _awaits(node)
    if isinstance(node, ast.AnnAssign):
        return _only_names(node.target) and not _awaits(node)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return type(node).__name__ in KEPT


def _defines(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        return all(map(_only_names, node.targets))
    return _is_allowed(node) or (isinstance(node, ast.AnnAssign) and _only_names(node.target))


def _only_names(target: ast.expr) -> bool:
    if isinstance(target, ast.Starred):
        return _only_names(target.value)
    if isinstance(target, ast.Tuple | ast.List):
        return all(map(_only_names, target.elts))
    return isinstance(target, ast.Name)


def _awaits(node: ast.stmt) -> bool:
    return any(isinstance(part, ast.Await) for part in ast.walk(node))


def _refusal(node: ast.stmt) -> CellError:
    kind = type(node.value if isinstance(node, ast.Expr) else node).__name__
    if isinstance(node, ast.Assign | ast.AnnAssign) and _awaits(node):
        kind = "Await"
    what = REFUSED.get(kind, "an expression" if isinstance(node, ast.Expr) else "this statement")
    message = (
        f"{what} has no place in an %%app cell, which holds functions, imports, classes and constants; "
        "move it to a cell of its own"
    )
    return CellError(message, node.lineno, node.col_offset)
