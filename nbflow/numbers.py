"""Numbers of tasks: the user's own calls count from 1, calls made inside tasks are counted by the worker they run on.

So every process numbers its calls without asking anybody, and no two tasks of a flow have the same number.
"""

from __future__ import annotations

_SHIFT = 32
MOST = (1 << _SHIFT) - 1  # calls of one process


def first_of(worker: int) -> int:
    """The number of the first call made inside the tasks of a worker; 0 stands for the user's own process."""
    return (worker << _SHIFT) + 1


def name_of(task: int) -> str:
    """A task's number for people: "7", or "2.5" for the fifth call made inside tasks of worker 2."""
    worker, call = task >> _SHIFT, task & ((1 << _SHIFT) - 1)
    return f"{worker}.{call}" if worker else str(call)


def number_of(name: str) -> int | None:
    """The task that `name_of` calls so; None if it calls none so."""
    worker, dot, call = name.rpartition(".")
    if not (call.isdecimal() and (worker.isdecimal() or not dot)):
        return None
    return (int(worker or "0") << _SHIFT) + int(call)
