"""Futures: `AppFuture`, the promise of a task's value, and `DataFuture`, the promise of a file that it writes.

Both are `concurrent.futures.Future`s. A future is settled where the socket is read, with an outcome as it came; the
outcome is opened, which may run the user's code, in the thread that asks for the value.

What the standard library keeps in every future (a condition, two lists) an `AppFuture` makes when somebody first asks
for it: most futures of a large flow are never waited for by themselves, and it is half of what a call costs.
"""

from __future__ import annotations

import concurrent.futures
import difflib
import operator
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures._base import CANCELLED_AND_NOTIFIED, FINISHED, PENDING
from contextlib import AbstractContextManager
from typing import Any, Protocol

from nbflow.client.options import Options
from nbflow.core.states import State
from nbflow.files import File
from nbflow.numbers import name_of
from nbflow.values import memo
from nbflow.values import outcome as outcomes
from nbflow.values.pickling import Needed, need
from nbflow.wire.messages import Blamed, Composed, Inline, Outcome, Stored, Withdrawn


class Owner(Protocol):
    """The calls that a future belongs to, as far as the future needs them."""

    flow: Any

    def waiting(self) -> AbstractContextManager[None]:
        """To be entered while a thread waits for a future."""

    def read_until(self, done: Callable[[], bool], deadline: float | None) -> None:
        """Read what comes from the scheduler in this thread, where that is possible; may return early."""

    def cancel(self, task: int) -> None:
        """Ask for the task to be withdrawn."""

    def release(self, task: int) -> None:
        """Nobody holds the future any more; may be called at any moment, in any thread."""

    def call_back(self, future: AppFuture) -> None:
        """Run the future's callbacks, on a thread where they may block."""

    def lift(self, function: Callable[[Any, Any], Any], future: AppFuture, argument: Any) -> AppFuture:
        """Make a task of `function(value of the future, argument)`."""

    def state_of(self, task: int) -> State:
        """Where an unsettled task stands."""


_making = threading.Lock()  # of what futures make late; held for moments only


