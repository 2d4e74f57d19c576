"""The rows of tasks for those who watch: the newest of each that has changed, and first all that there were before.

    begin ──> old rows, in slices, in the order of submission ──> from then on those that change, at most so often

What a row says is `history`'s subject.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from nbflow.scheduler.jobs import Jobs
from nbflow.wire.rows import TaskRow

EVERY = 0.05  # seconds between two batches
SHARE = 0.1  # of the time that rows may take, where tens of thousands change; to read them takes as much
AT_ONCE = 5000  # old rows in a batch: some 30 ms


class Telling:
    """For one flow. `row_of` makes the row of a task, `send` takes a batch of them to who watches."""

    def __init__(
        self, jobs: Jobs, row_of: Callable[[int], TaskRow], send: Callable[[list[TaskRow]], None]
    ) -> None:
        self.watched = False  #: somebody watches: only then is anything to be told of changes
        self._jobs = jobs
        self._row_of = row_of
        self._send = send
        self._changed: dict[int, None] = {}  # tasks, in order
        self._untold = range(0)  # places in the order of all tasks: old ones that are yet to be told
        self._not_before = 0.0

    def begin(self) -> None:
        """Somebody watches from now on."""
        self.watched = True
        self._untold = range(len(self._jobs.order))

    def changed(self, tasks: Iterable[int]) -> None:
        """The rows of these tasks are new, or others than before."""
        self._changed.update(dict.fromkeys(tasks))

    @property
    def due(self) -> float | None:
        """When `tell` is to be called next, in seconds since the epoch; None = there is nothing to be told."""
        return self._not_before if self._changed or self._untold else None

    def tell(self, *, now: bool = False) -> None:
        """Tell what is due; all there is, if it is to be `now`."""
        at = time.time()
        while self._untold and (now or at >= self._not_before):
            begin, self._untold = self._untold.start, self._untold[AT_ONCE:]
            self._tell(self._jobs.order[begin : self._untold.start], at)
        if self._changed and not self._untold and (now or at >= self._not_before):
            self._tell(self._changed, at)
            self._changed.clear()

    def _tell(self, tasks: Iterable[int], since: float) -> None:
        self._send([self._row_of(number) for number in tasks])
        # longer where it has taken long
        self._not_before = since + max(EVERY, (time.time() - since) / SHARE)
