"""The way to the scheduler, as the calls of a process and their futures need it.

The user's process has a `DataFlowKernel` for it, a worker a `NestedLink`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from nbflow.client.record import Facts


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

    def call_back(self, callbacks: Callable[[], None]) -> None:
        """Run a future's callbacks on a thread where they may block."""

    def retry(self, task: int, dependants: bool = False) -> list[int]:
        """Have a task tried again that ended without a value; see `DataFlowKernel.retry`."""

    def say(self, what: Callable[[], None]) -> None:
        """Call what logs, on a thread of its own: handlers of logs may wait for tasks, and hold a lock meanwhile."""

    def facts_of(self, task: int) -> Facts | None:
        """Ask what is known of a task; None if nobody can tell."""

    def note_progress(self, task: int, fraction: float | None, text: str) -> None:
        """The task that the calling thread runs says how far it has come."""
