"""Which names a cell reads and which it binds, told from its text alone.

Pure: a syntax tree in, names out; nothing is executed. The tree is walked in the order in which Python would run it; at
each point three things are known of every name:

    gone    the value from outside cannot be seen any more: the name was certainly bound or deleted
    bound   the cell may have bound it
    sure    the cell has certainly bound it

Where ways meet, what is certain is what is certain on each of them. A name that is read while it is not `gone` is an
input; one that is `bound` at the end is an output. If it is not `sure` then, the name may keep its value from outside.
What is in doubt counts: an input too many costs a copy, one too few is a wrong answer.

The bodies of functions (`bodies`) run later. They count where the function's name is next used, from when on anybody
may call it, and at the end. What changes an object in place is seen where it is an assignment to an item or attribute
of a name, `df["c"] = 1`, which makes it input and output; what methods change, `rows.append(1)`, cannot be seen.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nbflow.notebook.bodies import (
    Comprehension,
    Kinds,
    Place,
    annotated,
    base_of,
    body_of,
    now,
    place_of,
    type_parameters,
    walruses,
)
from nbflow.notebook.ways import ClassBody, Loop, Names, State, join

UNDECIDABLE = {
    "exec": ("-i", "-o"),
    "eval": ("-i", "-o"),
    "globals": ("-i", "-o"),
    "locals": ("-i", "-o"),
    "get_ipython": ("-i", "-o"),
}
"""Names of functions behind which names are read and bound that stand nowhere, and the options that say them."""
BARE = frozenset({"vars", "dir"})
"""The same, where they are called without an argument; they bind nothing."""
SWALLOWING = ("suppress", "raises", "ExitStack", "assertRaises", "Exit")
"""Context managers with such words in their names may end a block in its midst, and go on behind it."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What makes it undecidable what the cell reads or binds, where it stands, and which options answer it."""

    what: str
    place: Place
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inferred:
    """The names of a cell, each list in the order in which they come up.

    `reads` may hold builtins and names that do not exist: who knows the namespace leaves them out. `needed` are those
    that every run reads, and where first. `keeps` are those of `binds` that a run may leave as they were. `turns` are
    those of `reads` and `keeps` that count for no run in which each loop makes a turn. `deletes` are outside names that
    it deletes. `changes` are those of `binds` whose objects it changes in place.
    """

    reads: tuple[str, ...]
    needed: Mapping[str, Place]
    binds: tuple[str, ...]
    keeps: frozenset[str]
    turns: frozenset[str]
    deletes: tuple[str, ...]
    changes: frozenset[str]
    unknown: tuple[Unknown, ...]


def infer(tree: ast.Module) -> Inferred:
    """What the cell reads and binds."""
    told, turned = (_walked(tree, turning=turning) for turning in (False, True))
    turns = told.keeps.union(told.reads) - turned.keeps.union(turned.reads)
    return replace(told, turns=turns)


def _walked(tree: ast.Module, *, turning: bool) -> Inferred:
    walk = _Walk(turning=turning)
    walk.block(tree.body)
    return walk.conclude()


