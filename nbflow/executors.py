"""The descriptions of executors: named sets of workers that tasks run on. Plain data; nothing is started here."""

from __future__ import annotations

import numbers
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nbflow.checking import Description, called, count, path, refuse, size, string
from nbflow.limits import cores_available

LEAST_MEMORY = 50_000_000  # bytes; a worker that has run nothing yet has about 15 MB


@dataclass(frozen=True, repr=False)
class ProcessExecutor(Description):
    """A set of equal worker processes on this machine.

    Args:
        max_workers: how many; None = one per accelerator, or per core that this process may use.
        label: the name by which apps choose it (`executors=["label"]`).
        environment: variables added to the workers' environment.
        working_dir: where the workers run, made if it is missing; None = where the flow was loaded.
        accelerators: how many there are, or their names. Each worker sees one alone, and there are never more
            workers than accelerators; 0 or () = workers see what this process sees.
        memory_limit: what a worker's processes may have together, in bytes or as a text such as "2 GB" or "512 MiB",
            at least 50 MB. The task that goes beyond it ends with `MemoryLimitExceeded`. None = what the machine has.
        max_tasks_per_worker: how many tasks a process runs before a fresh one takes its place; None = any number.

    Raises:
        ConfigurationError: a value is not allowed.
    """

    max_workers: int | None = None
    label: str = "processes"
    environment: dict[str, str] = field(default_factory=dict)
    working_dir: str | os.PathLike[str] | None = None
    accelerators: int | Sequence[str] = ()
    memory_limit: int | str | None = None
    max_tasks_per_worker: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep("max_workers", count, 1, none=True)
        self._keep("label", called)
        self._keep("working_dir", path, none=True)
        self._keep("environment", _variables)
        self._keep("accelerators", accelerators_of)
        self._keep("memory_limit", size, LEAST_MEMORY, none=True)
        self._keep("max_tasks_per_worker", count, 1, none=True)

    @property
    def accelerator_names(self) -> tuple[str, ...]:
        """The accelerators, each as a worker's environment names it."""
        given = self.accelerators
        return tuple(str(n) for n in range(given)) if isinstance(given, int) else tuple(given)

    @property
    def workers(self) -> int:
        """How many workers there will be."""
        most = len(self.accelerator_names)
        wanted = self.max_workers or most or cores_available()
        return min(wanted, most) if most else wanted


@dataclass(frozen=True, repr=False)
class ThreadExecutor(Description):
    """A set of threads in the user's own process: for tasks that wait, or that need what lives in this process.

    Values are passed by reference. A task here cannot be killed, and shares the interpreter's lock with the notebook.

    Args:
        max_workers: how many; None = as many as Python's own thread pools have: cores + 4, at most 32.
        label: the name by which apps choose it (`executors=["label"]`).
        thread_name_prefix: how the names of the threads begin; "" = the label.

    Raises:
        ConfigurationError: a value is not allowed.
    """

    max_workers: int | None = 2
    label: str = "threads"
    thread_name_prefix: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep("max_workers", count, 1, none=True)
        self._keep("label", called)
        self._keep("thread_name_prefix", string)

    @property
    def workers(self) -> int:
        """How many threads there will be."""
        return self.max_workers or min(32, cores_available() + 4)


Executor = ProcessExecutor | ThreadExecutor
"""What `Config(executors=...)` takes."""


def _variables(where: str, given: object) -> dict[str, str]:
    """A copy of the variables: a description does not change when its maker's dictionary does."""
    if not isinstance(given, dict) or not all(isinstance(s, str) for pair in given.items() for s in pair):
        raise refuse(where, "a dict of texts", given)
    for name, value in given.items():
        if not name or "=" in name or not _can_be_passed(name):
            raise refuse(where, "a dict of variables, whose names have no '=' in them", name)
        if not _can_be_passed(value):
            raise refuse(where, "a dict of texts that a process can be given", value)
    return dict(given)


def _can_be_passed(text: str) -> bool:
    """Whether it may stand in a process's environment."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def accelerators_of(where: str, given: Any) -> int | tuple[str, ...]:
    """A number of accelerators, or their names.

    Raises:
        ConfigurationError: it is neither.
    """
    if isinstance(given, numbers.Integral):
        return count(where, given, 0)
    if not isinstance(given, (list, tuple)) or not all(
        isinstance(name, str) and name and _can_be_passed(name) for name in given
    ):
        raise refuse(where, "a number of accelerators or a list of their names", given)
    if len(set(given)) < len(given):
        raise refuse(where, "names that differ", given)
    return tuple(given)
