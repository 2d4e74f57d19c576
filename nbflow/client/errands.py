"""A thread for what finalizers have to ask for, which run at any moment, in any thread, with any lock held."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from nbflow.client.signals import undisturbed


class Errands:
    """Does what it is told, one after the other, on a thread of its own once it is started."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def put(self, errand: Callable[[], object]) -> None:
        """Have it done soon. Takes no lock."""
        self._queue.put(errand)

    def start(self) -> None:
        """Begin; once is enough."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="nbflow-errands", daemon=True)
                with undisturbed:
                    self._thread.start()

    def finish(self) -> None:
        """Do what was asked for up to now, and no more."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (errand := self._queue.get()) is not None:
            errand()
            del errand  # it may hold a flow
