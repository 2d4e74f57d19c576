"""The thread on which callbacks of futures run, and other code of the user's that nobody waits for.

It may wait for tasks, so it must run neither where the socket is read nor where a task does. Handlers of logs and of
warnings are the user's code as well, and hold a lock meanwhile: another one that waits for a task would wait for ever.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Callbacks:
    """A thread that is started when the first callback is due."""

    def __init__(self, name: str = "nbflow-callbacks") -> None:
        self._name = name
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, what: Callable[[], None]) -> None:
        """Something is to be called, after what was put before."""
        self._queue.put(what)
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                try:
                    thread.start()
                    self._thread = thread
                except RuntimeError:  # Python 3.12 lets no thread begin once the program's end has
                    self._queue.get()
        if self._thread is None:
            self._call(what)

    def close(self, patience: float = 0.0) -> None:
        """Let the thread end after what is due now; wait for that at most `patience` seconds."""
        self._queue.put(None)
        if patience and self._thread not in (None, threading.current_thread()):
            self._thread.join(patience)

    def _run(self) -> None:
        while (what := self._queue.get()) is not None:
            self._call(what)
            del what  # it may hold the user's values

    @staticmethod
    def _call(what: Callable[[], None]) -> None:
        try:
            what()
        except BaseException:  # the thread outlives what it calls
            log.exception("what was to be called in the background failed")
