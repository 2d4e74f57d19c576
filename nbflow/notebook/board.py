"""How tasks and workers stand: the newest row of each, one byte a task, the counts, the clock.

Pure bookkeeping, with a cost that depends only on the rows that changed. One owner (the publisher's thread) writes; the
order of tasks is that in which they were first seen, and never changes.
"""

from __future__ import annotations

from collections.abc import Iterable

from nbflow.core.states import State
from nbflow.notebook.marks import MARKS, ended, mark_of, tally_of, worded
from nbflow.wire.rows import Progress, TaskRow, WorkerRow


class Board:
    """The newest rows, and what is summed up from them."""

    def __init__(self) -> None:
        self.rows: list[TaskRow] = []
        self.index: dict[int, int] = {}  #: of each task's id, into `rows` and `status`
        self.status = bytearray()  #: a mark (an index into `MARKS`) for each task
        #: how many tasks have each mark, the items of sweeps in place of theirs
        self.tally = [0] * len(MARKS)
        #: of tasks that run several items, by place: what they count as
        self.parts: dict[int, list[tuple[int, int]]] = {}
        self.progress: dict[int, Progress] = {}  #: of running tasks that say how far they are, by place
        self.workers: dict[int, WorkerRow] = {}  #: as last told; empty as long as nothing is
        self.changes = 0  #: how often rows were taken over
        self.silent: frozenset[int] = frozenset()  #: those of them that do not respond
        self.started = 0.0  #: when the first task was submitted, seconds since the epoch; 0.0 = no task yet
        self.last_end = 0.0  #: when the newest end was, seconds since the epoch; 0.0 = none yet

    def update(self, rows: Iterable[TaskRow]) -> bool:
        """Take over the rows; True if the structure changed: a new task, or other needs."""
        known, status, tally, silent = self.rows, self.status, self.tally, self.silent
        grown = False
        self.changes += 1
        for row in rows:
            mark = mark_of(row, silent)
            place = self.index.get(row.id)
            if place is None:
                place = self.index[row.id] = len(known)
                known.append(row)
                status.append(mark)
                grown = True
            else:
                grown = grown or known[place].needs != row.needs
                if row.part is None:
                    tally[status[place]] -= 1
                known[place] = row
                status[place] = mark
            if row.progress is not None:
                self.progress[place] = row.progress
            elif self.progress:
                self.progress.pop(place, None)
            if row.part is None:
                tally[mark] += 1
            else:
                self._count_items(place, row, mark)
            if row.submitted and (not self.started or row.submitted < self.started):
                self.started = row.submitted
            if row.ended > self.last_end:
                self.last_end = row.ended
        return grown

    def _count_items(self, place: int, row: TaskRow, mark: int) -> None:
        """Count the items of a task in its place, and no longer what they counted as before."""
        for told, count in self.parts.get(place, ()):
            self.tally[told] -= count
        self.parts[place] = tally_of(row, mark)
        for told, count in self.parts[place]:
            self.tally[told] += count

    def update_workers(self, workers: Iterable[WorkerRow]) -> bool:
        """Take over how the workers stand; True if it changed which of them respond, and so how tasks are told."""
        self.workers = {worker.worker: worker for worker in workers}
        silent = frozenset(number for number, worker in self.workers.items() if not worker.responding)
        moved, self.silent = silent ^ self.silent, silent
        if moved:
            self.update([row for row in self.rows if row.worker in moved])
        return bool(moved)

    def worker_of(self, row: TaskRow) -> WorkerRow | None:
        """The worker that has the task now, as last told."""
        return self.workers.get(row.worker or 0) if row.state is State.RUNNING else None

    def get(self, task: int) -> TaskRow | None:
        """The row of the task with this id."""
        place = self.index.get(task)
        return None if place is None else self.rows[place]

    @property
    def counts(self) -> dict[str, int]:
        """How many tasks stand how, by word, without zeros."""
        return worded(self.tally)

    @property
    def at_rest(self) -> bool:
        """True if there are tasks and all have ended."""
        return bool(self.rows) and not any(n for mark, n in enumerate(self.tally) if not ended(mark))

    def elapsed(self, now: float) -> float:
        """Seconds from the first submission to the last end, or to `now` while tasks are left."""
        if not self.started:
            return 0.0
        return max(0.0, (self.last_end if self.at_rest else now) - self.started)
