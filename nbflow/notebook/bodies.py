"""What the body of a function refers to outside of itself: the names that it reads and binds when it is called.

Pure. Python's own rules of scopes: what a scope binds is its own unless declared otherwise; a class shows what it binds
to its own statements alone; a comprehension is a scope but for its first iterable. `symtable` tells nearly the same,
but counts neither `c += 1` under `global c` as read nor `d["k"] = 1` as a change of `d`; tests hold the two together.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Place(NamedTuple):
    """Where a name stands. `line` counts from 1, `column` bytes of UTF-8 from 0, as `ast` does."""

    line: int
    column: int


@dataclass(slots=True)
class Body:
    """The outside names of a function: read, bound anew (under `global`), and changed in place, each where first."""

    reads: dict[str, Place] = field(default_factory=dict)
    writes: dict[str, Place] = field(default_factory=dict)
    changes: dict[str, Place] = field(default_factory=dict)


def place_of(node: ast.expr | ast.stmt | ast.pattern | ast.ExceptHandler) -> Place:
    """Where a node begins."""
    return Place(node.lineno, node.col_offset)


def base_of(target: ast.expr) -> ast.Name | None:
    """The name whose object an assignment to `target` changes: `df` for `df.loc[0]["c"]`; None if there is none."""
    while isinstance(target, ast.Subscript | ast.Attribute):
        target = target.value
    return target if isinstance(target, ast.Name) else None


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """All parameters of a function."""
    several = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *several]


def now(node: Function) -> list[ast.expr]:
    """What is computed when the function is made, not when it is called; annotations are not among it."""
    arguments = node.args
    defaults = [*arguments.defaults, *(one for one in arguments.kw_defaults if one is not None)]
    return defaults if isinstance(node, ast.Lambda) else [*node.decorator_list, *defaults]


def annotated(node: Function) -> list[ast.expr]:
    """The annotations of parameters and of what is returned."""
    if isinstance(node, ast.Lambda):
        return []
    found = [one.annotation for one in parameters(node.args)]
    return [one for one in (*found, node.returns) if one is not None]


def type_parameters(node: ast.AST) -> set[str]:
    """The names in `def f[T]` and `class A[T]`, which Python has from 3.12 on."""
    return {one.name for one in getattr(node, "type_params", ())}


def body_of(node: Function) -> Body:
    """What calling the function refers to outside of it."""
    found = Body()
    scope = _Scope(node, found)
    for name, place in scope.resolve().items():
        found.reads.setdefault(name, place)
    for name, place in scope.changed.items():
        found.changes.setdefault(name, place)
    return found


class Kinds(ast.NodeVisitor):
    """Has one method for each kind of part that `ast` has several classes for."""

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """A function is made and named."""
        raise NotImplementedError

    def _comprehend(self, node: Comprehension) -> None:
        """A comprehension, or a generator of that form."""
        raise NotImplementedError

    def _match(self, node: ast.pattern, name: str | None) -> None:
        """A pattern that may give what it has matched a name."""
        raise NotImplementedError

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._define(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._define(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehend(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehend(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehend(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehend(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self._match(node, node.name)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self._match(node, node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self._match(node, node.rest)


class _Scope(Kinds):
    """One scope within the body: what it reads, what it binds, and the scopes within it."""

    def __init__(self, node: Function | ast.ClassDef | Comprehension, found: Body) -> None:
        self._found = found
        self._node = node
        self._reads: dict[str, Place] = {}
        self.changed: dict[str, Place] = {}
        self._binds: dict[str, Place] = {}
        self._global: set[str] = set()
        self._outer: set[str] = set()  # declared nonlocal
        self._inner: list[_Scope] = []
        self._enter(node)

    def _enter(self, node: Function | ast.ClassDef | Comprehension) -> None:
        names = type_parameters(node)
        if isinstance(node, ast.ClassDef):
            self._visit_all(node.body)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            names |= {one.arg for one in parameters(node.args)}
            self._visit_all([node.body] if isinstance(node, ast.Lambda) else node.body)
        else:
            for number, part in enumerate(node.generators):
                self._visit_all([part.target, *([part.iter] if number else []), *part.ifs])
            self._visit_all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self._binds |= dict.fromkeys(names, Place(0, 0))

    def resolve(self) -> dict[str, Place]:
        """The names that this scope leaves to those around it; `changed` is left with those of them alone."""
        reads, changed = dict(self._reads), dict(self.changed)
        own = self._binds.keys() - self._global - self._outer
        is_class = isinstance(self._node, ast.ClassDef)
        left = {name: place for name, place in reads.items() if name not in own}
        kept = {name: place for name, place in changed.items() if name not in own}
        for scope in self._inner:
            for name, place in scope.resolve().items():
                if is_class or name not in own:
                    left.setdefault(name, place)
            for name, place in scope.changed.items():
                if is_class or name not in own:
                    kept.setdefault(name, place)
        for name in self._global:
            if name in left:
                self._found.reads.setdefault(name, left.pop(name))
            if name in kept:
                self._found.changes.setdefault(name, kept.pop(name))
            if name in self._binds:
                self._found.writes.setdefault(name, self._binds[name])
        self.changed = kept
        return left

    # ------------------------------------------------------------ names

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def _bind(self, name: str, place: Place) -> None:
        self._binds.setdefault(name, place)

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Store):
            self._reads.setdefault(node.id, place_of(node))
        if not isinstance(node.ctx, ast.Load):
            self._bind(node.id, place_of(node))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._reads.setdefault(node.target.id, place_of(node.target))
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._note_change(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._note_change(node)

    def _note_change(self, node: ast.Subscript | ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load) and (base := base_of(node)) is not None:
            self.changed.setdefault(base.id, place_of(base))
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._bind(node.target.id, place_of(node.target))

    def visit_Global(self, node: ast.Global) -> None:
        self._global.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self._outer.update(node.names)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._bind(alias.asname or alias.name.partition(".")[0], place_of(node))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self._bind(alias.asname or alias.name, place_of(node))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name is not None:
            self._bind(node.name, place_of(node))
        self.generic_visit(node)

    def _match(self, node: ast.pattern, name: str | None) -> None:
        if name is not None:
            self._bind(name, place_of(node))
        self.generic_visit(node)

    # ------------------------------------------------------------ scopes within

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._bind(node.name, place_of(node))
        self._visit_all([*now(node), *annotated(node)])
        self._inner.append(_Scope(node, self._found))

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_all(now(node))
        self._inner.append(_Scope(node, self._found))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._bind(node.name, place_of(node))
        self._visit_all([*node.decorator_list, *node.bases, *node.keywords])
        self._inner.append(_Scope(node, self._found))

    def _comprehend(self, node: Comprehension) -> None:
        self.visit(node.generators[0].iter)
        inner = _Scope(node, self._found)
        self._inner.append(inner)
        # `:=` binds in the scope around the comprehension, also from one within another
        for name in [part.target.id for part in walruses(node)]:
            inner._binds.pop(name, None)
            self._bind(name, place_of(node))


def walruses(node: Comprehension) -> list[ast.NamedExpr]:
    """The `:=` of a comprehension that bind in the scope around it: not those in functions within it."""
    found: list[ast.NamedExpr] = []
    pending: list[ast.AST] = list(ast.iter_child_nodes(node))
    while pending:
        part = pending.pop()
        if isinstance(part, ast.NamedExpr):
            found.append(part)
        if not isinstance(part, ast.Lambda):
            pending += ast.iter_child_nodes(part)
    return found
