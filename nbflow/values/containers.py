"""The containers in which futures and files are looked for: what is in one, and the same one with other things in it.

Lists, tuples, sets and dictionaries, of any class, and dataclasses. What holds nothing that is replaced is passed as it
is, never copied; what does is copied, so that the caller's own never changes. Nothing here asks an object for its
class, which may be the user's code.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any


def parts(value: Any) -> Iterable[Any] | None:
    """What a container holds; None if it is none."""
    kind = type(value)
    if issubclass(kind, (list, tuple, set, frozenset)):
        return value  # type: ignore[no-any-return]
    if issubclass(kind, dict):
        return [*value.keys(), *value.values()]
    if dataclasses.is_dataclass(kind):
        return [getattr(value, field.name, None) for field in dataclasses.fields(value)]
    return None


def walk(value: Any) -> Iterator[Any]:
    """The value, and all that is in it at any depth of containers."""
    pending, seen = [value], set()
    while pending:
        value = pending.pop()
        yield value
        if (held := parts(value)) is not None and id(value) not in seen:
            seen.add(id(value))
            pending += held


def holding(value: Any, held: list[Any]) -> Any:
    """A container like this one that holds these, which come in the order of `parts`."""
    kind: Any = type(value)
    if issubclass(kind, (tuple, frozenset)):  # what a class of its own takes to be made is not known
        base: Any = tuple if issubclass(kind, tuple) else frozenset
        made = base.__new__(kind, held)
        if variables := getattr(value, "__dict__", None):
            made.__dict__.update(variables)
        return made
    made = copy.copy(value)  # what else a class of its own has stays
    if issubclass(kind, list):
        made[:] = held
    elif issubclass(kind, set):
        made.clear()
        made.update(held)
    elif issubclass(kind, dict):
        made.clear()
        for key, part in zip(held[: len(value)], held[len(value) :], strict=True):
            made[key] = part  # a `Counter` would count what it is updated with
    else:
        for field, part in zip(dataclasses.fields(value), held, strict=True):
            object.__setattr__(made, field.name, part)
    return made
