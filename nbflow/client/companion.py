"""Futures that stand where a task stands at every moment: of a file it writes, of a part of its value."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from nbflow.client.promise import Promise

if TYPE_CHECKING:
    from nbflow.client.future import AppFuture

Result = TypeVar("Result")


class Companion(Promise[Result]):
    """What is promised beside a task's value. `parent` is the task's future."""

    def __init__(self, parent: AppFuture) -> None:
        # not that of the base class: what it would set is the parent's, or made late
        self._parent = parent

    @property
    def parent(self) -> AppFuture:
        """The future of the task."""
        return self._parent

    @property
    def tid(self) -> int:
        """The number of that task."""
        return self._parent.tid

    @property
    def app_name(self) -> str:
        """What people call it: the task's app."""
        return self._parent.app_name

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What `result()` would raise, or None. Waits and raises like it."""
        return self._parent.exception(timeout)

    def cancel(self, wait: bool = True) -> bool:
        """Withdraw the task; see `AppFuture.cancel`."""
        return self._parent.cancel(wait)

    def done(self) -> bool:
        """Whether the task has ended."""
        return self._parent.done()

    def cancelled(self) -> bool:
        """Whether the task was withdrawn."""
        return self._parent.cancelled()

    def running(self) -> bool:
        """Whether a worker is at it now."""
        return self._parent.running()

    @property
    def _state(self) -> str:  # type: ignore[override] # what the standard library's waiting looks at
        return self._parent._state

    def check_that_it_ends(self) -> None:
        """Raises as that of the task's future."""
        self._parent.check_that_it_ends()

    def settles_with(self) -> AppFuture:
        """The task's future."""
        return self._parent
