"""Who waits inside a task for other tasks: while anybody does, the task's worker lends its slot to another one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nbflow.wire.messages import Blocked, Unblocked


class Waits:
    """The waits inside the tasks of one worker. `say` tells the scheduler."""

    def __init__(self, say: Callable[[Blocked | Unblocked], None]) -> None:
        self._say = say
        self._lock = threading.RLock()  # a finalizer that the collector runs with it held may make calls
        self._count = 0
        self._task = 0  # how many tasks have ended

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Entered while a thread of the task's waits; may be left by another thread."""
        with self._lock:
            self._count += 1
            task = self._task
            if self._count == 1:
                self._say(Blocked())
        try:
            yield
        finally:
            with self._lock:
                if task == self._task:  # else the task has ended before its wait
                    self._count -= 1
                    if not self._count:
                        self._say(Unblocked())

    def end(self) -> None:
        """The task has ended; a thread that it has left behind may still wait, and blocks nothing any more."""
        if self._count:
            with self._lock:
                self._task += 1
                self._count = 0
                self._say(Unblocked())
