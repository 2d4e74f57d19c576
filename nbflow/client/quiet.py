"""The lock of a future: whoever holds it is not interrupted before it is released.

The standard library's `wait` and `as_completed` take the locks of all futures they are given, in Python code that an
interrupt may leave between a lock taken and its release noted. The thread that settles the future would wait for ever.
"""

from __future__ import annotations

import threading
from typing import Any

from nbflow.client.signals import undisturbed


class QuietLock:
    """A reentrant lock for a `threading.Condition`. Held for moments only."""

    def __init__(self) -> None:
        lock: Any = threading.RLock()
        self._lock = lock
        self._is_owned = lock._is_owned  # asked for by the condition

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As that of any lock."""
        undisturbed.__enter__()
        got: bool = False
        try:
            got = self._lock.acquire(blocking, timeout)
        finally:
            if not got:
                undisturbed.__exit__()
        return got

    def release(self) -> None:
        """As that of any lock; an interrupt that has come meanwhile raises now."""
        self._lock.release()
        undisturbed.__exit__()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Latch:
    """Who waits for one future, among its waiters; to be waited for by one thread, which an interrupt may end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self, timeout: float | None) -> bool:
        """Whether the future has ended, in time."""
        return self._lock.acquire(timeout=-1 if timeout is None else timeout)

    def add_result(self, future: object) -> None:
        """The future has a value."""
        self._lock.release()

    add_exception = add_cancelled = add_result
