"""Values that stay in this process: arguments and results of tasks on threads, and of futures of other libraries.

They are passed by reference, and pickled only when another process asks for them. Each is kept under a number until
the scheduler says that nobody needs it any more.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbflow.errors import CannotPickle, UsageError, describe
from nbflow.values import outcome, pickling
from nbflow.values.resolvers import DependencyResolver
from nbflow.wire.outcomes import Failure, Held, Inline, Stored


@dataclass(frozen=True)
class HeldCall:
    """A call whose function and arguments never leave this process."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    resolver: DependencyResolver

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What the function gets; all that the call needs must be done."""
        return self.resolver.unwrap(self.args, self.kwargs)


class HeldValues(Mapping[int, Any]):
    """The values by their numbers."""

    def __init__(self, store_dirs: Sequence[str]) -> None:
        self._values: dict[int, Any] = {}
        self._numbers = itertools.count(1)
        self._store_dirs = store_dirs

    def put(self, value: Any) -> Held:
        """Keep a value."""
        number = next(self._numbers)
        self._values[number] = value
        return Held(number, _is_read_once(value))

    def drop(self, number: int) -> None:
        """Nobody needs it any more."""
        self._values.pop(number, None)

    def export(self, number: int) -> Inline | Stored | Failure:
        """The value for another process, or why it cannot travel; never raises."""
        try:
            value = self._values[number]
            try:
                pickled = pickling.dumps(value)
                if pickled.needs:
                    raise UsageError("there is a future in it: return the future's result()")
                return outcome.store(pickled, self._store_dirs)
            except BaseException as error:  # the value's own code runs here
                raise CannotPickle(
                    f"a value that stays with the threads of the notebook's process ({type(value).__name__}) "
                    f"cannot travel to another process: {describe(error)}"
                ) from error
        except Exception as error:
            return outcome.pack_error(error)

    def __getitem__(self, number: int) -> Any:
        return self._values[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _is_read_once(value: Any) -> bool:
    """Whether it is used up by whoever reads it, or is one of several values of which one is."""
    # not by `set`: a class may be such that it has no hash
    kinds = {id(part): part for part in map(type, value)}.values() if type(value) is tuple else (type(value),)
    for kind in kinds:
        for base in kind.__mro__:
            names = base.__dict__
            if "__next__" in names or "__anext__" in names or "cr_await" in names:
                return True  # an iterator, an asynchronous one, a coroutine
    return False
