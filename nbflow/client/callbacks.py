"""The thread on which callbacks of futures run, and other code of the user's that nobody waits for.

It may wait for tasks, so it must run neither where the socket is read nor where a task does.
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
        self._started = False

    def put(self, what: Callable[[], None]) -> None:
        """Something is to be called, after what was put before."""
        self._queue.put(what)
        with self._starting:
            if not self._started:
                try:
                    threading.Thread(target=self._run, name=self._name, daemon=True).start()
                    self._started = True
                except RuntimeError:  # Python 3.12 lets no thread begin once the program's end has
                    self._queue.get()
        if not self._started:
            self._call(what)

    def close(self) -> None:
        """Let the thread end after what is due now."""
        self._queue.put(None)

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
