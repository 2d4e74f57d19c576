"""What a task gave, on its way: a value or an error becomes an outcome, and an outcome becomes a value or an error.

A failure is never sent as a success: packing says which of the two it is by its type. The sender makes sure that an
exception can be rebuilt before it travels; where it cannot, its type's name, text and traceback travel instead.
"""

from __future__ import annotations

import builtins
import concurrent.futures
import pickle
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import CodeType, MappingProxyType
from typing import Any

from nbflow import errors
from nbflow.errors import text_of, type_name
from nbflow.legible import shorten
from nbflow.numbers import name_of
from nbflow.values import objects, pickling, traces
from nbflow.wire.outcomes import (
    Blamed,
    Composed,
    Failure,
    Held,
    Inline,
    Lost,
    Outcome,
    Stored,
    Value,
    Withdrawn,
)

_NOTHING: Mapping[int, Any] = MappingProxyType({})

LONGEST_TEXT = 10_000  # characters of an exception's text
# bytes of an exception that travels as itself: the scheduler keeps it as long as the task
LARGEST_ERROR = 1 << 20


# What a value may be blamed for that is rebuilt in the user's process. Anything else is taken for an interrupt, which
# may come at any moment from a handler of the user's: it goes its way, and the value can be asked for again.
OF_THE_VALUE = (Exception, SystemExit, GeneratorExit)


def store(
    pickled: pickling.Pickled, directories: Sequence[str], known: objects.Known | None = None
) -> Inline | Stored:
    """Bytes as a value that can travel: in the message while small, through the object store otherwise.

    `known`: see `objects.put`.

    Raises:
        OSError: the store has no room.
    """
    if not pickled.buffers and len(pickled.data) <= pickling.BIG:
        return Inline(pickled.data)
    return objects.put(pickled.data, pickled.buffers, directories, known)


def load(
    value: Value, needs: Sequence[Any] = (), *, mine: bool = False, held: Mapping[int, Any] = _NOTHING
) -> Any:
    """The object that a value stands for. See `pickling.loads` for `needs` and `mine`.

    `held`: the values that are kept in this process, by their numbers.

    Raises:
        Exception: whatever unpickling raises; OSError if the store's file cannot be read.
    """
    if isinstance(value, Inline):
        return pickling.loads(value.data, needs=needs, mine=mine)
    if isinstance(value, Composed):
        return pickling.loads(
            value.template, needs=[load(part, mine=mine, held=held) for part in value.parts], mine=mine
        )
    if isinstance(value, Held):
        return held[value.number]
    data, buffers = objects.get(value)
    return pickling.loads(data, buffers, needs, mine=mine)


def pack_error(error: BaseException, code: CodeType | None = None) -> Failure:
    """An exception as an outcome; never raises. `code`: the app's function, to say which of its lines failed."""
    try:
        text = _text(error)
        shown = traces.format_error(error, text, code)
        return Failure(_travels(error, text), type_name(error), text, shown, traces.line_of(error, code))
    except BaseException as failed:  # no memory, or no stack, is left
        return Failure(b"", type_name(error), f"its text could not be made: {type_name(failed)}", "")


def may_retry(error: BaseException, on: bytes) -> bool:
    """Whether an attempt that raised this may be followed by another one. `on`: see `messages.Retries`.

    Never raises: an error whose class cannot even be compared ends the task.
    """
    if not on:
        return isinstance(error, Exception)
    try:
        return isinstance(error, pickling.loads(on))
    except BaseException:
        return False


def unpack_error(
    outcome: Outcome, task: int, app: str, item: int | None = None, arguments: str = ""
) -> BaseException:
    """The exception that a task without a value raises at its future. `item`, `arguments`: see `RemoteTraceback`."""
    if isinstance(outcome, Withdrawn):
        return concurrent.futures.CancelledError(f"task {name_of(task)} `{app}` was cancelled")
    if isinstance(outcome, Blamed):
        if outcome.cause is None:
            return concurrent.futures.CancelledError(
                f"task {name_of(outcome.root)} `{outcome.app}`, which task {name_of(task)} `{app}` needs, was cancelled"
            )
        root = unpack_error(outcome.cause, outcome.root, outcome.app)
        kind = errors.JoinError if outcome.join else errors.NeedFailed
        failed = kind(task, app, outcome.root, outcome.app, root)
        failed.__cause__ = root
        return failed
    if isinstance(outcome, Lost):
        return _lost(outcome)
    assert isinstance(outcome, Failure)
    error = _rebuild(outcome)
    traces.set_cause(error, errors.RemoteTraceback(outcome.traceback, task, app, item, arguments))
    return error


