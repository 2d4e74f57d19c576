"""Capture of functions by value, afresh exactly when something that they refer to has changed.

What the user sees is what runs: a function of a notebook or of a script's `__main__` travels with its code and with
the globals, helpers, classes and closure cells it refers to, as they are at the call. Pickling all that costs some
10 us and more, so it is done again only when needed: values that cannot change are compared by identity, and a
function that refers to anything else is captured at every call.
"""

from __future__ import annotations

import hashlib
import os
import sys
import types
from typing import Any

from nbflow.errors import CannotFingerprint
from nbflow.values import memo
from nbflow.values.byvalue import WithCache, dumps_function
from nbflow.values.libraries import is_of_library
from nbflow.values.referring import by_reference, imports_of, names_of
from nbflow.values.source import origin_of
from nbflow.wire.messages import Define

_ATOMS = (int, float, complex, bool, str, bytes, type(None), type(...), range)
_MISSING = object()


class Captor:
    """Captures one function, again and again."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self._capture: Define | None = None
        self._fingerprint: tuple[Define | None, bytes] = (None, b"")
        self._watch: _Watch | None = None
        self._mention: Define | None = None

    def mention(self) -> Define:
        """The function as people see it, without its code: it runs by reference, in this process."""
        if self._mention is None:
            self._mention = Define(os.urandom(16), b"", True, *origin_of(self.function))
        return self._mention

    def capture(self) -> Define:
        """The function as it is now; `reusable` if calls cannot leave anything behind in it.

        Raises:
            Exception: whatever pickling raises for something that the function refers to.
        """
        if self._capture is not None and self._watch is not None and self._watch.unchanged():
            return self._capture
        watch = _Watch(self.function)
        code = dumps_function(self.function)
        digest = hashlib.blake2b(code, digest_size=16).digest()
        if self._capture is None or self._capture.digest != digest:
            origin = origin_of(self.function, watch.functions)
            self._capture = Define(digest, code, watch.stable and not watch.writes, *origin)
        self._watch = watch if watch.stable else None
        return self._capture

    def fingerprint(self, app: str, *, captured: bool = True) -> bytes:
        """What the function counts by in the memo; b"" if it has no fingerprint.

        That is logged, with the name of the app. Worked out again only after a capture that gave something new;
        each time for a function that is not captured, because it runs by reference, and for one that refers to what
        can change where it does not show in a capture: modules of the user's, files.
        """
        settled = self._watch is not None and not self._watch.elsewhere
        if self._fingerprint[0] is not self._capture or not captured or not settled:
            try:
                found = memo.fingerprint(self.function)
            except CannotFingerprint as error:
                memo.explain(app, error)
                found = b""
            self._fingerprint = (self._capture, found)
        return self._fingerprint[1]


class _Watch:
    """What a function refers to, and whether all of it is still the same."""

    def __init__(self, function: Any) -> None:
        self.stable = True  # nothing it refers to can change without changing identity
        self.writes = False  # a call can leave something behind in its globals or cells
        self.elsewhere = False  # it refers to modules of the user's, whose files may change
        self.functions: list[types.FunctionType] = []
        self._globals: list[tuple[dict[str, Any], str, Any]] = []
        self._cells: list[tuple[types.CellType, Any]] = []
        self._parts: list[tuple[types.FunctionType, types.CodeType, Any, Any, tuple[Any, ...]]] = []
        self._seen: set[int] = set()
        if (inner := self._judge(function)) is not None:
            self._visit(inner)

    def unchanged(self) -> bool:
        """Whether every name still stands for the same object."""
        for namespace, name, value in self._globals:
            if namespace.get(name, _MISSING) is not value:
                return False
        for cell, value in self._cells:
            if _contents(cell) is not value:
                return False
        for function, code, defaults, named, values in self._parts:
            if (
                function.__code__ is not code
                or function.__defaults__ is not defaults
                or function.__kwdefaults__ is not named
            ):
                return False
            own = function.__dict__
            if (own or values) and not _same(tuple(own.values()), values):
                return False
        return True

    def _visit(self, function: types.FunctionType) -> None:
        """A function that travels by value."""
        pending = [function]
        while pending:
            function = pending.pop()
            if id(function) in self._seen:
                continue
            self._seen.add(id(function))
            self.functions.append(function)
            self._parts.append(_parts(function))
            reads, writes = names_of(function.__code__)
            self.writes |= writes
            self.elsewhere |= any(
                level or not is_of_library(name) for level, name, _ in imports_of(function.__code__)
            )
            values = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
            values += function.__dict__.values()
            for cell in function.__closure__ or ():
                values.append(_contents(cell))
                self._cells.append((cell, values[-1]))
            for name in reads:
                values.append(function.__globals__.get(name, _MISSING))
                self._globals.append((function.__globals__, name, values[-1]))
            pending += (inner for value in values if (inner := self._judge(value)) is not None)

    def _judge(self, value: Any) -> types.FunctionType | None:
        """Note whether a value can change unseen; a function that travels by value is given back to be visited."""
        kind = type(value)
        if kind in _ATOMS or value is _MISSING:
            return None
        if kind is types.ModuleType:
            self.stable &= sys.modules.get(value.__name__) is value
            self.elsewhere |= not is_of_library(value.__name__)
        elif kind in (tuple, frozenset):
            inner = [function for item in value if (function := self._judge(item)) is not None]
            self.stable &= not inner  # functions inside of containers: rare, so captured at every call
        elif by_reference(value):
            self.elsewhere |= not is_of_library(value.__module__)
        elif isinstance(value, types.FunctionType):
            return value
        elif isinstance(value, WithCache):
            return self._judge(value.__wrapped__)
        elif isinstance(carried := getattr(kind, "carried_function", None), property):
            inner_function = carried.fget(value) if carried.fget else None
            return inner_function if isinstance(inner_function, types.FunctionType) else None
        else:
            self.stable = False
        return None


def _parts(
    function: types.FunctionType,
) -> tuple[types.FunctionType, types.CodeType, Any, Any, tuple[Any, ...]]:
    """A function and what of it can be replaced in place; `__dict__` counts by its values."""
    own = tuple(function.__dict__.values())
    return function, function.__code__, function.__defaults__, function.__kwdefaults__, own


def _same(some: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))


def _contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return _MISSING
