"""Which cell gave another one what it reads: what a name stood for when it ran, not what it stands for by now.

    In[2] x = load(a)        In[3] x = clean(x)      x is that of In[2]
                             In[4] y = fit(x)        x is that of In[3], whoever binds `x` later

That a cell builds on another one is known of the last run of each, and is never a circle: where a cell is given what
has been made of its own earlier value, it builds on what it was given then, as if each cell had run once.

No future is held here: what a cell has bound may be forgotten as soon as no name stands for it. A value that no cell
has bound is held, if it is not large, as long as the cell's run is known: a cell may take its name away, `x = x + 1`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbflow.notebook.task.future import NameFuture

if TYPE_CHECKING:
    from nbflow.notebook.running import Run

ABSENT = object()
"""What a name has that has no value."""


@dataclass(frozen=True, slots=True)
class Source:
    """A run of a cell: by what the cell is known when it is run again, and the task of that run."""

    key: str
    tid: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A value that no cell has bound."""

    value: Any


class Runs(dict[str, "Run"]):
    """The last run of each cell, by what the cell is known by, in the order in which they were first run."""

    def sources(self, key: str, given: Mapping[str, Any], small: Collection[str]) -> dict[str, Source | Kept]:
        """Where that comes from which a cell is given, by name. `small`: the names whose values may be kept."""
        earlier = self.get(key)
        found: dict[str, Source | Kept] = {}
        for name, value in given.items():
            maker = self._maker(name, value)
            if maker is None:
                if name in small:
                    found[name] = Kept(value)
            elif maker.sent.key != key and not self._builds_on(maker, key):
                found[name] = Source(maker.sent.key, maker.future.tid)
            elif earlier is not None and name in earlier.sources:
                found[name] = earlier.sources[name]
        return found

    def used(self, key: str, tids: Mapping[str, Iterable[int]]) -> dict[str, tuple[Source, ...]]:
        """The same of functions that it is given, which use futures of these tasks; by the function's name."""
        by_task = {run.future.tid: run for run in self.values()}
        found = {}
        for name, used in tids.items():
            makers = [by_task[tid] for tid in used if tid in by_task]
            others = [run for run in makers if run.sent.key != key and not self._builds_on(run, key)]
            if others:
                found[name] = tuple(Source(run.sent.key, run.future.tid) for run in others)
        return found

    def supplier(self, run: Run, name: str, space: Mapping[str, Any]) -> Run | Kept | None:
        """What gives a cell this name: a cell, by its last run, or a value that cells have taken the name from since.

        None where it is what the name stands for: somebody has set it by hand, or nothing else is known.
        """
        source, value = run.sources.get(name), space.get(name, ABSENT)
        is_of_a_cell = isinstance(value, NameFuture) or any(one.binds(name, value) for one in self.values())
        if isinstance(source, Kept):
            return source if is_of_a_cell else None
        found = None if source is None else self.get(source.key)
        if found is None or name not in found.names:
            return None
        return found if is_of_a_cell or value is ABSENT else None

    def supplied(self, run: Run, space: Mapping[str, Any]) -> dict[str, Any]:
        """What a cell that is run again is to be given, by name, where that is not what the name stands for."""
        found: dict[str, Any] = {}
        for name in run.sources:
            supplier = self.supplier(run, name, space)
            if isinstance(supplier, Kept):
                found[name] = supplier.value
            elif supplier is not None:
                found[name] = supplier.names[name]
        return found

    def is_its_own(self, run: Run, name: str, value: Any) -> bool:
        """Whether this is what a cell has bound to a name itself, or what other cells have made of that."""
        return any(
            one.binds(name, value) and (one is run or self._builds_on(one, run.sent.key))
            for one in self.values()
        )

    def resting_on(self, run: Run) -> list[Run]:
        """It, and those that have been given what it binds, or what was made of that, by this very run."""
        found = [run]
        for one in found:
            for other in self.values():
                if other not in found and any(source.tid == one.future.tid for source in _all_sources(other)):
                    found.append(other)
        return found

    def in_order(self) -> list[Run]:
        """Each cell behind those that it builds on; else as they were first run."""
        placed: dict[str, Run] = {}
        pending = [(run, False) for run in reversed(self.values())]
        while pending:
            run, ready = pending.pop()
            if run.sent.key in placed:
                continue
            if ready:
                placed[run.sent.key] = run
                continue
            pending.append((run, True))
            pending += [(self[one.key], False) for one in _all_sources(run) if one.key in self]
        return list(placed.values())

    def _maker(self, name: str, value: Any) -> Run | None:
        """The cell whose last run has bound this to the name; under another name it is what somebody has made of it."""
        if not isinstance(value, NameFuture):
            return None
        return next((run for run in self.values() if run.names.get(name) is value), None)

    def _builds_on(self, run: Run, key: str) -> bool:
        """Whether a cell builds on that one, however far back."""
        seen, pending = {run.sent.key}, [run]
        while pending:
            for source in _all_sources(pending.pop()):
                if source.key == key:
                    return True
                if source.key in self and source.key not in seen:
                    seen.add(source.key)
                    pending.append(self[source.key])
        return False


def _all_sources(run: Run) -> Iterator[Source]:
    yield from (source for source in run.sources.values() if isinstance(source, Source))
    for several in run.used.values():
        yield from several
