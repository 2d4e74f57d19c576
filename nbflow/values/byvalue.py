"""cloudpickle's pickler, and what it leaves out: where code was written, and functions with a cache of a notebook.

From 3.1.3 on it leaves out the file of the code that it carries. Tracebacks show the lines of that file, so here it
travels along. Functions with a cache (`functools.lru_cache`) it carries by their name alone, which means nothing
elsewhere. Here they travel like any other function: with their code, and with an empty cache, which then lives as long
as the copy does.
"""

from __future__ import annotations

import functools
import io
from collections import ChainMap
from collections.abc import Callable
from types import CodeType
from typing import Any, ClassVar

import cloudpickle

from nbflow.values.referring import by_reference

WithCache = functools._lru_cache_wrapper


def _with_cache(function: Callable[..., Any], maxsize: int | None, typed: bool) -> WithCache[Any]:
    return functools.lru_cache(maxsize, typed)(function)


def _reduce(value: WithCache[Any]) -> Any:
    """As the `pickle` module asks for it: a name, or a function and its arguments."""
    if by_reference(value):
        return value.__qualname__
    parameters = value.cache_parameters()
    return _with_cache, (value.__wrapped__, parameters["maxsize"], parameters["typed"])


_reduce_code = cloudpickle.Pickler.dispatch_table[CodeType]
_FILE = 10  # which of the arguments of `CodeType` it is, from Python 3.10 on


def _code(code: CodeType) -> Any:
    """As cloudpickle carries it, and with its file: a copy of the text, for a shared one would be pickled as such."""
    make, arguments = _reduce_code(code)
    return make, (*arguments[:_FILE], "".join(code.co_filename), *arguments[_FILE + 1 :])


class ByValue(cloudpickle.Pickler):  # type: ignore[misc] # cloudpickle has no types
    """Pickles what cannot be imported elsewhere by value."""

    dispatch_table: ClassVar[ChainMap[Any, Any]] = ChainMap(
        {WithCache: _reduce, CodeType: _code}, cloudpickle.Pickler.dispatch_table
    )


def dumps_function(function: Any) -> bytes:
    """Pickle a function by value, or by its name where it can be imported.

    Raises:
        Exception: whatever pickling raises.
    """
    with io.BytesIO() as file:
        ByValue(file, protocol=5).dump(function)
        return file.getvalue()