class AppFuture(concurrent.futures.Future[Any], Needed):
    """The promise of a task's value: what calling an app gives at once.

    `result()` gives the value or raises the task's own exception; `fut[0]` and `fut.name` are futures of a part of it;
    `await fut` works. `outputs` are `DataFuture`s of the files the task writes, `stdout` and `stderr` what was asked
    for, `tid` the task's number.
    """

    # what an unsettled, plain call has; an instance gets its own when it differs
    _state = PENDING
    _outcome: Outcome | None = None
    _result: Any = None
    _exception: BaseException | None = None
    _opened = False
    _outputs: list[DataFuture] | None = None
    _key = b""
    stdout: Any = None
    stderr: Any = None

    def __init__(self, owner: Owner, tid: int, options: Options) -> None:
        # not that of the base class: see `_condition`, `_waiters` and `_done_callbacks`
        self._owner = owner
        self.tid = tid
        self._options = options

    # ------------------------------------------------------------ what a Parsl user knows

    @property
    def flow(self) -> Any:
        """The `DataFlowKernel` that the task belongs to; inside a task, what stands for it there."""
        return self._owner.flow

    @property
    def owner(self) -> Owner:
        """The calls that this one is among."""
        return self._owner

    @property
    def app_name(self) -> str:
        """The name of the app that was called."""
        return self._options.name

    @property
    def outputs(self) -> list[DataFuture]:
        """A future of each declared output."""
        return list(self._outputs or ())

    def task_status(self) -> str:
        """The state in a word: waiting, recalling, running, done, failed, skipped or cancelled."""
        return self.state.label

    @property
    def state(self) -> State:
        """The state as the scheduler knows it."""
        outcome = self._outcome
        if outcome is None:
            return self._owner.state_of(self.tid)
        if isinstance(outcome, (Inline, Stored, Composed)):
            return State.DONE
        if isinstance(outcome, Withdrawn) or (isinstance(outcome, Blamed) and outcome.cause is None):
            return State.CANCELLED
        return State.SKIPPED if isinstance(outcome, Blamed) and not outcome.join else State.FAILED

    # ------------------------------------------------------------ the contract of a Future

    def result(self, timeout: float | None = None) -> Any:
        """The value; waits at most `timeout` seconds (None = as long as it takes).

        Raises:
            TimeoutError: the task has not ended in time; it goes on.
            CancelledError: it was cancelled, or a need of it was.
            Exception: what the task raised, or a `TaskError`.
        """
        if not self._opened:
            self._wait(timeout)
            self._open()
        return super().result(0) if self._exception is not None or not self._opened else self._result

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What `result()` would raise, or None. Waits and raises like it."""
        self._wait(timeout)
        self._open()
        return super().exception(0)

    def cancel(self) -> bool:
        """Withdraw the task, queued or running; True if it was, once that is certain. Waits for the answer."""
        if not self.done():
            self._owner.cancel(self.tid)
            self._wait(None)
        return self.cancelled()

    def done(self) -> bool:
        """Whether the task has ended, well or not."""
        return self._outcome is not None

    def cancelled(self) -> bool:
        """Whether the task, or a need of it, was withdrawn."""
        return bool(self._state == CANCELLED_AND_NOTIFIED)

    def running(self) -> bool:
        """Whether a worker is at it now."""
        return not self.done() and self._owner.state_of(self.tid) is State.RUNNING

    def __await__(self) -> Generator[Any, None, Any]:
        return _awaited(self)

    # ------------------------------------------------------------ lifted access

    def __getitem__(self, key: Any) -> AppFuture:
        """A future of `value[key]`."""
        return self._owner.lift(operator.getitem, self, key)

    def __getattr__(self, name: str) -> AppFuture:
        """A future of `value.name`. A name that looks like a misspelt one of the future's own is refused."""
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        meant = difflib.get_close_matches(name, [own for own in dir(type(self)) if own[0] != "_"], 1, 0.8)
        if meant:
            raise AttributeError(f"a future has no attribute {name!r}. Did you mean {meant[0]!r}?")
        return self._owner.lift(getattr, self, name)

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(
            "a future cannot be iterated: its length is not known before it is done; use fut.result()"
        )

    # ------------------------------------------------------------ for the flow

    def counts_as(self) -> bytes:
        """The key of its call if that is cached, else what stands for its task."""
        return self._key or memo.key_of_task(self.tid)

    def settle(self, outcome: Outcome) -> None:
        """The task has ended. Called once, where the socket is read."""
        cancelled = type(outcome) is Withdrawn or (type(outcome) is Blamed and outcome.cause is None)
        with _making:  # whoever makes the condition after this finds the future settled
            self._state = CANCELLED_AND_NOTIFIED if cancelled else FINISHED
            self._outcome = outcome
        if "_its_condition" in self.__dict__:
            self._tell(cancelled, isinstance(outcome, (Inline, Stored, Composed)))

    def _tell(self, cancelled: bool, good: bool) -> None:
        with self._condition:
            for waiter in self._waiters:
                tell = (
                    waiter.add_cancelled if cancelled else waiter.add_result if good else waiter.add_exception
                )
                tell(self)
            self._condition.notify_all()
        if self._done_callbacks:
            self._owner.call_back(self)

    def _made(self, name: str, make: Callable[[], Any]) -> Any:
        found = self.__dict__.get(name)
        if found is None:
            with _making:
                found = self.__dict__.setdefault(name, make())
        return found

    @property
    def _condition(self) -> threading.Condition:  # type: ignore[override] # the same
        condition: threading.Condition = self._made("_its_condition", threading.Condition)
        return condition

    @property
    def _waiters(self) -> list[Any]:  # type: ignore[override] # the base class sets it, ours never does
        waiters: list[Any] = self._made("_its_waiters", list)
        return waiters

    @property
    def _done_callbacks(self) -> list[Callable[[Any], Any]]:
        callbacks: list[Callable[[Any], Any]] = self._made("_its_callbacks", list)
        return callbacks

    def keep(self) -> None:
        """Hold on to a value that lies in files of the flow: for whoever ends the flow, once the task has ended."""
        if isinstance(self._outcome, (Stored, Composed)):
            self._open()

    def run_callbacks(self) -> None:
        """Call what `add_done_callback` was given."""
        self._invoke_callbacks()  # type: ignore[operator, unused-ignore] # not in the type stubs

    def _wait(self, timeout: float | None) -> None:
        if self._outcome is not None:
            return
        deadline = None if timeout is None else time.monotonic() + timeout
        self._owner.read_until(self._has_ended, deadline)
        if self._has_ended():
            return
        with self._owner.waiting(), self._condition:  # another thread reads
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not self._condition.wait_for(self._has_ended, left):
                raise concurrent.futures.TimeoutError(
                    f"task {name_of(self.tid)} `{self._options.name}` has not ended in {timeout} s"
                )

    def _has_ended(self) -> bool:
        return self._outcome is not None

    def _open(self) -> None:
        """Make value or exception of the outcome, in the thread that wants it."""
        if self._opened or self._outcome is None or self._state == CANCELLED_AND_NOTIFIED:
            return
        result, error = None, None
        if isinstance(self._outcome, (Inline, Stored, Composed)):
            try:
                result = outcomes.load(self._outcome, mine=True)
            except Exception as found:
                error = outcomes.unreadable(found, self.tid, self._options.name)
        else:
            error = outcomes.unpack_error(self._outcome, self.tid, self._options.name)
        # the first of several threads wins
        self._result, self._exception = self.__dict__.setdefault("_its_end", (result, error))
        self._opened = True

    def __del__(self) -> None:
        owner = self.__dict__.get("_owner")
        if owner is not None:
            owner.release(self.tid)

    def __repr__(self) -> str:
        return f"<AppFuture task {name_of(self.tid)} {self._options.name}: {'done' if self.done() else 'not done'}>"


