"""Where in a call's arguments futures are looked for, and how their values are put in their places.

Arguments that travel to another process are pickled, and every future in them is found on the way, at any depth: that
is the default. A `DependencyResolver` says otherwise, and it is what serves arguments that stay in this process. What
holds no future is passed as it is, never copied; what holds one is copied, so the caller's containers never change.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any

from nbflow.values.pickling import NeededTogether


@dataclasses.dataclass(frozen=True)
class DependencyResolver:
    """A pair of functions, each called with one argument of a call, or one element of its `inputs`.

    `traverse_to_gather` gives the futures in it that the task needs; `traverse_to_unwrap`, called once all of them are
    done, gives what the function gets in its place. Both run in the process that made the call.
    """

    traverse_to_gather: Callable[[Any], Sequence[Future[Any]]]
    traverse_to_unwrap: Callable[[Any], Any]

    def gather(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Future[Any]]:
        """All futures that a call with these arguments needs."""
        return [future for value in _items(args, kwargs) for future in self.traverse_to_gather(value)]

    def unwrap(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments that the function gets; all that `gather` gave must be done."""
        unwrap = self.traverse_to_unwrap
        named = {
            name: [unwrap(item) for item in value] if _are_inputs(name, value) else unwrap(value)
            for name, value in kwargs.items()
        }
        return tuple(map(unwrap, args)), named


def _items(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterable[Any]:
    yield from args
    for name, value in kwargs.items():
        yield from value if _are_inputs(name, value) else (value,)


def _are_inputs(name: str, value: Any) -> bool:
    return name == "inputs" and isinstance(value, (list, tuple))


def _here(value: Any) -> Sequence[Future[Any]]:
    return (value,) if issubclass(type(value), Future) else ()


def _value(value: Any) -> Any:
    return value.result() if issubclass(type(value), Future) else value


def _anywhere(value: Any) -> Sequence[Future[Any]]:
    found: list[Future[Any]] = []
    pending, seen = [value], set()
    while pending:
        value = pending.pop()
        if issubclass(type(value), Future):
            found.append(value)
        elif (parts := _parts(value)) is not None and id(value) not in seen:
            seen.add(id(value))
            pending += parts
    return found[::-1]


def _parts(value: Any) -> Iterable[Any] | None:
    """What a container holds; None if it is none."""
    kind = type(value)  # not `isinstance`: what that asks an object may be the user's code
    if issubclass(kind, (list, tuple, set, frozenset)):
        return value  # type: ignore[no-any-return]
    if issubclass(kind, NeededTogether):
        return value.needed()  # type: ignore[no-any-return]
    if issubclass(kind, dict):
        return [*value.keys(), *value.values()]
    if dataclasses.is_dataclass(kind):
        return [getattr(value, field.name, None) for field in dataclasses.fields(value)]
    return None


def _filled(value: Any, within: tuple[int, ...] = ()) -> Any:
    """The value with those of the futures in it, at any depth of containers; itself if it holds none."""
    if issubclass(type(value), Future):
        return value.result()
    parts = _parts(value)
    if parts is None or id(value) in within:  # a container within itself stays what it is there
        return value
    parts = list(parts)
    filled = [_filled(part, (*within, id(value))) for part in parts]
    if issubclass(type(value), NeededTogether):
        return filled
    if all(a is b for a, b in zip(parts, filled, strict=True)):
        return value
    return _like(value, filled)


def _like(value: Any, parts: list[Any]) -> Any:
    """A container of the same kind that holds these, given in the order of `_parts`."""
    if isinstance(value, (tuple, frozenset)):  # what a class of its own takes to be made is not known
        kind: Any = type(value)
        made = tuple.__new__(kind, parts) if isinstance(value, tuple) else frozenset.__new__(kind, parts)
        if variables := getattr(value, "__dict__", None):
            made.__dict__.update(variables)
        return made
    made = copy.copy(value)  # what else a class of its own has stays
    if isinstance(value, list):
        made[:] = parts
    elif isinstance(value, set):
        made.clear()
        made.update(parts)
    elif isinstance(value, dict):
        made.clear()
        for key, part in zip(parts[: len(value)], parts[len(value) :], strict=True):
            made[key] = part  # a `Counter` would count what it is updated with
    else:
        for field, part in zip(dataclasses.fields(value), parts, strict=True):
            object.__setattr__(made, field.name, part)
    return made


SHALLOW_DEPENDENCY_RESOLVER = DependencyResolver(_here, _value)
"""Futures that are arguments themselves, or elements of `inputs`."""

DEEP_DEPENDENCY_RESOLVER = DependencyResolver(_anywhere, _filled)
"""Futures at any depth of lists, tuples, sets, dicts (keys and values) and dataclasses as well."""
