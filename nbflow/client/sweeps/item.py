"""The future of one item of a sweep, and what it has in common with the sweep's own.

How an item stands and what it gave is kept by its `Sweep`; a future of it is made when somebody asks for one.
"""

from __future__ import annotations

import concurrent.futures
import os
import threading
from collections.abc import Callable
from concurrent.futures._base import CANCELLED_AND_NOTIFIED, FINISHED, PENDING, RUNNING
from typing import TYPE_CHECKING, Any

from nbflow.client.promise import Promise
from nbflow.client.quiet import Latch
from nbflow.client.signals import is_of_a_handler
from nbflow.core.states import State

if TYPE_CHECKING:
    from nbflow.client.calls import Calls
    from nbflow.client.sweeps.sweep import Sweep

LOCK = threading.RLock()
"""Of what changes in sweeps; held for moments, in which a finalizer may come by."""
# as that of `promise`: a forked child would have no thread that would release it
os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release)

ENDS = frozenset({State.DONE, State.FAILED, State.CANCELLED})
_STATES = {State.WAITING: PENDING, State.RUNNING: RUNNING, State.CANCELLED: CANCELLED_AND_NOTIFIED}


class Awaited(Promise[Any]):
    """What the futures of sweeps and items have in common."""

    _calls: Calls
    _over = False  # it has ended, and whoever waits has been told

    def conclude(self, state: State) -> None:
        """It has ended. With `LOCK` held.

        Both in one: whoever looks whether it has ended, and waits if it has not, as the standard library does with its
        condition held, would be told of an end that he has seen already.
        """
        with self._condition:
            self._over = True
            callbacks = self._tell(state is State.CANCELLED, state is State.DONE)
        if callbacks is not None:
            self._calls.call_back(callbacks)

    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._over

    @property
    def owner(self) -> Calls:
        """The calls of the process that made the sweep."""
        return self._calls

    @property
    def flow(self) -> Any:
        """The flow that runs it; inside a task, what stands for it there."""
        return self._calls.flow

    def check_that_it_ends(self) -> None:
        """
        Raises:
            FlowClosed: this is a forked child, where nobody will say that it has ended.
        """
        if not self.done():
            self._calls.check_not_abandoned()

    def counts_as(self) -> bytes:
        """As the task that stands for it where it is an argument."""
        return self._calls.need(self).counts_as()

    def _wait(self, timeout: float | None) -> None:
        if self.done():
            return
        latch = Latch()
        with self._condition:
            if self.done():
                return
            list.append(self._waiters, latch)  # not as others are put in: that this one waits is said below
        try:
            with self._calls.waiting():
                if not latch.wait(timeout):
                    raise concurrent.futures.TimeoutError(f"{self!r} has not ended in {timeout} s")
        finally:
            with self._condition:
                list.remove(self._waiters, latch)


class Item(Awaited):
    """The future of one item of a sweep. `index`: which one, from 0."""

    def __init__(self, sweep: Sweep, index: int) -> None:
        # not that of the base class: what it would set is the sweep's, or made late
        self._calls = sweep.owner
        self._sweep = sweep
        self.index = index
        self._over = sweep._states[index] in ENDS

    @property
    def sweep(self) -> Sweep:
        """What it is an item of."""
        return self._sweep

    @property
    def app_name(self) -> str:
        """The name of the app that runs for it."""
        return self._sweep.app_name

    @property
    def state(self) -> State:
        """How it stands: WAITING is not sent yet, RUNNING is on its way to a worker, or there."""
        state = State(self._sweep._states[self.index])
        return state if self._over or state not in ENDS else State.RUNNING

    @property
    def _state(self) -> str:  # type: ignore[override] # what the standard library's waiting looks at
        return _STATES.get(self.state, FINISHED)

    def result(self, timeout: float | None = None) -> Any:
        """What the function gave for it; waits at most `timeout` seconds (None = as long as it takes).

        Raises:
            TimeoutError: it has not ended in time.
            CancelledError: it was cancelled.
            Exception: what the function raised for it, or a `TaskError`.
        """
        self._wait(timeout)
        try:
            return self._sweep._value(self.index)
        finally:
            del self  # else an exception would hold this frame, and it the exception

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What `result()` would raise, or None. Waits and raises like it."""
        self._wait(timeout)
        if self.cancelled():
            raise self._sweep._error(self.index)
        try:
            self._sweep._value(self.index)
        except BaseException as error:
            if is_of_a_handler(error):
                raise
            return error
        return None

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """Call `fn(item)` when it has ended, on a thread for that; at once if it has."""
        self._sweep._hold(self)  # nobody else may
        super().add_done_callback(fn)

    def cancel(self, wait: bool = True) -> bool:
        """Have the item not run; what has begun goes on.

        An item that is not sent yet is never sent. One that is queued on a worker is passed over there, if the worker
        has not begun it. One that travels alone, as all do that take long, is withdrawn as any task: its worker is
        killed if it runs.

        Args:
            wait: return when it is certain; otherwise as soon as it is asked for.

        Returns:
            With `wait`, True if the item will never give a value: it has not run, or its worker was killed. Without,
            True if it had not ended.
        """
        self._sweep._cancel_item(self.index)
        if wait:
            self._wait(None)
            return self.cancelled()
        return not self.done() or self.cancelled()

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.state is State.CANCELLED

    def running(self) -> bool:
        """Whether it is on its way to a worker, or there."""
        return self.state is State.RUNNING

    def __repr__(self) -> str:
        return f"<item {self.index} of {self._sweep.app_name}: {self.state.label}>"
