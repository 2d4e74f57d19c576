"""cloudpickle's pickler, and what it leaves out: where code was written, functions with a cache, what a class is.

From 3.1.3 on it leaves out the file of the code that it carries. Tracebacks show the lines of that file, so here it
travels along. Functions with a cache (`functools.lru_cache`) it carries by their name alone, which means nothing
elsewhere. Here they travel like any other function: with their code, and with an empty cache, which then lives as long
as the copy does. The globals that a class reads which a function makes, it forgets; more of classes is in `classes`.

A class that comes back is known again by a number that cloudpickle draws for it. Classes of a script or notebook have
one here that tells what is in them: so a value that an earlier session has left is of the class that is there now, if
nothing in that has changed.
"""

from __future__ import annotations

import functools
import io
import sys
from collections import ChainMap
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from types import CodeType, FunctionType
from typing import Any, NewType

import cloudpickle
from cloudpickle import cloudpickle as _inner

from nbflow.errors import CannotFingerprint
from nbflow.values import classes
from nbflow.values.libraries import is_of_library
from nbflow.values.referring import by_reference, chooses, names_of

WithCache = functools._lru_cache_wrapper


def _with_cache(function: Callable[..., Any], maxsize: int | None, typed: bool) -> WithCache[Any]:
    return functools.lru_cache(maxsize, typed)(function)


def _reduce(value: WithCache[Any]) -> Any:
    """As the `pickle` module asks for it: a name, or a function and its arguments."""
    if by_reference(value):
        return value.__qualname__
    parameters = value.cache_parameters()
    return _with_cache, (value.__wrapped__, parameters["maxsize"], parameters["typed"])


def _cached_property(function: Any, name: str | None) -> functools.cached_property[Any]:
    made = functools.cached_property(function)
    made.attrname = name
    return made


def _reduce_cached_property(value: functools.cached_property[Any]) -> Any:
    """Up to Python 3.11 it has a lock, which is made anew."""
    return _cached_property, (value.func, value.attrname)


def _reduce_new_type(value: Any) -> Any:
    """A type's other name: as `typing` pickles it, by where it stands, or else what it is made of."""
    if by_reference(value):
        return value.__qualname__
    return _new_type, (value.__name__, value.__supertype__, value.__module__)


def _new_type(name: str, kind: Any, module: str) -> Any:
    make: Any = NewType
    made = make(name, kind)
    made.__module__ = module  # it takes that of whoever makes it
    return made


def _choosing(functions: Mapping[Any, Callable[..., Any]]) -> Any:
    made = functools.singledispatch(functions[object])
    for kind, function in functions.items():
        made.register(kind, function)
    return made


_reduce_code = cloudpickle.Pickler.dispatch_table[CodeType]
_FILE = 10  # which of the arguments of `CodeType` it is, from Python 3.10 on


def _code(code: CodeType) -> Any:
    """As cloudpickle carries it, and with its file: a copy of the text, for a shared one would be pickled as such."""
    make, arguments = _reduce_code(code)
    return make, (*arguments[:_FILE], "".join(code.co_filename), *arguments[_FILE + 1 :])


def _note_globals(code: CodeType) -> None:
    """Have cloudpickle know the globals that classes read which the code makes: it looks at functions alone."""
    if code not in _inner._extract_code_globals_cache:
        found = _inner._extract_code_globals(code)
        found.update(dict.fromkeys(names_of(code)[0]))


def _know_by_content(made: type) -> None:
    """Have a class of the user's main module known by what is in it, unless it is known already."""
    if made.__module__ != "__main__" or made in _inner._DYNAMIC_CLASS_TRACKER_BY_CLASS:
        return
    if (
        getattr(sys.modules["__main__"], made.__name__, None) is not made
        or made.__qualname__ != made.__name__
    ):
        return  # a local one, or one that was defined anew since
    from nbflow.values.fingerprint import fingerprint  # which pickles in its turn

    try:
        number = f"{made.__name__} {fingerprint(made).hex()}"
    except CannotFingerprint:
        return
    with _inner._DYNAMIC_CLASS_TRACKER_LOCK:
        # an equal one may have been there before, in an earlier run of the cell
        _inner._DYNAMIC_CLASS_TRACKER_BY_ID[number] = made
        _inner._DYNAMIC_CLASS_TRACKER_BY_CLASS[made] = number


PLAIN: set[type] = set()
"""Types of libraries whose instances are pickled as the `pickle` module does, as far as they were met."""


def _of_library(thing: Any) -> bool:
    """Whether a function or class is of a library, where nothing is defined anew."""
    name = thing.__module__
    return isinstance(name, str) and is_of_library(name)  # who knows what a class says


def _by_its_name(thing: Any) -> bool:
    """Whether a function or class of a library is where its name says: then nothing else is to be found out."""
    return not _inner._PICKLE_BY_VALUE_MODULES and _of_library(thing) and by_reference(thing)


_OWN = {
    WithCache: _reduce,
    CodeType: _code,
    functools.cached_property: _reduce_cached_property,
    NewType: _reduce_new_type,
}
_tables: list[dict[Any, Any]] = []  # cloudpickle's and the standard library's, as last seen
_table: dict[Any, Any] = {}  # all of them


def _dispatch_table() -> dict[Any, Any]:
    """How objects of some types are pickled. The C pickler looks nothing but a dictionary up by itself."""
    global _table, _tables
    tables = cloudpickle.Pickler.dispatch_table.maps
    if tables != _tables:
        _tables = [dict(table) for table in tables]
        _table = {**ChainMap(*_tables), **_OWN}
    return _table


class ByValue(cloudpickle.Pickler):  # type: ignore[misc] # cloudpickle has no types
    """Pickles what cannot be imported elsewhere by value."""

    def __init__(self, file: io.BytesIO, protocol: int = 5, buffer_callback: Any = None) -> None:
        self.dispatch_table = _dispatch_table()
        super().__init__(file, protocol, buffer_callback)

    def reducer_override(self, obj: Any) -> Any:
        """How an object is pickled, asked for by the `pickle` module before all else."""
        kind = type(obj)
        if kind in PLAIN or ((kind is FunctionType or kind is type) and _by_its_name(obj)):
            return NotImplemented
        if issubclass(kind, type):
            _know_by_content(obj)
            return classes.reduced(obj, super().reducer_override(obj))
        if kind is FunctionType:
            if chooses(obj) and not by_reference(obj):
                return _choosing, (dict(obj.registry),)
            _note_globals(obj.__code__)
        elif issubclass(kind, Future):  # in a function: among arguments it was replaced before
            raise TypeError(
                f"a future is passed as an argument, where it becomes its value; {obj!r} is a global or "
                "in a closure"
            )
        found = super().reducer_override(obj)
        if found is NotImplemented and kind is not FunctionType and _of_library(kind):
            PLAIN.add(kind)
        return found


def dumps_function(function: Any) -> bytes:
    """Pickle a function by value, or by its name where it can be imported.

    Raises:
        Exception: whatever pickling raises.
    """
    with io.BytesIO() as file:
        ByValue(file).dump(function)
        return file.getvalue()
