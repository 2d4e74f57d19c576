"""Where a function was written: its source, and the text of the cells that only the user's process has.

A cell's file name means nothing elsewhere, so its text travels with the function; the worker puts it into `linecache`,
and a traceback made there shows the lines and calls the file what people call it ("Cell In[4]").
"""

from __future__ import annotations

import functools
import inspect
import linecache
import os
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, MethodType
from typing import Any, NamedTuple

LONGEST = 200_000  # characters of a cell that travel

_names: dict[str, str] = {}  # of cells whose text came with a function


class Origin(NamedTuple):
    """`line` is where `source` begins in `file`, from 1; 0 and "" where it is not known."""

    source: str
    file: str
    line: int
    places: dict[str, tuple[str, str]]


def _learned(file: str) -> str:
    return _names.get(file, file)


naming: list[Callable[[str], str]] = [_learned]
"""The last one says what people call a file; the notebook layer appends one that knows cells."""


def name_of(file: str) -> str:
    """What people call a file."""
    return naming[-1](file)


def function_in(called: Any) -> FunctionType | None:
    """The plain function behind something that can be called: a method, a `partial`, an object, a wrapped function."""
    while True:
        if isinstance(called, functools.partial):
            called = called.func
        elif isinstance(called, MethodType):
            called = called.__func__
        elif hasattr(called, "__wrapped__"):
            called = inspect.unwrap(called)
        elif isinstance(called, FunctionType):
            return called
        else:
            call = inspect.getattr_static(type(called), "__call__", None)
            if isinstance(called, type) or not isinstance(call, FunctionType):
                return None
            called = call


def origin_of(function: Any, others: Iterable[FunctionType] = ()) -> Origin:
    """Where `function` was written, and the cells of it and of `others`."""
    function = function_in(function)
    if function is None:
        return Origin("", "", 0, {})
    try:
        if function.__code__.co_name == "<module>":  # a whole cell
            lines, line = linecache.getlines(function.__code__.co_filename), 1
        else:
            lines, line = inspect.getsourcelines(function)
        source = "".join(lines)
    except (OSError, TypeError, IndexError, SyntaxError):
        source, line = "", 0
    places = {}
    for file in {function.__code__.co_filename, *(other.__code__.co_filename for other in others)}:
        if not os.path.exists(file) and (text := "".join(linecache.getlines(file))[:LONGEST]):
            places[file] = (name_of(file), text)
    return Origin(source, function.__code__.co_filename, line, places)


def learn(places: Mapping[str, tuple[str, str]]) -> None:
    """Make the text of cells known to tracebacks in this process."""
    for file, (name, text) in places.items():
        # without a modification time the entry survives linecache.checkcache()
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)
        _names[file] = name


def in_words(traceback: str) -> str:
    """A formatted traceback in which cells are called what people call them."""
    for file, name in _names.items():
        if name != file:
            traceback = traceback.replace(f'File "{file}"', f'File "{name}"')
    return traceback
