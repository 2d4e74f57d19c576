"""Tracebacks as text, from the user's own frame on, and the line of an app's source that failed.

A task that fails thousands of times fails in few places: the text of a place is made once, which is most of what a
failure costs. It is that of the code as it ran, whatever has become of its file since.
"""

from __future__ import annotations

import builtins
import os
import traceback
from types import CodeType, TracebackType
from typing import Any

from nbflow import errors
from nbflow.errors import type_name
from nbflow.values.source import in_words

LONGEST = 100_000  # characters of a traceback
MOST_PLACES = 256  # whose texts are kept
DEEPEST = 50  # frames of such a place

# as the base class has them: a frozen dataclass, for one, is an exception that lets nothing be set
_TRACEBACK, _CAUSE, _CONTEXT, _SUPPRESSED, VARIABLES = (
    BaseException.__dict__[f"__{name}__"]
    for name in ("traceback", "cause", "context", "suppress_context", "dict")
)
OWN = os.path.join(os.path.dirname(errors.__file__), "")
"""The folder of nbflow itself: a file is one of it whose path begins so."""
# Python 3.10 has none
_GROUPS: tuple[type[BaseException], ...] = tuple(
    filter(None, [getattr(builtins, "BaseExceptionGroup", None)])
)
# whose traceback tells more than their text: a line, a name that was meant, further errors
_TELL_MORE = (SyntaxError, ImportError, NameError, AttributeError, *_GROUPS)

# (identity of a code, place in it) of each frame -> the text, and the codes, so that no other gets their identities
_places: dict[tuple[int, ...], tuple[str, list[CodeType]]] = {}


def traceback_of(error: BaseException) -> TracebackType | None:
    """The traceback of an exception, whatever its class has made of the attribute."""
    found: TracebackType | None = _TRACEBACK.__get__(error)
    return found


def set_cause(error: BaseException, cause: BaseException) -> None:
    """`raise error from cause`, whatever the error's class lets be set."""
    _CAUSE.__set__(error, cause)


def format_error(error: BaseException, text: str, code: CodeType | None) -> str:
    """The traceback from the user's own frame on. `text`: the exception's; `code`: the app's function."""
    start = _from(traceback_of(error), code)
    try:
        if _is_simple(error):
            module, name = type(error).__module__, type(error).__qualname__
            name = name if module in ("builtins", "__main__") else f"{module}.{name}"
            shown = _stack(start) + (f"{name}: {text}\n" if text else f"{name}\n")
        else:
            every = traceback.TracebackException(type(error), error, start, compact=True)
            shown = in_words("".join(every.format()))
    except BaseException:  # the user's code was asked for texts
        shown = f"{_stack(start)}{type_name(error)}\n"
    if len(shown) > LONGEST:
        half = LONGEST // 2
        shown = f"{shown[:half]}\n... {len(shown) - LONGEST} characters left out ...\n{shown[-half:]}"
    return shown


def line_of(error: BaseException, code: CodeType | None) -> int:
    """Which line of the app's source failed, from 1; 0 if none can be named."""
    line, found = 0, traceback_of(error)
    while found is not None and code is not None:
        if found.tb_frame.f_code is code:
            line = found.tb_lineno
        found = found.tb_next
    return line - code.co_firstlineno + 1 if line and code is not None else 0


def _is_simple(error: BaseException) -> bool:
    """Whether its traceback is its stack, its class and its text, and no more."""
    alone = _CAUSE.__get__(error) is None and (_SUPPRESSED.__get__(error) or _CONTEXT.__get__(error) is None)
    told: dict[str, Any] = VARIABLES.__get__(error)
    return alone and "__notes__" not in told and not issubclass(type(error), _TELL_MORE)


def _stack(start: TracebackType | None) -> str:
    """The frames of a traceback, under their heading."""
    if start is None:
        return ""
    place: list[int] = []
    codes: list[CodeType] = []
    step: TracebackType | None = start
    while step is not None and len(codes) <= DEEPEST:
        codes.append(step.tb_frame.f_code)
        place += (id(codes[-1]), step.tb_lasti)
        step = step.tb_next
    if (known := _places.get(tuple(place))) is not None and step is None:
        return known[0]
    text = in_words(f"Traceback (most recent call last):\n{''.join(traceback.format_tb(start))}")
    if step is None:
        if len(_places) >= MOST_PLACES:
            del _places[next(iter(_places))]
        _places[tuple(place)] = text, codes
    return text


def _from(found: TracebackType | None, code: CodeType | None) -> TracebackType | None:
    """The traceback from the app's function on; without nbflow's own frames above, where that one is not in it."""
    start = found
    while start is not None and code is not None and start.tb_frame.f_code is not code:
        start = start.tb_next
    if start is not None and code is not None:
        return start
    return of_the_user(found)


def of_the_user(found: TracebackType | None) -> TracebackType | None:
    """The traceback from where nbflow's own frames end, if it goes on there."""
    start = found
    while start is not None and start.tb_frame.f_code.co_filename.startswith(OWN):
        start = start.tb_next
    return start or found
