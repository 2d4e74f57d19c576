"""Where in a call's arguments futures are looked for, and how their values are put in their places.

Arguments that travel to another process are pickled, and every future in them is found on the way, at any depth: that
is the default. A `DependencyResolver` says otherwise, and it is what serves arguments that stay in this process. What
holds no future is passed as it is, never copied; what holds one is copied, so the caller's containers never change.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any

from nbflow.values.containers import holding, parts
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
        elif (held := _parts(value)) is not None and id(value) not in seen:
            seen.add(id(value))
            pending += held
    return found[::-1]


def _parts(value: Any) -> Iterable[Any] | None:
    """What a container holds; None if it is none."""
    return value.needed() if issubclass(type(value), NeededTogether) else parts(value)


def _filled(value: Any, within: tuple[int, ...] = ()) -> Any:
    """The value with those of the futures in it, at any depth of containers; itself if it holds none."""
    if issubclass(type(value), Future):
        return value.result()
    held = _parts(value)
    if held is None or id(value) in within:  # a container within itself stays what it is there
        return value
    held = list(held)
    filled = [_filled(part, (*within, id(value))) for part in held]
    if issubclass(type(value), NeededTogether):
        return filled
    if all(a is b for a, b in zip(held, filled, strict=True)):
        return value
    return holding(value, filled)


SHALLOW_DEPENDENCY_RESOLVER = DependencyResolver(_here, _value)
"""Futures that are arguments themselves, or elements of `inputs`."""

DEEP_DEPENDENCY_RESOLVER = DependencyResolver(_anywhere, _filled)
"""Futures at any depth of lists, tuples, sets, dicts (keys and values) and dataclasses as well."""
