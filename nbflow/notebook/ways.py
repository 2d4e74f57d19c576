"""What is known of names at one point of a cell's way, and what reading, binding and deleting one does to that.

Pure; the way itself is `inference`'s subject. `State` is what is known at a point; where ways meet, `join` tells what
is known behind that.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from nbflow.notebook.bodies import Body, Place


@dataclass(slots=True)
class State:
    """What is known at one point of the way.

    `own`: what the class whose body runs has certainly bound for itself; `dead`: no way leads there.
    """

    gone: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    sure: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)
    dead: bool = False

    def copy(self) -> State:
        return State(set(self.gone), set(self.bound), set(self.sure), set(self.own), self.dead)


def join(*states: State) -> State:
    """Where several ways meet."""
    alive = [state for state in states if not state.dead]
    if not alive:
        return State(dead=True)
    joined = alive[0].copy()
    for state in alive[1:]:
        joined.gone &= state.gone
        joined.bound |= state.bound
        joined.sure &= state.sure
        joined.own &= state.own
    return joined


@dataclass(slots=True)
class Touched:
    """What a block binds and deletes anywhere: an error may come after any of it."""

    bound: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)

    def after_an_error(self, before: State) -> State:
        """What is known if the block was left somewhere in its midst."""
        return State(
            set(before.gone),
            before.bound | self.bound,
            before.sure - self.deleted,
            before.own - self.deleted,
        )


@dataclass(slots=True)
class ClassBody:
    """A class whose body runs: what is not its own, and its functions."""

    declared: set[str] = field(default_factory=set)  # global
    bodies: dict[str, list[Body]] = field(default_factory=dict)


@dataclass(slots=True)
class Loop:
    """What is known where a loop is left, and where it is begun anew, from within."""

    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


class Names(ast.NodeVisitor):
    """The names of a cell, up to the point that the walk has reached."""

    def __init__(self) -> None:
        self._state = State()
        self._reads: dict[str, Place] = {}
        self._needed: dict[str, Place] = {}
        self._order: dict[str, None] = {}  # of names that are bound anywhere
        self._late: set[str] = set()  # bound by what runs at any time from here on
        self._changes: set[str] = set()
        self._deleted: dict[str, None] = {}
        self._bodies: dict[str, list[Body]] = {}
        self._called: set[str] = set()  # names that functions refer to which anybody may call by now
        self._doubt = 0  # blocks around that may not run
        self._scopes: list[set[str] | ClassBody] = []  # comprehensions' own names, and classes
        self._touched: list[Touched] = []
        self._loops: list[Loop] = []
        self._stars: list[Place] = []
        self._bare: dict[str, Place] = {}

    def _read(self, name: str, place: Place) -> None:
        """A name is read by a statement of the cell, now."""
        innermost = self._scopes[-1] if self._scopes else None
        if isinstance(innermost, ClassBody) and name in self._state.own:
            for body in innermost.bodies.get(name, ()):
                self._run(body)
            return
        self._look_up(name, place, needed=not self._doubt)

    def _look_up(self, name: str, place: Place, *, needed: bool) -> None:
        """The name in the comprehensions around, then among the cell's own; a class is passed over."""
        if any(name in scope for scope in self._scopes if isinstance(scope, set)):
            return
        if name not in self._state.gone:
            self._reads.setdefault(name, place)
            by_itself = name in self._state.bound or name in self._late  # it may have it by now
            if needed and not by_itself and not self._stars:
                self._needed.setdefault(name, place)
        self._use(name)

    def _use(self, name: str) -> None:
        """Whatever functions the name stands for may be called from now on."""
        for body in self._bodies.get(name, ()):
            self._run(body)

    def _run(self, body: Body) -> None:
        """A function may be called now, and at any time later."""
        pending, seen = [body], {id(body)}
        while pending:
            body = pending.pop()
            for name, place in body.reads.items():
                if any(name in scope for scope in self._scopes if isinstance(scope, set)):
                    continue
                if name not in self._state.gone:
                    self._reads.setdefault(name, place)
                self._called.add(name)
                more = [one for one in self._bodies.get(name, ()) if id(one) not in seen]
                seen.update(map(id, more))
                pending += more
            for name in body.writes:
                self._late.add(name)
                self._order.setdefault(name)
            for name in body.changes:
                self._change(name)

    def _bind(self, name: str, bodies: Sequence[Body] = ()) -> None:
        innermost = self._scopes[-1] if self._scopes else None
        if isinstance(innermost, ClassBody) and name not in innermost.declared:
            self._state.own.add(name)
            innermost.bodies.setdefault(name, []).extend(bodies)
            return
        self._order.setdefault(name)
        for names in (self._state.gone, self._state.bound, self._state.sure):
            names.add(name)
        for touched in self._touched:
            touched.bound.add(name)
        if bodies:
            self._bodies.setdefault(name, []).extend(bodies)
            if name in self._called:
                self._use(name)

    def _delete(self, name: str, place: Place) -> None:
        self._read(name, place)
        innermost = self._scopes[-1] if self._scopes else None
        if isinstance(innermost, ClassBody) and name not in innermost.declared:
            self._state.own.discard(name)
            for touched in self._touched:
                touched.deleted.add(name)
            return
        self._deleted.setdefault(name)
        self._unbind(name)

    def _unbind(self, name: str) -> None:
        self._state.gone.add(name)
        self._state.bound.discard(name)
        self._state.sure.discard(name)
        for touched in self._touched:
            touched.deleted.add(name)

    def _change(self, name: str) -> None:
        """An object from outside is changed in place, if it is the name's."""
        inside = any(name in scope for scope in self._scopes if isinstance(scope, set))
        innermost = self._scopes[-1] if self._scopes else None
        if inside or (isinstance(innermost, ClassBody) and name in self._state.own):
            return
        if name not in self._state.gone:
            self._changes.add(name)

    # ------------------------------------------------------------ what may not run

    @contextmanager
    def _perhaps(self) -> Iterator[None]:
        """What is visited within may run or not."""
        before = self._state.copy()
        self._doubt += 1
        yield
        self._doubt -= 1
        self._state = join(before, self._state)

    def _either(self, *ways: Callable[[], object]) -> None:
        """One of the ways is gone."""
        before, ends = self._state, []
        self._doubt += 1
        for way in ways:
            self._state = before.copy()
            way()
            ends.append(self._state)
        self._doubt -= 1
        self._state = join(*ends)

    @contextmanager
    def _watched(self) -> Iterator[Touched]:
        """Notes what is bound and deleted within."""
        touched = Touched()
        self._touched.append(touched)
        yield touched
        self._touched.pop()
