"""One task: make its function and arguments, call it, and pack what it gives. The user's code runs here.

Worker processes run tasks so, and so do the client's threads, whose values stay where they are.

Whatever the user's code raises, `SystemExit` and `KeyboardInterrupt` included, is that task's error and no other's.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from types import CodeType, CoroutineType
from typing import Any, NoReturn, Protocol

from nbflow.client.companion import Companion
from nbflow.client.future import AppFuture
from nbflow.client.tasks import shell
from nbflow.errors import CannotPickle, MissingOutputs, StoreError, UsageError, describe
from nbflow.files import File
from nbflow.values import objects, outcome, pickling, segments, source
from nbflow.values.short import short
from nbflow.wire.messages import Define, Finished, Gathered, Run
from nbflow.wire.outcomes import Failure, Held, Inline, Stored
from nbflow.wire.rows import Transfer

MOST_DEFINES = 1000  # functions kept as bytes; more than tasks can be queued, since some come with every call


class Capture(shell.Outlets, Protocol):
    """What a task prints. `always`: whether `redirected` is to be entered for every task."""

    always: bool

    def take(self) -> str:
        """What the task has printed; the next one begins with nothing."""

    def redirected(self, streams: Sequence[str]) -> AbstractContextManager[None]:
        """Send what is printed to [path, mode, path, mode], for standard output and error; "" = as usual."""


class Runner:
    """Runs tasks, and keeps the functions that can be kept.

    `joined`: what the body of a join app has returned; its futures must be held until the answer has been sent.
    """

    joined: Any = None

    def __init__(
        self,
        store_dirs: Sequence[str],
        capture: Capture,
        adopt: Callable[[Future[Any]], AppFuture],
        show_values: bool = True,
    ) -> None:
        self.capture = capture
        self._adopt = adopt  # makes any future one of the flow
        self._show_values = show_values
        self._store_dirs = store_dirs
        self._home = os.getpid()
        self._called_at = 0.0  # when the arguments of the present task were there
        self._defines: dict[bytes, Define] = {}
        self._calls: dict[bytes, int] = {}  # of functions that come with each call: how many are to run yet
        self._defining = threading.Lock()  # of both; one thread reads while another one runs
        self._functions: dict[bytes, tuple[Callable[..., Any], CodeType | None]] = {}

    def define(self, message: Define) -> None:
        """A function that a later task names."""
        digest = message.digest
        with self._defining:
            self._defines[digest] = message
            if not message.reusable:
                self._calls[digest] = self._calls.get(digest, 0) + 1
            if len(self._defines) > MOST_DEFINES:
                self._forget(next(iter(self._defines)))
        source.learn(message.places)

    def run(self, run: Run) -> Finished | Gathered:
        """Run a task to its end; never raises."""
        started = time.time()
        self._called_at = packing = packed = 0.0
        result: Inline | Stored | Held | Failure
        code: CodeType | None = None
        note = ""
        may_retry = True
        tally = None
        try:
            function, code = self._function(run)
            value = self._call(run, function)
            if os.getpid() != self._home:
                _end_child()
            if run.kind == "join":
                self.joined = value
                template, needs = self._futures(value, run.app)
                return Gathered(
                    run.id, run.attempt, template, needs, self.capture.take(), started, time.time()
                )
            packing = time.time()
            if run.kind == "map":
                value, tally, note = value.pack(run.app)
            result = self._pack(value, run)
            packed = time.time()
            if run.kind != "map":
                note = short(value) if self._show_values else ""
        except BaseException as error:  # the worker outlives whatever a task raises
            if os.getpid() != self._home:
                _end_child(error)
            if issubclass(type(error), MemoryError):  # what has filled the memory stands in the frames
                traceback.clear_frames(error.__traceback__)
            result = outcome.pack_error(error, code)
            may_retry = outcome.may_retry(error, run.retry_on)
        transfer = Transfer.worth_telling(self._called_at - started, packed - packing)
        ended = self.capture.take(), started, time.time()
        return Finished(run.id, run.attempt, result, note, *ended, may_retry, tally, transfer)

    def _function(self, run: Run) -> tuple[Callable[..., Any], CodeType | None]:
        digest = run.function
        found = self._functions.get(digest)
        if found is None:
            define = self._defines[digest]
            function = pickling.loads(define.code)
            found = function, code_of(function)
            if define.reusable:
                self._functions[digest] = found
            self.is_past(digest)
        return found

    def is_past(self, digest: bytes) -> None:
        """A task that names this function has it, or does not run here: if it came for that one alone, it may go.

        Large things may have come with it.
        """
        with self._defining:
            left = self._calls.get(digest, 1) - 1
            if left:
                self._calls[digest] = left
            elif digest in self._calls or digest in self._functions:
                self._forget(digest)

    def _forget(self, digest: bytes) -> None:
        self._defines.pop(digest, None)
        self._calls.pop(digest, None)

    def _arguments(self, run: Run) -> tuple[tuple[Any, ...], dict[str, Any]]:
        values, payload = run.values, run.payload
        # what is to be found `Here` has been put in its place
        needs = [outcome.load(value) for value in values] if values else ()  # type: ignore[arg-type]
        if type(payload) is Inline:
            return pickling.loads(payload.data, needs=needs)  # type: ignore[no-any-return]
        return outcome.load(payload, needs)  # type: ignore[no-any-return]

    def _call(self, run: Run, function: Callable[..., Any]) -> Any:
        args, kwargs = self._arguments(run)
        self._called_at = time.time()
        if not run.streams and not run.outputs and run.kind != "bash" and not self.capture.always:
            return awaited(function(*args, **kwargs))
        # the outputs of a join app may be left to the tasks that it has called
        awaits = () if run.kind == "join" else [(path, os.path.abspath(path)) for path in run.outputs]
        for path in run.outputs:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with self.capture.redirected(run.streams):
            if run.kind == "bash":
                value = shell.run(run.app, lambda: awaited(function(*args, **kwargs)), self.capture)
            else:
                value = awaited(function(*args, **kwargs))
        # where they were to be when it began: it may have gone elsewhere since
        if missing := [File(path) for path, place in awaits if not os.path.exists(place)]:
            raise MissingOutputs(f"{run.kind} app {run.app} ended without writing all its outputs", missing)
        return value

    def _pack(self, value: Any, run: Run) -> Inline | Stored | Held:
        app = run.app
        try:
            pickled = pickling.dumps(value)
            if not pickled.buffers and not pickled.needs and len(pickled.data) <= pickling.BIG:
                return Inline(pickled.data)
        except BaseException as error:
            # the value's own code runs here: `SystemExit` says nothing about the task
            kind = type(value).__name__
            raise CannotPickle(f"what `{app}` returned ({kind}) cannot travel: {describe(error)}") from error
        if pickled.needs:
            raise returned_a_future(app)
        try:
            if not pickled.buffers:
                return outcome.store(pickled, self._store_dirs)
            # what the task was given lies in the store, and stays there for as long as the task has not ended
            inputs = {path for given in (run.payload, *run.values) for path in objects.files_of(given)}
            return outcome.store(pickled, self._store_dirs, segments.Places(inputs).find)
        except OSError as error:
            kind = type(value).__name__
            raise StoreError(f"there is no room for what `{app}` returned ({kind}): {error}") from error

    def _futures(self, value: Any, app: str) -> tuple[bytes, list[int]]:
        """(template, tasks) of what a join app returned; an empty template stands for the value of the only task."""
        if isinstance(value, Future) and not isinstance(value, Companion):
            return b"", [self._adopt(value).tid]
        if not isinstance(value, (list, tuple, dict, Future, pickling.NeededTogether)):
            raise TypeError(
                f"join app {app} must return a future, or a list, tuple or dict of futures, not {short(value)}"
            )
        pickled = pickling.dumps(value, in_band=True)
        return pickled.data, [self._adopt(future).tid for future in pickled.needs]


def returned_a_future(app: str) -> UsageError:
    """Why what an app returned is no value."""
    return UsageError(f"`{app}` returned a future: make it a join_app, or return the future's result()")


def _end_child(error: BaseException | None = None) -> NoReturn:
    """The task has forked, and this is the child, come out of the task's function: it ends as a program of its own."""
    code = 0 if error is None else 1
    try:
        if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
            code = error.code or 0
        elif isinstance(error, SystemExit):
            print(error.code, file=sys.stderr)
        elif error is not None:
            traceback.print_exception(error)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code & 0xFF)


def code_of(function: Any) -> CodeType | None:
    """The code that a traceback of the app's function begins with; None if it has none of its own."""
    plain = source.function_in(function)
    return None if plain is None else plain.__code__


def awaited(value: Any) -> Any:
    """What an async function gives once it has run."""
    if type(value) is not CoroutineType:  # what `isinstance` asks an object may be the user's code
        return value
    import asyncio  # 60 ms of every worker's start; few tasks need it

    return asyncio.run(value)
