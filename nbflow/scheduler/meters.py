"""What workers use, as the guard's looks find it: the most memory of each task, and how busy each worker is.

Nothing is looked at for this alone: a task that no look has met has no peak. Processors are asked about only while
somebody watches.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from nbflow.core.placement import Desk
from nbflow.scheduler import figures
from nbflow.scheduler.workers import Worker

_TICKS = os.sysconf("SC_CLK_TCK")  # a second
SHORTEST = 0.2  # seconds in which ticks are counted: they are 10 ms long


class Meters:
    """For the workers of one flow."""

    def __init__(self) -> None:
        self.watched = False  #: somebody watches
        #: bytes that a task's worker had at most, by task; of those that were met
        self.peaks: dict[int, int] = {}
        self._had: dict[int, dict[int, int]] = {}  # by worker: ticks that each of its processes had had
        self._busy: dict[int, float] = {}  # by worker: processors kept busy
        self._at = 0.0

    def look(self, workers: Iterable[Worker], desks: Mapping[int, Desk], now: float) -> None:
        """The guard has looked at these workers; `now` in seconds."""
        workers = list(workers)
        for worker in workers:
            task = desks[worker.number].head
            if task is not None and worker.crew.memory > self.peaks.get(task, 0):
                self.peaks[task] = worker.crew.memory
        passed = now - self._at
        if self.watched and (passed >= SHORTEST or passed < 0):
            self._count(workers, passed)
            self._at = now

    def _count(self, workers: list[Worker], passed: float) -> None:
        had = {}
        for worker in workers:
            ticks = {pid: figures.processor_time(pid) for pid in worker.crew.processes}
            if known := {pid: count for pid, count in ticks.items() if count >= 0}:
                had[worker.number] = known
        self._busy = {
            number: _more(self._had[number], ticks) / _TICKS / passed
            for number, ticks in had.items()
            if number in self._had and passed > 0
        }
        self._had = had

    def busy(self, worker: int) -> float:
        """How many processors a worker kept busy, its child processes included; -1.0 if that is not known."""
        return self._busy.get(worker, -1.0)


def _more(before: Mapping[int, int], now: Mapping[int, int]) -> int:
    """Ticks since then. Of a process that was not there then, all it has had count."""
    return sum(max(0, ticks - before.get(pid, 0)) for pid, ticks in now.items())
