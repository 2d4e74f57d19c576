"""The lock of a future: whoever holds it is not interrupted before it is released. And who waits for a future.

The standard library's `wait` and `as_completed` take the locks of all futures they are given, in Python code that an
interrupt may leave between a lock taken and its release noted. The thread that settles the future would wait for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from nbflow.client.signals import undisturbed

NEVER_ENDS = (
    "a finalizer or a handler of a signal, run while its thread waits for a task itself, cannot wait for another one: "
    "it would never end"
)

_holding: dict[int, int] = {}  # thread -> how many locks of futures it holds, or is about to


_ends: dict[int, type[BaseException]] = {}
"""Thread -> what is to be raised in it once it holds none."""


def end(thread: int, error: type[BaseException], at_once: Callable[[], object]) -> None:
    """Have a thread end by an error: `at_once`, which is no Python code, or when it holds no lock of a future any more.

    It would leave the lock taken, and whoever settles the future would wait for ever.
    """
    # nobody else has the interpreter between this look and what follows
    if thread in _holding:
        _ends[thread] = error
    else:
        at_once()


def holds_a_future() -> bool:
    """Whether the calling thread holds the lock of a future: it is a finalizer, run in the midst of that."""
    return threading.get_ident() in _holding


class QuietCondition:
    """What stands for a future's `threading.Condition`, at a tenth of its size: a reentrant lock, held for moments.

    Nobody but code of others, which takes it for what it stands for, waits for it; only then it has a condition.
    """

    __slots__ = ("_lock", "_whole")

    def __init__(self) -> None:
        self._lock: Any = threading.RLock()
        self._whole: threading.Condition | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As that of any lock."""
        undisturbed.__enter__()
        got: bool = False
        thread = threading.get_ident()
        _holding[thread] = _holding.get(thread, 0) + 1
        try:
            got = self._lock.acquire(blocking, timeout)
        finally:
            if not got:
                self._let_go()
        return got

    def release(self) -> None:
        """As that of any lock; an interrupt that has come meanwhile raises now."""
        self._lock.release()
        self._let_go()

    @staticmethod
    def _let_go() -> None:
        thread = threading.get_ident()
        if _holding[thread] == 1:
            del _holding[thread]
        else:
            _holding[thread] -= 1
        undisturbed.__exit__()
        if _ends and thread not in _holding and (error := _ends.pop(thread, None)) is not None:
            raise error

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _is_owned(self) -> bool:  # asked for by a condition
        return bool(self._lock._is_owned())

    def wait(self, timeout: float | None = None) -> bool:
        """As that of any condition; held while it is called."""
        if self._whole is None:
            self._whole = threading.Condition(self)  # type: ignore[arg-type] # it asks for no more than this has
        return self._whole.wait(timeout)

    def notify_all(self) -> None:
        """As that of any condition; held while it is called."""
        if self._whole is not None:
            self._whole.notify_all()


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


class _Told:
    """Who is told that a future has ended, among its waiters."""

    def __init__(self, then: Callable[[Any], object]) -> None:
        self._then = then

    def add_result(self, future: object) -> None:
        """The future has ended."""
        self._then(future)

    add_exception = add_cancelled = add_result


def once_ended(future: Any, then: Callable[[Any], object]) -> None:
    """Call `then(future)` when it has ended, where the socket is read, so that it must return at once; now if it has.

    `then` must not hold the future, which keeps it.
    """
    with future._condition:
        if not future.done():
            # not as others are put in: that somebody waits is said where that is so
            list.append(future._waiters, _Told(then))
            return
    then(future)