class DataFuture(concurrent.futures.Future[File], Needed):
    """The promise of a file that a task writes. Its result is the `File`, once the task is done."""

    def __init__(self, parent: AppFuture, file: File) -> None:
        super().__init__()
        self._parent = parent
        self.file_obj = file
        parent.add_done_callback(self._follow)

    @property
    def parent(self) -> AppFuture:
        """The future of the task that writes the file."""
        return self._parent

    @property
    def tid(self) -> int:
        """The number of that task."""
        return self._parent.tid

    @property
    def filename(self) -> str:
        """The last part of the path."""
        return self.file_obj.filename

    @property
    def filepath(self) -> str:
        """The path to open."""
        return self.file_obj.filepath

    def result(self, timeout: float | None = None) -> File:
        """The file; waits and raises like the task's own future."""
        self._parent.result(timeout)
        return self.file_obj

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What `result()` would raise, or None."""
        return self._parent.exception(timeout)

    def cancel(self) -> bool:
        """Withdraw the task that writes the file."""
        return self._parent.cancel()

    def refer(self, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """In a task's arguments it becomes the file, once its writer is done."""
        return _written, (index, self.file_obj)

    def settles_with(self) -> AppFuture:
        """The future of the task that writes the file."""
        return self._parent

    def counts_as(self) -> bytes:
        """By the call that writes it, and by its path."""
        return memo.key_of_part(self._parent.counts_as(), "file", self.filepath)

    def __await__(self) -> Generator[Any, None, Any]:
        return _awaited(self)

    def _follow(self, parent: concurrent.futures.Future[Any]) -> None:
        if parent.cancelled():
            super().cancel()
            self.set_running_or_notify_cancel()
        elif (error := parent.exception()) is not None:
            self.set_exception(error)
        else:
            self.set_result(self.file_obj)

    def __repr__(self) -> str:
        return f"<DataFuture {self.filepath!r} of task {name_of(self.tid)}>"


def _written(index: int, file: File) -> File:
    need(index)  # the writer is done; its value does not matter
    return file


def _awaited(future: concurrent.futures.Future[Any]) -> Generator[Any, None, Any]:
    import asyncio  # 60 ms of start-up; whoever awaits has it already

    return asyncio.wrap_future(future).__await__()
