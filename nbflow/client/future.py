"""`AppFuture`: the promise of a task's value.

A future is settled where the socket is read, with an outcome as it came; the outcome is opened, which may run the
user's code, in the thread that asks for the value.
"""

from __future__ import annotations

import concurrent.futures
import mmap
import operator
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures._base import CANCELLED_AND_NOTIFIED, FINISHED, PENDING
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Protocol

from nbflow.client.companion import Companion
from nbflow.client.datafuture import DataFuture
from nbflow.client.options import Options
from nbflow.client.promise import Promise, check_attribute, making
from nbflow.client.quiet import Latch
from nbflow.client.record import Facts, TaskRecord, known_of, status_of
from nbflow.client.signals import is_of_a_handler
from nbflow.core.states import State
from nbflow.errors import describe
from nbflow.files import File
from nbflow.numbers import name_of
from nbflow.values import memo, objects
from nbflow.values import outcome as outcomes
from nbflow.wire.outcomes import VALUES, Blamed, Composed, Inline, Outcome, Stored, Withdrawn

_READ = Inline(b"")  # what a future has that has made an object of its value


class Owner(Protocol):
    """The calls that a future belongs to, as far as the future needs them."""

    flow: Any
    elsewhere: bool  #: this is a forked child, and the owner's flow belongs to the parent
    held: Mapping[int, Any]  #: values that are kept in this process

    def refusal(self) -> Exception:
        """Why no calls are taken, and none waited for."""

    def waiting(self, task: int | None = None) -> AbstractContextManager[None]:
        """To be entered while a thread waits for a task's future, or for several."""

    def read_until(self, done: Callable[[], bool], deadline: float | None) -> None:
        """Read what comes from the scheduler in this thread, where that is possible; may return early."""

    def cancel(self, task: int) -> None:
        """Ask for the task to be withdrawn."""

    def release(self, task: int) -> None:
        """Nobody holds the future any more; may be called at any moment, in any thread."""

    def unreadable(self, key: bytes, app: str, why: str) -> None:
        """The value of a cached call cannot be rebuilt in this process."""

    def call_back(self, callbacks: Callable[[], None]) -> None:
        """Run a future's callbacks, on a thread where they may block."""

    def retry(self, task: int, dependants: bool) -> None:
        """Have a task tried again that ended without a value."""

    def lift(self, function: Callable[[Any, Any], Any], future: AppFuture, argument: Any) -> AppFuture:
        """Make a task of `function(value of the future, argument)`."""

    def facts_of(self, task: int) -> Facts | None:
        """What the scheduler knows of a task; None if nobody can tell."""


