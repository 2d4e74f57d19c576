"""The thread on which callbacks of futures run: they are the user's code, and may wait for other tasks."""

from __future__ import annotations

import queue
import threading
from typing import Any

from nbflow.client.promise import Promise


class Callbacks:
    """A thread that is started when the first callback is due."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Promise[Any] | None] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._started = False

    def put(self, future: Promise[Any]) -> None:
        """The future has ended and somebody wants to be told."""
        self._queue.put(future)
        with self._starting:
            if not self._started:
                self._started = True
                threading.Thread(target=self._run, name="nbflow-callbacks", daemon=True).start()

    def close(self) -> None:
        """Let the thread end after what is due now."""
        self._queue.put(None)

    def _run(self) -> None:
        while (future := self._queue.get()) is not None:
            future.run_callbacks()
