"""What a cell's task gives: the names it has bound, the value of its last expression, what it has displayed.

Each value is pickled by itself, so that one that cannot travel costs no other, and whoever needs one name rebuilds
that alone; large buffers stay out of band and are shared, as those of any value. On a thread of the user's process
nothing is pickled.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nbflow.errors import NotBound, describe
from nbflow.values import pickling
from nbflow.values.pickling import need
from nbflow.values.short import short

Bundle = tuple[dict[str, Any], dict[str, Any]]
"""Data and metadata by MIME type, as notebooks display them."""


class Displayed(NamedTuple):
    """One display of a cell. `behind`: how many bytes the cell had printed before it; -1 = that is not known."""

    bundle: Bundle
    behind: int = -1


@dataclass(frozen=True, slots=True)
class Packed:
    """One value, pickled."""

    data: Any
    buffers: Sequence[Any]

    def load(self, *, mine: bool) -> Any:
        """The value; `mine`: see `nbflow.values.pickling.loads`."""
        return pickling.loads(self.data, self.buffers, mine=mine)

    def __reduce__(self) -> tuple[Any, ...]:
        data = self.data if len(self.data) < pickling.BIG else pickle.PickleBuffer(self.data)
        return Packed, (data, [pickle.PickleBuffer(buffer) for buffer in self.buffers])


@dataclass(frozen=True, slots=True)
class Lost:
    """Stands for a value that cannot travel: why."""

    why: str


NOTHING = object()


@dataclass(frozen=True, slots=True)
class CellValue:
    """What a cell gave. `value` is `NOTHING` where it does not end with an expression, or one that gives None."""

    names: Mapping[str, Any]
    value: Any = NOTHING
    shown: Sequence[Displayed] = field(default_factory=list)

    def get(self, name: str, *, mine: bool = False) -> Any:
        """The value of a name.

        Raises:
            NotBound: there is none; the text says why.
        """
        try:
            found = self.names[name]
        except KeyError:
            raise NotBound(f"the cell has ended without binding `{name}`") from None
        return _opened(found, f"`{name}`", mine)

    def last(self, *, mine: bool = False) -> Any:
        """The value of the last expression; None if there is none. Raises as `get`."""
        return None if self.value is NOTHING else _opened(self.value, "the last value", mine)

    @property
    def lost(self) -> dict[str, str]:
        """The names whose values cannot travel, and why."""
        return {name: found.why for name, found in self.names.items() if isinstance(found, Lost)}

    def __reduce__(self) -> tuple[Any, ...]:
        names = {name: _packed(value) for name, value in self.names.items()}
        value = () if self.value is NOTHING else (_packed(self.value),)
        return _rebuilt, (names, value, list(self.shown))

    def __repr__(self) -> str:
        named = [f"{name}={_told(value)}" for name, value in self.names.items()]
        return ", ".join([*named, *([] if self.value is NOTHING else [_told(self.value)])]) or "nothing"


def _rebuilt(names: dict[str, Any], value: tuple[Any, ...], shown: list[Displayed]) -> CellValue:
    return CellValue(names, value[0] if value else NOTHING, shown)


def _told(value: Any) -> str:
    return "…" if isinstance(value, (Packed, Lost)) else short(value)


def _packed(value: Any) -> Packed | Lost:
    if isinstance(value, (Packed, Lost)):  # it has travelled before
        return value
    kind = type(value).__name__
    try:
        pickled = pickling.dumps(value)
    except BaseException as error:  # the value's own code runs here: `SystemExit` says nothing about the task
        return Lost(f"its {kind} cannot travel: {describe(error)}")
    if pickled.needs:
        return Lost(f"its {kind} holds a future that was made in the task: take its result() there")
    return Packed(pickled.data, pickled.buffers)


def _opened(value: Any, what: str, mine: bool) -> Any:
    if isinstance(value, Lost):
        raise NotBound(f"{what} stayed in its task: {value.why}")
    return value.load(mine=mine) if isinstance(value, Packed) else value


def named(index: int, name: str) -> Any:
    """What the future of a name is unpickled as, among the arguments of a task: the name's value."""
    cell = need(index)
    assert isinstance(cell, CellValue)
    return cell.get(name)


def last(index: int) -> Any:
    """The same for the value of the cell's last expression."""
    cell = need(index)
    assert isinstance(cell, CellValue)
    return cell.last()
