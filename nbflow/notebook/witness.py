"""Whether a value is still what it was: what is noted of it when a cell is given it, and how it is compared later.

By its fingerprint where that takes little time; by being the same object, and no other one, where it is too large or
has none. A future counts by what it is the future of.
"""

from __future__ import annotations

import sys
import weakref
from concurrent.futures import Future
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from nbflow.client.companion import Companion
from nbflow.client.future import AppFuture
from nbflow.errors import CannotFingerprint, describe
from nbflow.sizes import in_words
from nbflow.values.fingerprint import fingerprint

LARGEST = 10_000_000  # bytes of what is compared by content
MOST = 100_000  # objects in it


@dataclass(frozen=True, slots=True)
class Witness:
    """What was noted of a value.

    `why_not`: why it is not compared by its content; "" if it is. `uses`: the tasks whose futures a function uses.
    """

    print: bytes
    identity: int
    alive: weakref.ref[Any] | None
    future: Any
    why_not: str
    uses: frozenset[int] = frozenset()

    @classmethod
    def of(cls, value: Any) -> Witness:
        """Note what a value is."""
        if isinstance(value, Future):
            return cls(b"", id(value), None, value, "")
        why_not, found, uses = "", b"", set()

        def name_of(future: Any) -> bytes:
            if isinstance(future, (AppFuture, Companion)) and callable(value):
                uses.add(future.tid)
            return b"%d" % id(future)

        try:
            size = size_of(value)
            if size > LARGEST:
                why_not = f"too big to be compared ({in_words(size)} or more)"
            else:
                found = fingerprint(value, name_of)
        except CannotFingerprint as error:
            why_not = f"a {type(value).__name__} cannot be compared: {error.why}"
        except Exception as error:  # the value's own code
            why_not = f"a {type(value).__name__} cannot be compared: {describe(error)}"
        alive = None
        if why_not and not isinstance(value, ModuleType):
            try:
                alive = weakref.ref(value)
            except TypeError:
                alive = None
        return cls(found, id(value), alive, None, why_not, frozenset(uses))

    def still(self, value: Any) -> bool:
        """Whether this is the same value, as far as can be told."""
        if self.future is not None or isinstance(value, Future):
            return self.future is value
        if self.why_not:
            return id(value) == self.identity and (self.alive is None or self.alive() is value)
        other = Witness.of(value)
        return not other.why_not and other.print == self.print


def size_of(value: Any) -> int:
    """About how many bytes a value takes: of arrays and tables their data, of containers what is in them.

    More than `LARGEST` where it is not looked through to its end.

    Raises:
        Exception: whatever the value's own code raises.
    """
    total, seen = 0, set()
    pending = [value]
    while pending and total <= LARGEST:
        value = pending.pop()
        kind = type(value)
        if id(value) in seen or issubclass(kind, Future):  # an attribute of a future would be a task
            continue
        seen.add(id(value))
        if len(seen) > MOST:
            return LARGEST + 1
        if (size := _size_of_data(value)) is not None:
            total += size
            continue
        total += sys.getsizeof(value, 64) if kind.__module__ == "builtins" else 64
        if issubclass(kind, (list, tuple, set, frozenset)):
            pending += value
        elif issubclass(kind, dict):
            pending += [*value.keys(), *value.values()]
        elif not issubclass(kind, (type, ModuleType)):
            pending += vars(value).values() if hasattr(value, "__dict__") else ()
    return total


def _size_of_data(value: Any) -> int | None:
    """The bytes of an array or a table; None of anything else."""
    kind = type(value)
    if kind.__module__.partition(".")[0] == "pandas" and hasattr(kind, "memory_usage"):
        used = value.memory_usage(deep=False)
        return int(used.sum()) if hasattr(used, "sum") else int(used)
    size = value.nbytes if hasattr(kind, "nbytes") and not issubclass(kind, type) else None
    return size if isinstance(size, int) else None
