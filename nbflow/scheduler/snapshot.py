"""Tasks and workers as they are at this moment, as rows and stories: for whoever watches or asks.

What a row says of a task is `history`'s subject; here is where it is gathered from.
"""

from __future__ import annotations

from nbflow.core import instructions as do
from nbflow.core.machine import Machine
from nbflow.scheduler import history
from nbflow.scheduler.guard import Guard
from nbflow.scheduler.history import Job
from nbflow.scheduler.jobs import Jobs
from nbflow.scheduler.staff import Staff
from nbflow.wire.rows import TaskRow, WorkerRow


class Snapshot:
    """Of one flow."""

    def __init__(self, jobs: Jobs, machine: Machine, staff: Staff, guard: Guard) -> None:
        self._jobs = jobs
        self._machine = machine
        self._staff = staff
        self._guard = guard

    def task(self, number: int) -> TaskRow:
        """The row of a task."""
        job = self._jobs[number]
        return self.row(job, job.story or self.story(job))

    def row(self, job: Job, story: list[do.Change]) -> TaskRow:
        """The row of a task whose story is at hand."""
        return history.row(job, story, self._guard.meters.peaks.get(job.id, 0))

    def story(self, job: Job) -> list[do.Change]:
        """The changes of a task up to now: the machine has them until it is settled."""
        task = None if job.story else self._machine.tasks.live.get(job.id)
        if task is None:
            return job.story or job.before
        return [*job.before, *task.story] if job.before else task.story

    def workers(self) -> list[WorkerRow]:
        """A row for each worker."""
        desks = self._machine.desks
        return [
            WorkerRow(
                worker.number,
                worker.executor,
                worker.pid,
                desks[worker.number].head if worker.number in desks else None,
                worker.crew.memory,
                worker.responding,
                self._guard.meters.busy(worker.number),
            )
            for worker in self._staff.workers.values()
        ]