class _Walk(Names, Kinds, ast.NodeVisitor):
    """Goes through the cell's own statements, in the order of their execution.

    `turning`: as if each loop made at least one turn.
    """

    def __init__(self, *, turning: bool = False) -> None:
        super().__init__()
        self._turning = turning

    def block(self, statements: Iterable[ast.stmt]) -> None:
        """Statements one after the other, up to where none is reached any more."""
        for statement in statements:
            if self._state.dead:
                return
            self.visit(statement)

    def conclude(self) -> Inferred:
        """The names, after all of it."""
        end = self._state
        self._doubt += 1
        for name in tuple(self._bodies):
            if name in end.bound:
                self._use(name)
        outputs = end.bound | self._late | self._changes
        order = dict.fromkeys((*self._order, *self._reads))
        binds = tuple(name for name in order if name in outputs)
        keeps = frozenset(binds) - (end.sure - self._late) - self._changes
        deletes = tuple(name for name in self._deleted if name in end.gone and name not in outputs)
        changes = frozenset(self._changes)
        unknown = tuple(self._unknown())
        return Inferred(
            tuple(self._reads), self._needed, binds, keeps, frozenset(), deletes, changes, unknown
        )

    def _unknown(self) -> Iterator[Unknown]:
        for place in self._stars:
            yield Unknown("a star import", place, ("-o",))
        for name, options in UNDECIDABLE.items():
            if name in self._reads:
                yield Unknown(f"`{name}`", self._reads[name], options)
        for name, place in self._bare.items():
            if name in self._reads:
                yield Unknown(f"`{name}()`", place, ("-i",))

    # ------------------------------------------------------------ expressions

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._read(node.id, place_of(node))
        elif isinstance(node.ctx, ast.Del):
            self._delete(node.id, place_of(node))
        else:
            self._bind(node.id)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._item(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._item(node)

    def _item(self, node: ast.Subscript | ast.Attribute) -> None:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) and (base := base_of(node)) is not None:
            self._change(base.id)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        within = bool(self._scopes) and isinstance(self._scopes[-1], set)
        kept, self._scopes = self._scopes, [] if within else self._scopes
        self._bind(node.target.id)
        self._scopes = kept

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in BARE and not node.args and not node.keywords:
            self._bare.setdefault(node.func.id, place_of(node))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self._one_after_the_other(node.values, 1)

    def visit_Compare(self, node: ast.Compare) -> None:
        self._one_after_the_other([node.left, *node.comparators], 2)

    def _one_after_the_other(self, values: Sequence[ast.expr], certain: int) -> None:
        """Of which the first `certain` ones are computed always, each other one only if those before it have."""
        for value in values[:certain]:
            self.visit(value)
        if rest := values[certain:]:
            with self._perhaps():
                self._one_after_the_other(rest, 1)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.visit(node.test)
        self._either(lambda: self.visit(node.body), lambda: self.visit(node.orelse))

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in now(node):
            self.visit(part)
        self._run(body_of(node))

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehend(node)
        self._late.update(part.target.id for part in walruses(node))

    def _comprehend(self, node: Comprehension) -> None:
        self.visit(node.generators[0].iter)
        own: set[str] = set()
        self._scopes.append(own)
        with self._perhaps():
            for number, part in enumerate(node.generators):
                if number:
                    self.visit(part.iter)
                # its names are its own; items and attributes that it assigns to are not
                for inner in ast.walk(part.target):
                    if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                        own.add(inner.id)
                for inner in ast.walk(part.target):
                    if isinstance(inner, ast.Subscript | ast.Attribute):
                        self.visit(inner)
                for test in part.ifs:
                    self.visit(test)
            for value in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
                self.visit(value)
        self._scopes.pop()

    # ------------------------------------------------------------ assignments

    def visit_Assign(self, node: ast.Assign) -> None:
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if isinstance(node.value, ast.Lambda) and len(names) == len(node.targets):
            for part in now(node.value):
                self.visit(part)
            for name in names:
                self._bind(name, [body_of(node.value)])
            return
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._read(node.target.id, place_of(node.target))
        self.visit(node.value)
        self.visit(node.target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
        self._annotate([node.annotation])
        if node.value is not None or not isinstance(node.target, ast.Name):
            self.visit(node.target)

    def _annotate(self, parts: Iterable[ast.expr]) -> None:
        """Annotations may be texts, or computed later: then they are not read."""
        self._doubt += 1
        for part in parts:
            self.visit(part)
        self._doubt -= 1

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._bind(alias.asname or alias.name.partition(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                self._stars.append(place_of(node))
            else:
                self._bind(alias.asname or alias.name)

    def visit_TypeAlias(self, node: ast.AST) -> None:
        """`type Name = ...`, which is computed when somebody asks for it."""
        self._scopes.append(type_parameters(node))
        self._annotate([node.value])  # type: ignore[attr-defined] # Python has it from 3.12 on
        self._scopes.pop()
        self.visit(node.name)  # type: ignore[attr-defined]

    # ------------------------------------------------------------ definitions

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in now(node):
            self.visit(part)
        self._scopes.append(type_parameters(node))
        self._annotate(annotated(node))
        self._scopes.pop()
        body = body_of(node)
        if node.decorator_list:  # which may call it
            self._run(body)
        self._bind(node.name, [body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in node.decorator_list:
            self.visit(part)
        self._scopes.append(type_parameters(node))
        for base in (*node.bases, *node.keywords):
            self.visit(base)
        made, around = ClassBody(), self._state.own
        self._state.own = set()
        self._scopes.append(made)
        self.block(node.body)
        self._scopes.pop()
        self._scopes.pop()
        self._state.own = around
        bodies = [body for group in made.bodies.values() for body in group]
        if node.decorator_list or node.bases or node.keywords:
            for body in bodies:
                self._run(body)
        self._bind(node.name, bodies)

    def visit_Global(self, node: ast.Global) -> None:
        if self._scopes and isinstance(self._scopes[-1], ClassBody):
            self._scopes[-1].declared.update(node.names)

    # ------------------------------------------------------------ branches

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self._either(lambda: self.block(node.body), lambda: self.block(node.orelse))

    def visit_Assert(self, node: ast.Assert) -> None:
        self.visit(node.test)
        if node.msg is not None:
            with self._perhaps():
                self.visit(node.msg)

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        ends = []
        self._doubt += 1
        for case in node.cases:
            missed = self._state.copy()
            self.visit(case.pattern)
            if case.guard is not None:
                self.visit(case.guard)
                missed = join(missed, self._state)  # a guard says no after the pattern has bound its names
            self.block(case.body)
            ends.append(self._state)
            self._state = missed
            if case.guard is None and _takes_all(case.pattern):
                self._state = State(dead=True)
        self._doubt -= 1
        self._state = join(self._state, *ends)

    def _match(self, node: ast.pattern, name: str | None) -> None:
        self.generic_visit(node)
        if name is not None:
            self._bind(name)

    # ------------------------------------------------------------ loops

    def visit_For(self, node: ast.For) -> None:
        self._for(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> None:
        self._for(node)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)

        def once() -> None:
            self.visit(node.target)
            self.block(node.body)

        self._loop(once, lambda: None, node.orelse)

    def visit_While(self, node: ast.While) -> None:
        self.visit(node.test)
        endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
        self._loop(lambda: self.block(node.body), lambda: self.visit(node.test), node.orelse, endless)

    def _loop(
        self,
        once: Callable[[], None],
        again: Callable[[], object],
        orelse: Sequence[ast.stmt],
        endless: bool = False,
    ) -> None:
        """`once` is what is repeated, `again` what comes between two times; `endless`: only `break` leads out."""
        loop = Loop()
        self._loops.append(loop)
        self._doubt += 1
        for _ in range(2):  # the second time, functions are known that the first one has defined
            before = self._state.copy()
            once()
            self._state = join(self._state, *loop.continues)
            if not self._state.dead:
                again()
            if not self._turning or self._state.dead:  # who goes on then has made no turn
                self._state = join(before, self._state)
        self._loops.pop()
        if endless:
            self._state.dead = True
        self.block(orelse)
        self._doubt -= 1
        self._state = join(self._state, *loop.breaks)

    def visit_Break(self, node: ast.Break) -> None:
        if self._loops:
            self._loops[-1].breaks.append(self._state.copy())
        self._state.dead = True

    def visit_Continue(self, node: ast.Continue) -> None:
        if self._loops:
            self._loops[-1].continues.append(self._state.copy())
        self._state.dead = True

    def visit_Raise(self, node: ast.Raise) -> None:
        self.generic_visit(node)
        self._state.dead = True

    # ------------------------------------------------------------ blocks that errors may leave

    def visit_Try(self, node: ast.Try) -> None:
        before = self._state.copy()
        exits = [len(loop.breaks + loop.continues) for loop in self._loops]
        with self._watched() as everywhere:
            self._try(node, before)
        if not node.finalbody:
            return
        end = self._state
        # any statement may have failed, one of a handler too: what stands under `finally` is reached so as well
        self._state = everywhere.after_an_error(before)
        with self._watched() as touched:
            self.block(node.finalbody)
        for loop, count in zip(self._loops, exits, strict=True):
            for state in [*loop.breaks, *loop.continues][min(count, 0) :]:
                state.bound |= touched.bound
                state.sure -= touched.deleted
        self._state = end
        self.block(node.finalbody)

    visit_TryStar = visit_Try  # noqa: N815 - as `ast` calls it

    def _try(self, node: ast.Try, before: State) -> None:
        self._doubt += bool(node.handlers)
        with self._watched() as touched:
            self.block(node.body)
        after_body = self._state
        failed = touched.after_an_error(before)
        if node.handlers:
            self._state = failed
            ends = []
            for handler in node.handlers:
                if handler.type is not None:
                    self.visit(handler.type)
                tested = self._state.copy()
                if handler.name is not None:
                    self._bind(handler.name)
                self.block(handler.body)
                if handler.name is not None and not self._state.dead:
                    self._unbind(handler.name)
                ends.append(self._state)
                self._state = tested
            self._state = after_body
            self.block(node.orelse)
            self._state = join(self._state, *ends)
            self._doubt -= 1
        else:
            self.block(node.orelse)

    def visit_With(self, node: ast.With) -> None:
        self._with(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> None:
        self._with(node)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        swallows = any(_may_swallow(item.context_expr) for item in node.items)
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self.visit(item.optional_vars)
        before = self._state.copy()
        self._doubt += swallows
        with self._watched() as touched:
            self.block(node.body)
        self._doubt -= swallows
        if swallows:
            self._state = join(self._state, touched.after_an_error(before))


def _takes_all(pattern: ast.pattern) -> bool:
    """Whether a pattern matches whatever comes."""
    if isinstance(pattern, ast.MatchOr):
        return any(map(_takes_all, pattern.patterns))
    return isinstance(pattern, ast.MatchAs) and (pattern.pattern is None or _takes_all(pattern.pattern))


def _may_swallow(manager: ast.expr) -> bool:
    """Whether a context manager, by its name, ends errors of its block."""
    called = manager.func if isinstance(manager, ast.Call) else manager
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return any(word in name for word in SWALLOWING)
