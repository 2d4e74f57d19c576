"""A flow ends once: whose part it is to end it, and when it has ended.

Several may want it at the same time: `clear()` in one thread, the program's end in another, the reader thread because
the scheduler has died.
"""

from __future__ import annotations

import threading


class Lifetime:
    """Of one flow."""

    def __init__(self) -> None:
        self._deciding = threading.Lock()
        self._ender: int | None = None  # the thread that ends the flow
        self._ended = threading.Event()

    def begin_to_end(self) -> bool:
        """Whether it is for the caller to end the flow; else another thread is at it, or has done it."""
        with self._deciding:
            if self._ender is None:
                self._ender = threading.get_ident()
                return True
        return False

    def ended(self) -> None:
        """It has ended, or does not concern this process."""
        self._ender = self._ender or threading.get_ident()
        self._ended.set()

    def wait_for_end(self, timeout: float) -> None:
        """Wait until the other thread has ended it: a program that ends before would leave files behind."""
        if self._ender != threading.get_ident():
            self._ended.wait(timeout)
