"""The calls that one process makes: numbers them, pickles their arguments, keeps their futures until they are settled.

The user's process has one such object (in its `DataFlowKernel`), a worker has one as well, for the calls made inside
its tasks. How messages get to the scheduler is the owner's business (`Link`).

    app(a, b) ──> call ──Submit──> link ...... Settled ──> settle ──> future
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from nbflow.client.future import AppFuture, data_futures
from nbflow.core.states import State
from nbflow.errors import BadStdStreamFile, CannotPickle, FlowClosed, UsageError
from nbflow.files import File, as_file
from nbflow.values import memo, outcome, pickling
from nbflow.values.functions import Captor
from nbflow.values.short import detail
from nbflow.wire.messages import Cancel, Define, Inline, Release, Settled, Stored, Submit


class Link(Protocol):
    """The way to the scheduler."""

    def post(self, *messages: Any, urgent: bool = False) -> None:
        """Send messages, in this order, within about a millisecond; at once if `urgent`."""

    def flush(self) -> None:
        """Send what waits now: somebody waits for an answer."""

    def waiting(self) -> AbstractContextManager[None]:
        """Entered while a thread of this process waits for a task."""

    def read_until(self, done: Callable[[], bool], deadline: float | None) -> None:
        """Read in this thread until `done`, where that is possible; may return early."""

    def call_back(self, future: AppFuture) -> None:
        """Run the future's callbacks on a thread where they may block."""

    def state_of(self, task: int) -> State:
        """Ask where a task stands."""


@dataclass(frozen=True)
class Callee:
    """What is called: an app, as far as a call needs it. `parameters`: names of the positional ones."""

    name: str
    kind: str
    captor: Captor
    parameters: tuple[str, ...] = ()
    accepts: frozenset[str] | None = None  # names of all parameters; None = any keyword
    defaults: dict[str, Any] = field(default_factory=dict)  # of the special keywords
    executors: tuple[str, ...] = ()
    retries: int | None = None
    walltime: float | None = None
    cache: bool = False
    ignore_for_cache: frozenset[str] = frozenset()


SPECIAL = ("inputs", "outputs", "stdout", "stderr", "walltime", "parsl_resource_specification")
"""Keywords that mean something to the flow; they reach the function only where it has a parameter of that name."""