class AppFuture(Promise[Any]):
    """The promise of a task's value: what calling an app gives at once.

    `result()` gives the value or raises the task's own exception; `fut[0]` and `fut.name` are futures of a part of it;
    `await fut` works. `outputs` are `DataFuture`s of the files the task writes. `stdout` and `stderr` are what was
    asked for: a path, a tuple, None; the path that `AUTO_LOGNAME` came to; a `DataFuture` for a `File`. `tid` is the
    task's number.
    """

    # what an unsettled, plain call has; an instance gets its own when it differs
    _state = PENDING
    _outcome: Outcome | None = None
    _opened: tuple[Any, BaseException | None] | None = None  # what was made of it: a value, or an exception
    _kept: Sequence[mmap.mmap] = ()
    _files: list[Any] | None = None  # outputs, streams, and what else accompanies it
    _outputs = 0  # how many of them are outputs
    _key = b""
    stdout: Any = None
    stderr: Any = None
    sent = 0  #: bytes of the arguments, where they are too many for the message
    tether: Any = None  #: goes with the future of a big value, and has that told at once
    called: Any = None  #: what whoever has made the call wants to be kept for as long as the future is

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
        return [] if self._files is None else self._files[: self._outputs]

    @property
    def task_record(self) -> TaskRecord:
        """The task as Parsl's programs read it: a read-only mapping."""
        known = {
            **known_of(self.tid, self._options),
            "app_fu": self,
            "dfk": self.flow,
            "hashsum": self._key.hex() or None,
            "outputs": self.outputs,
            "stdout": self.stdout,
            "stderr": self.stderr,
        }
        return TaskRecord(known, lambda: self._owner.facts_of(self.tid))

    def task_status(self) -> str:
        """The state as Parsl calls it.

        That is pending, running, exec_done, failed, dep_fail, fail_retryable, memo_done, joining or cancelled.
        """
        if self._outcome is not None and not self._key:
            return status_of(self.state, None).name
        facts = self._owner.facts_of(self.tid)
        return status_of(self.state if facts is None else State(facts.row.state), facts and facts.row).name

    @property
    def state(self) -> State:
        """The state as the scheduler knows it."""
        outcome = self._outcome
        if outcome is None:
            facts = self._owner.facts_of(self.tid)
            return State.WAITING if facts is None else State(facts.row.state)
        if isinstance(outcome, VALUES):
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
        opened = self._opened
        if opened is None:
            opened = self._end(timeout)
        result, error = opened
        if error is not None:  # whatever its truth value is
            asked_for = self.tid, self._options.name  # noqa: F841 # read by whoever shows the error
            try:
                # each time as if it was the first: else it would tell of all places that have asked for it
                raise error.with_traceback(None)
            finally:
                del self, opened, error  # else the exception would hold this frame, and it the exception
        return result

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What `result()` would raise, or None. Waits and raises like it."""
        return (self._opened or self._end(timeout))[1]

    def cancel(self, wait: bool = True) -> bool:
        """Withdraw the task, queued or running, and what waits for it; what has ended stays as it is.

        A task on a worker process that runs is killed with all that it has started, and the worker is replaced. Calls
        that it has made are withdrawn, too. A thread cannot be killed: nothing that the task still does is heard, it is
        interrupted at its next step in Python, and compiled code goes on until it returns.

        Args:
            wait: return when it is certain; otherwise as soon as it is asked for.

        Returns:
            With `wait`, True if the task will never give a value: it has not run, or is dead. Without, True if it had
            not ended as far as is known here: it is cancelled, unless it ends before the request arrives, and
            `cancelled()` says so once `done()`.

        Raises:
            FlowClosed: this is a forked child of the process that has made the call.
        """
        if not self.done():
            self._owner.cancel(self.tid)
            if not wait:
                return True
            self._wait(None)
        return self.cancelled()

    def retry(self, dependants: bool = False) -> None:
        """Have the task tried again, which ended without a value: with the function and the arguments of its call.

        When this returns the future is pending as at first: `result()` waits anew, and callbacks that are added from
        now on run at the new end. Those that had been told of the first end are not told of another. What was kept for
        it goes with the future: an app that was changed since, or other arguments, are a new call.

        Args:
            dependants: have all tried again as well that were not run because of this one.

        Raises:
            UsageError: the task has not ended, has its value, lacks that of another one, which the text names, or is an
                item of a sweep or no task of the flow's own. The text says which.
            FlowClosed: the flow has ended.
            TimeoutError: the scheduler did not answer.
        """
        self._owner.retry(self.tid, dependants)

    def done(self) -> bool:
        """Whether the task has ended, well or not."""
        return self._outcome is not None

    def cancelled(self) -> bool:
        """Whether the task, or a need of it, was withdrawn."""
        return bool(self._state == CANCELLED_AND_NOTIFIED)

    def running(self) -> bool:
        """Whether a worker is at it now."""
        return not self.done() and self.state is State.RUNNING

    # ------------------------------------------------------------ lifted access

    def __getitem__(self, key: Any) -> AppFuture:
        """A future of `value[key]`."""
        return self._owner.lift(operator.getitem, self, key)

    def __getattr__(self, name: str) -> AppFuture:
        """A future of `value.name`. A name that looks like a misspelt one of the future's own is refused."""
        check_attribute(type(self), name)
        return self._owner.lift(getattr, self, name)

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(
            "a future cannot be iterated: its length is not known before it is done; use fut.result()"
        )

    # ------------------------------------------------------------ for the flow

    def counts_as(self) -> bytes:
        """The key of its call if that is cached, else what stands for its task."""
        return self._key or memo.key_of_task(self.tid)

    def will_write(self, outputs: Sequence[File], stdout: Any, stderr: Any) -> None:
        """The call named files that the task is to write; streams may be anything else that names one, or None."""
        self._outputs = len(outputs)
        files = [DataFuture(self, file) for file in outputs]
        for name, stream in (("stdout", stdout), ("stderr", stderr)):
            if isinstance(stream, File):
                files.append(DataFuture(self, stream))
                stream = files[-1]
            setattr(self, name, stream)
        if files:
            self._files = files

    def accompany(self, futures: Sequence[Companion[Any]]) -> None:
        """Have these told of the task's end when it is, in the same moment."""
        with making:
            self._files = [*(self._files or ()), *futures]

    def settle(self, outcome: Outcome) -> None:
        """The task has ended. Called where the socket is read: once, and once more after each `reopen`."""
        cancelled = _withdrawn(outcome)
        with making:  # so is its condition made, by whoever is to wait
            if self._its_condition is None and self._files is None:  # nobody has asked
                self._has_settled(outcome, cancelled)
                return
        # The state changes with all conditions held, taken in the standard library's order: its `wait` looks at the
        # state twice, and would wait for ever for what has ended in between.
        files = self._files or ()
        good = isinstance(outcome, VALUES)
        with ExitStack() as held:
            for future in sorted((self, *files), key=id):
                held.enter_context(future._condition)
            self._has_settled(outcome, cancelled)
            told = [future._tell(cancelled, good) for future in (self, *files)]
        for callbacks in told:
            if callbacks is not None:
                self._owner.call_back(callbacks)

    def _has_settled(self, outcome: Outcome, cancelled: bool) -> None:
        # in this order: who finds an outcome finds the state that goes with it
        self._state = CANCELLED_AND_NOTIFIED if cancelled else FINISHED
        self._outcome = outcome

    def reopen(self) -> None:
        """The task, which had ended without a value, is tried again. Called where the socket is read."""
        with ExitStack() as held:  # whoever looks whether it has ended, and waits if not, holds one of them
            for future in sorted((self, *(self._files or ())), key=id):
                held.enter_context(future._condition)
                future._wait_anew()
            with making:
                # in this order: who finds an outcome finds the state that goes with it
                self._outcome = self._opened = None
                self._state = PENDING

    def keep(self) -> None:
        """Hold on to a value whose files are about to go; it is opened when somebody asks for it, as ever."""
        if self._opened is None and isinstance(self._outcome, (Stored, Composed)):
            self._kept = objects.keep(self._outcome)

    def check_that_it_ends(self) -> None:
        """
        Raises:
            FlowClosed: this is a forked child of the process that called it, where nobody will say that it has ended.
        """
        if self._outcome is None and self._owner.elsewhere:
            raise self._owner.refusal()

    def _wait(self, timeout: float | None, deadline: float | None = None) -> None:
        """`deadline`: by the monotonic clock, where it is not `timeout` seconds from now."""
        if self._outcome is not None:
            return
        if timeout is not None and deadline is None:
            deadline = time.monotonic() + timeout
        self._owner.read_until(self._has_ended, deadline)
        if self._has_ended():
            return
        latch = Latch()
        with self._condition:
            if self._has_ended():
                return
            list.append(self._waiters, latch)  # not as others are put in: that this one waits is said below
        try:
            with self._owner.waiting(self.tid):  # another thread reads
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                if not latch.wait(left):
                    raise concurrent.futures.TimeoutError(
                        f"task {name_of(self.tid)} `{self._options.name}` has not ended in {timeout} s"
                    )
        finally:
            with self._condition:
                list.remove(self._waiters, latch)

    def _has_ended(self) -> bool:
        return self._outcome is not None

    def _end(self, timeout: float | None) -> tuple[Any, BaseException | None]:
        """Wait for the end, and make value or exception of the outcome, in the thread that wants it.

        Raises:
            TimeoutError: there is none in time.
            CancelledError: the task, or a need of it, was withdrawn.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (outcome := self._outcome) is None:  # more than once where it is tried again just then
            self._wait(timeout, deadline)
        if _withdrawn(outcome):
            raise concurrent.futures.CancelledError
        result, error = None, None
        if isinstance(outcome, VALUES):
            if (opened := self._opened) is not None:
                return opened
            try:
                result = outcomes.load(outcome, mine=True, held=self._owner.held)
            except outcomes.OF_THE_VALUE as found:
                if is_of_a_handler(found):
                    raise
                error = outcomes.unreadable(found, self.tid, self._options.name, cached=bool(self._key))
                if self._key:
                    self._owner.unreadable(self._key, self._options.name, describe(found))
        else:
            error = outcomes.unpack_error(outcome, self.tid, self._options.name)
        with making:
            return self._has_opened(outcome, (result, error))

    def _has_opened(
        self, outcome: Outcome, opened: tuple[Any, BaseException | None]
    ) -> tuple[Any, BaseException | None]:
        """What counts as the end: that of the first of several threads; our own, where it is tried again by now."""
        if self._opened is not None:
            return self._opened
        if self._outcome is outcome:
            self._opened = opened
            if type(outcome) is Inline and opened[1] is None:
                self._outcome = _READ
        return opened

    def __del__(self) -> None:
        try:
            owner = self._owner
        except AttributeError:  # an interrupt has come between its making and the first step of it
            return
        owner.release(self.tid)

    def __repr__(self) -> str:
        return f"<AppFuture task {name_of(self.tid)} {self._options.name}: {'done' if self.done() else 'not done'}>"


def _withdrawn(outcome: Outcome) -> bool:
    """Whether it says that the task, or a need of it, was cancelled."""
    kind = type(outcome)
    return kind is Withdrawn or (kind is Blamed and outcome.cause is None)  # type: ignore[union-attr]
