"""cloudpickle's pickler, and what it leaves out: functions with a cache (`functools.lru_cache`) of a notebook.

It carries those by their name alone, which means nothing elsewhere. Here they travel like any other function: with
their code, and with an empty cache, which then lives as long as the copy does.
"""

from __future__ import annotations

import functools
import io
from collections import ChainMap
from collections.abc import Callable
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


class ByValue(cloudpickle.Pickler):  # type: ignore[misc] # cloudpickle has no types
    """Pickles what cannot be imported elsewhere by value."""

    dispatch_table: ClassVar[ChainMap[Any, Any]] = ChainMap(
        {WithCache: _reduce}, cloudpickle.Pickler.dispatch_table
    )


def dumps_function(function: Any) -> bytes:
    """Pickle a function by value, or by its name where it can be imported.

    Raises:
        Exception: whatever pickling raises.
    """
    with io.BytesIO() as file:
        ByValue(file, protocol=5).dump(function)
        return file.getvalue()