def _lost(outcome: Lost) -> errors.NbflowError:
    text = outcome.text
    if outcome.kind == "WorkerLost":
        return errors.WorkerLost(
            text,
            task_id=outcome.task,
            pid=outcome.pid,
            exitcode=outcome.exitcode,
            output=outcome.output,
            memory=outcome.memory,
        )
    if outcome.kind == "MemoryLimitExceeded":
        return errors.MemoryLimitExceeded(text, used=outcome.used, limit=outcome.limit)
    error: errors.NbflowError = getattr(errors, outcome.kind)(text)
    return error


def unreadable(error: BaseException, task: int, app: str, cached: bool = False) -> BaseException:
    """The error of a future whose value has come but cannot be rebuilt in this process."""
    again = f"; if an earlier session has kept it, call `{app}` again: it runs then" if cached else ""
    failed = errors.DeserializationError(
        type_name(error),
        f"{text_of(error)} (the value of task {name_of(task)} `{app}` cannot be rebuilt here{again})".lstrip(),
    )
    failed.__cause__ = error
    return failed


def one_line(outcome: Outcome) -> str:
    """A failure in one line, for people; "" for a value."""
    if isinstance(outcome, Blamed):
        return one_line(outcome.cause) if outcome.cause is not None else "cancelled"
    if isinstance(outcome, (Failure, Lost)):
        words = outcome.text.strip().splitlines()
        kind = shorten(outcome.kind)
        return f"{kind}: {shorten(words[0].removesuffix(errors.LAST_WORDS))}" if words else kind
    return ""


def _rebuild(failure: Failure) -> BaseException:
    try:
        error = pickling.loads(failure.data, mine=True) if failure.data else None
    except OF_THE_VALUE:
        error = None
    return error if isinstance(error, BaseException) else errors.RemoteError(failure.kind, failure.text)


def _travels(error: BaseException, text: str) -> bytes:
    """The pickled exception, if it comes back as what it was; else b""."""
    try:
        if _is_plain(error):
            data = pickle.dumps(error, 5)
            return data if len(data) <= LARGEST_ERROR else b""
        return _carried_as(error, text)[1]
    except BaseException:  # so does its text's
        return b""


# Python 3.10 has none
_GROUP: tuple[type[BaseException], ...] = tuple(filter(None, [getattr(builtins, "BaseExceptionGroup", None)]))


def _carried_as(error: BaseException, text: str) -> tuple[Any, bytes]:
    """What stands for an exception where it is pickled, and the pickle, b"" if it does not come back.

    That is the exception, as its class has it pickled; or, where another text comes of that, its parts. Some texts are
    never the same again: those with the address of an object.
    """
    found: tuple[Any, bytes] = error, b""
    whole = [] if isinstance(error, _GROUP) else [error]
    for pickled in (*whole, _InParts(error)):
        data, back = _comes_back(pickled, error)
        if data and _text(back) == text:
            return pickled, data
        found = found if found[1] else (pickled, data)
    return found


def _comes_back(pickled: Any, error: BaseException) -> tuple[bytes, Any]:
    with suppress(BaseException):  # the exception's own code runs here, and must not end the worker
        data, _, needs = pickling.dumps(pickled, in_band=True)
        if not needs and len(data) <= LARGEST_ERROR:
            back = pickling.loads(data)
            if type(back) is type(error):
                return data, back
    return b"", None


class _InParts:
    """An exception whose class takes something else to be made than what it says of itself, as many do."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __reduce__(self) -> tuple[Any, ...]:
        error = self._error
        return _put_together, (type(error), _carried(error.args), traces.VARIABLES.__get__(error))


def _carried(value: Any) -> Any:
    """What an exception says of itself, with what stands for the exceptions in it, as a group has them."""
    if isinstance(value, BaseException):
        return _carried_as(value, _text(value))[0]
    return type(value)(map(_carried, value)) if type(value) in (list, tuple) else value


def _put_together(
    kind: type[BaseException], args: tuple[Any, ...], variables: dict[str, Any]
) -> BaseException:
    error = kind.__new__(kind, *args)
    builtin: Any = next(base for base in kind.__mro__ if base.__module__ == "builtins")
    builtin.__init__(error, *args)
    error.__setstate__(variables)
    return error


def _is_plain(error: BaseException) -> bool:
    """Whether the C pickler alone says all of it: one of Python's own that holds nothing but texts and numbers."""
    if type(error).__module__ != "builtins" or traces.VARIABLES.__get__(error):
        return False
    return pickling.ATOMS.issuperset(map(type, error.args))


def _text(error: BaseException) -> str:
    text = text_of(error)
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}... {len(text) - LONGEST_TEXT} characters left out"
