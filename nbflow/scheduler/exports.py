"""Values that stay in the client's process: asked for once when another process needs them, and known from then on.

A thread's value is passed by reference among threads. Only a process's task, or a call made inside of one, needs its
bytes; then the client pickles it, and what waits for that goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nbflow.wire.outcomes import Composed, Failure, Held, Inline, Stored


class NotExported(Exception):
    """A value cannot leave the client's process; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.text)


class Exports:
    """`ask` asks the client for a value by its number. `used`: whether there ever was such a value."""

    def __init__(self, ask: Callable[[int], None]) -> None:
        self.used = False
        self._ask = ask
        self._known: dict[int, Inline | Stored | Failure] = {}
        self._waiting: dict[int, list[Callable[[], None]]] = {}
        self._forgotten: set[int] = set()  # of those that are waited for

    def fetch(self, values: Iterable[Any], then: Callable[[], None]) -> bool:
        """Whether all that is in these values is known; else it is asked for, and `then` is called when some has come.

        `then` is to ask again: more may be missing.
        """
        missing = {held.number for held in _held(values)} - self._known.keys()
        for number in missing:
            if number not in self._waiting:
                self._ask(number)
            self._waiting.setdefault(number, [])
        if missing:
            self._waiting[min(missing)].append(then)
        return not missing

    def put_in(self, value: Any) -> Any:
        """The value with bytes in place of what stays in the client's process. All of it must be known.

        Raises:
            NotExported: some of it cannot travel.
        """
        if isinstance(value, Held):
            found = self._known[value.number]
            if isinstance(found, Failure):
                raise NotExported(found)
            return found
        if isinstance(value, Composed):
            return Composed(value.template, [self.put_in(part) for part in value.parts])
        return value

    def answered(self, number: int, outcome: Inline | Stored | Failure) -> bool:
        """A value has come; False if it was forgotten meanwhile, and its copy is nobody's."""
        self._known[number] = outcome
        for then in self._waiting.pop(number, ()):
            then()
        if number in self._forgotten:
            self._forgotten.remove(number)
            del self._known[number]
            return False
        return True

    def forget(self, number: int) -> Inline | Stored | Failure | None:
        """Nobody needs the value any more; gives the copy that was made of it."""
        if number in self._waiting:
            self._forgotten.add(number)
        return self._known.pop(number, None)


def _held(values: Iterable[Any]) -> Iterable[Held]:
    for value in values:
        if isinstance(value, Held):
            yield value
        elif isinstance(value, Composed):
            yield from _held(value.parts)
