"""Where a worker's tasks run: what one has printed is taken from it, and all that it has changed is put back."""

from __future__ import annotations

import time

from nbflow.worker.capture import Capture
from nbflow.worker.leftovers import Leftovers
from nbflow.worker.restore import CannotRestore, Surroundings

QUICK = 0.001  # seconds below which a task is short, see `Surroundings.take_over`
SPARED = 30e-6  # seconds below which a task has left no process behind: to start one takes longer


class Place(Capture):
    """Where tasks run: what one has printed is taken from it, and all else is put back for the next."""

    def __init__(self) -> None:
        super().__init__()
        self.harm = ""  # what cannot be put back: no task is to run here any more
        self.begun = 0.0  # when the task began, by the monotonic clock
        self._surroundings = Surroundings()
        self._leftovers = Leftovers()

    def import_from(self, path: list[str]) -> None:
        """As of `Surroundings`."""
        self._surroundings.import_from(path)

    def take(self) -> str:
        """What the task that has just ended has printed, the processes that it leaves behind included."""
        took = time.monotonic() - self.begun
        try:
            self._surroundings.take_over(took < QUICK)
            if took > SPARED:
                self._leftovers.end()
            return super().take()
        except Exception as error:  # descriptors are closed, there is no room for more, and so on
            self._is_harmed(error)
            return ""

    def put_back(self) -> None:
        """Make all else as it was for the next task; nobody waits for it."""
        try:
            super().put_back()
            self._surroundings.put_back()
        except Exception as error:
            self._is_harmed(error)

    def _is_harmed(self, error: Exception) -> None:
        self.harm = str(error) if isinstance(error, CannotRestore) else f"{type(error).__name__}: {error}"
