"""Errors that the scheduler finds: nothing was raised anywhere, and yet a task gave no value."""

from __future__ import annotations

from nbflow.core.instructions import Why
from nbflow.numbers import name_of
from nbflow.scheduler.history import Job
from nbflow.scheduler.staff import Staff
from nbflow.scheduler.workers import End
from nbflow.wire.outcomes import Failure, Lost

BRIEF = 10_000  # bytes of an exception, and characters of its traceback, that are told to those who needed the task


def found(why: Why, job: Job, staff: Staff, worker: int, root: int | None = None) -> Lost:
    """The error of a task that ended so. `worker`: the one that had it last; `root`: the task to blame."""
    task = f"task {name_of(job.id)} `{job.app}`"
    submit = job.submit
    if why is Why.LOST:
        files = " and ".join(repr(path) for path in submit.streams[::2] if path) if submit is not None else ""
        where = files and f", whose output is in {files}"  # so the worker's log has none
        return lost(staff.end_of(worker), f"while it ran {task}{where}", job.id)
    if why is Why.TIMEOUT:
        limit = submit.walltime if submit is not None else 0.0
        return Lost("AppTimeout", f"{task} ran longer than its walltime of {limit:g} s and was ended")
    if why is Why.MEMORY:
        verdict = staff.end_of(worker).verdict
        assert verdict is not None
        return Lost(
            "MemoryLimitExceeded",
            f"{task} was ended: {verdict.words}",
            used=verdict.used,
            limit=verdict.limit,
        )
    if why is Why.NO_WORKERS:
        labels = (submit.executors if submit is not None else None) or staff.labels
        return Lost("BadStateException", staff.why_none_starts(labels[0]))
    if why is Why.NO_EXECUTOR:
        return Lost(
            "UsageError", f"no executor of `{job.app}`'s is there; there are: {', '.join(staff.labels)}"
        )
    return Lost(
        "UsageError",
        f"the value of task {name_of(root or 0)}, which `{job.app}` needs, is not known any more",
    )


def lost(end: End, meanwhile: str, task: int = 0) -> Lost:
    """The error of what a worker was at when it died. `task`: the one that it ran; 0 = it is not to blame."""
    return Lost("WorkerLost", end.in_words(meanwhile), task, end.pid, end.exitcode, end.output, end.memory)


def in_brief(cause: Failure) -> Failure:
    """An error as the tasks are told it that needed the value: there may be thousands, and each gets a copy.

    The task that failed has it whole.
    """
    whole = len(cause.data) <= BRIEF
    traceback = cause.traceback
    if len(traceback) > BRIEF:
        left_out = len(traceback) - BRIEF
        half = BRIEF // 2
        traceback = f"{traceback[:half]}\n... {left_out} characters left out ...\n{traceback[-half:]}"
    elif whole:
        return cause
    return Failure(cause.data if whole else b"", cause.kind, cause.text, traceback, cause.line)