class Calls:
    """All calls of one process to one flow. Calls may be made in any thread."""

    def __init__(
        self, link: Link, *, first: int, retries: int, executors: Sequence[str], store_dirs: Sequence[str]
    ) -> None:
        self.closed = False
        self.flow = link
        self.parent: int | None = None  # the task inside which calls are made now
        self.pending: dict[int, AppFuture] = {}
        self._link = link
        self._numbers = itertools.count(first)
        self._retries = retries
        self._executors = tuple(executors)
        self._store_dirs = list(store_dirs)
        self._defined: set[bytes] = set()
        self._released: deque[int] = deque()  # filled by futures as they go, in any thread at any moment
        self._elsewhere = False  # this is a forked child: the flow belongs to the parent

    # ------------------------------------------------------------ making calls

    def call(self, callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any]) -> AppFuture:
        """Make a task of a call; returns its future at once.

        Raises:
            FlowClosed: this flow takes no calls any more.
            CannotPickle: an argument, or what the app refers to, cannot travel; the text names it.
            UsageError: a special keyword has a value that is not allowed.
        """
        if self.closed:
            self._check_open()
        special = dict(callee.defaults) if callee.defaults else {}
        if kwargs:
            special.update({name: kwargs.pop(name) for name in SPECIAL if name in kwargs})
        outputs: list[File] = []
        streams: list[str] = []
        walltime = callee.walltime
        if special:
            outputs, streams = self._prepare(special)
            walltime = special.get("walltime", walltime)
            kwargs.update({n: v for n, v in special.items() if callee.accepts is None or n in callee.accepts})
        define = self._define(callee)
        pickled = self._pickle(callee, args, kwargs)
        needs = [self._need(future, callee) for future in pickled.needs] if pickled.needs else []
        key = self._key(callee, define.digest, pickled, args, kwargs) if callee.cache else b""
        number = next(self._numbers)
        future = AppFuture(self, number, callee.name)
        if key:
            future._key = key
        if special:
            future.stdout, future.stderr = special.get("stdout"), special.get("stderr")
        if outputs:
            future._outputs = data_futures(future, outputs)
        submit = Submit(
            number,
            callee.name,
            callee.kind,
            define.digest,
            self._store(pickled, callee),
            needs,
            detail(args, kwargs, callee.parameters),
            self.parent,
            self._allowed(callee) if callee.executors else [],
            self._retries if callee.retries is None else callee.retries,
            0.0 if walltime is None else _seconds(walltime),
            key,
            streams,
            [str(file) for file in outputs],
        )
        known = define.digest in self._defined
        urgent = not self.pending  # nothing is under way: workers wait for this very call
        try:
            self.pending[number] = future
            self._link.post(*(submit,) if known else (define, submit), urgent=urgent)
        except BaseException:  # interrupted: nobody will hold the future
            self.pending.pop(number, None)
            raise
        if define.reusable and not known:
            self._defined.add(define.digest)
        return future

    def lift(self, function: Callable[[Any, Any], Any], future: AppFuture, argument: Any) -> AppFuture:
        """Make a task of `function(value of the future, argument)`."""
        name = f"[{argument!r}]"[:40] if function.__name__ == "getitem" else f".{argument}"
        return self.call(Callee(name, "python", _captor(function)), (future, argument), {})

    def abandon(self) -> None:
        """This is a forked child of the process that made the calls: no more can be made, and none be waited for."""
        self.closed = self._elsewhere = True

    def _check_open(self) -> None:
        if self._elsewhere:
            raise FlowClosed(
                "the flow belongs to the process that loaded it, and this is a forked child of it"
            )
        if self.closed:
            raise FlowClosed("the flow has been cleaned up: load() a new one")

    def _prepare(self, special: dict[str, Any]) -> tuple[list[File], list[str]]:
        """Check and complete the special keywords, in place; returns (outputs, streams)."""
        for name in ("inputs", "outputs"):
            if name in special:
                given = special[name]
                if isinstance(given, (str, os.PathLike)) or not isinstance(given, Sequence):
                    raise UsageError(f"{name}= takes a list, not {given!r}")
                files = [self._file(item, name) for item in given]
                special[name] = files
        outputs: list[File] = special.get("outputs", [])
        if all(special.get(name) is None for name in ("stdout", "stderr")):
            return outputs, []
        return outputs, [part for name in ("stdout", "stderr") for part in _stream(special.get(name), name)]

    @staticmethod
    def _file(item: Any, name: str) -> Any:
        """Strings and paths are taken for files; among `inputs`, anything else stays what it is."""
        return (
            as_file(item, "outputs=") if name == "outputs" or isinstance(item, (str, os.PathLike)) else item
        )

    def _define(self, callee: Callee) -> Define:
        try:
            return callee.captor.capture()
        except Exception as error:
            raise CannotPickle(
                f"app `{callee.name}` refers to something that cannot travel: {error}"
            ) from error

    @staticmethod
    def _pickle(callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any]) -> pickling.Pickled:
        try:
            return pickling.dumps_call(args, kwargs)
        except Exception as error:
            for name, value in [*_named(callee, args), *kwargs.items()]:
                if (cause := pickling.refusal(value)) is not None:
                    kind = type(value).__name__
                    raise CannotPickle(
                        f"argument `{name}` ({kind}) of `{callee.name}` cannot travel: {cause}"
                    ) from cause
            raise CannotPickle(f"the arguments of `{callee.name}` cannot travel together: {error}") from error

    def _store(self, pickled: pickling.Pickled, callee: Callee) -> Inline | Stored:
        try:
            return outcome.store(pickled, self._store_dirs)
        except OSError as error:
            raise UsageError(f"the arguments of `{callee.name}` are too big to be stored: {error}") from error

    def _need(self, future: AppFuture, callee: Callee) -> int:
        if future.owner is not self:
            raise UsageError(f"`{callee.name}` was given a future of another flow: pass its result() instead")
        return future.tid

    def _key(
        self,
        callee: Callee,
        digest: bytes,
        pickled: pickling.Pickled,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> bytes:
        if callee.ignore_for_cache:
            ignored = callee.ignore_for_cache
            counted = [value for name, value in _named(callee, args) if name not in ignored]
            pickled = pickling.dumps((counted, {n: v for n, v in kwargs.items() if n not in ignored}))
        return memo.key_of(digest, pickled, [f._key or b"task %d" % f.tid for f in pickled.needs])

    def _allowed(self, callee: Callee) -> list[str]:
        unknown = [label for label in callee.executors if label not in self._executors]
        if unknown:
            known = ", ".join(self._executors)
            raise UsageError(f"`{callee.name}` wants executor {unknown[0]!r}; this flow has: {known}")
        return list(callee.executors)

    # ------------------------------------------------------------ what comes of them

    def settle(self, message: Settled) -> None:
        """A task has ended."""
        future = self.pending.pop(message.id, None)
        if future is not None:
            future.settle(message.outcome)

    def settle_all(self, outcome: Any) -> None:
        """No answer will come any more: every future ends with this outcome."""
        while self.pending:
            _, future = self.pending.popitem()
            future.settle(outcome)

    # ------------------------------------------------------------ for futures

    def waiting(self) -> AbstractContextManager[None]:
        """Entered while a thread waits for a future."""
        if self._elsewhere:
            self._check_open()
        return self._link.waiting()

    def read_until(self, done: Callable[[], bool], deadline: float | None) -> None:
        """Read what comes in this thread until `done`, where that is possible; may return early."""
        if self._elsewhere:
            self._check_open()
        self._link.read_until(done, deadline)

    def cancel(self, task: int) -> None:
        """Ask for a task to be withdrawn."""
        self._link.post(Cancel([task]))
        self._link.flush()

    def release(self, task: int) -> None:
        """A future has gone: its value may go as well. Takes no lock, for it runs wherever a future is collected."""
        self._released.append(task)

    def take_released(self) -> Release | None:
        """The releases since the last call, to be sent with whatever is sent next."""
        ids = []
        while self._released:
            ids.append(self._released.popleft())
        return Release(ids) if ids else None

    def call_back(self, future: AppFuture) -> None:
        """Run a future's callbacks."""
        self._link.call_back(future)

    def state_of(self, task: int) -> State:
        """Where an unsettled task stands."""
        return self._link.state_of(task)


def _named(callee: Callee, args: tuple[Any, ...]) -> list[tuple[str, Any]]:
    """Positional arguments by the names of their parameters; by their place, from 1, beyond those."""
    return [
        (callee.parameters[i] if i < len(callee.parameters) else str(i + 1), v) for i, v in enumerate(args)
    ]


_captors: dict[Any, Captor] = {}


def _captor(function: Any) -> Captor:
    if function not in _captors:
        _captors[function] = Captor(function)
    return _captors[function]


def _seconds(walltime: Any) -> float:
    if isinstance(walltime, bool) or not isinstance(walltime, (int, float)) or walltime <= 0:
        raise UsageError(f"walltime= takes a number of seconds above 0, not {walltime!r}")
    return float(walltime)


def _stream(given: Any, name: str) -> tuple[str, str]:
    """(path, mode) of a stream; ("", "") if it is not redirected."""
    if given is None:
        return "", ""
    path, mode = (
        given
        if isinstance(given, tuple) and len(given) == 2
        else (given, "w" if isinstance(given, File) else "a+")
    )
    if not isinstance(path, (str, os.PathLike)) or mode not in ("w", "a", "w+", "a+", "x"):
        raise BadStdStreamFile(
            f"{name}= takes a path or (path, mode) with a mode of w, a, w+, a+ or x, not {given!r}"
        )
    return os.fspath(path), mode
