"""Executors as they are described to the scheduler."""

from __future__ import annotations

import os

from nbflow.errors import ConfigurationError
from nbflow.executors import Executor, ProcessExecutor, ThreadExecutor
from nbflow.limits import memory_available
from nbflow.sizes import in_words
from nbflow.wire.messages import ExecutorSpec

IDLE_MEMORY = 15_000_000  # bytes of a worker that has run nothing yet


def spec_of(executor: Executor) -> ExecutorSpec:
    """What the scheduler needs to know of an executor. The directory of its processes is made if it is missing.

    Raises:
        ConfigurationError: that directory cannot be made, or the machine has no memory for so many processes.
    """
    if isinstance(executor, ThreadExecutor):
        return ExecutorSpec(executor.label, executor.workers, {}, threads=True)
    least, there = executor.workers * IDLE_MEMORY, memory_available()
    if least > there:
        raise ConfigurationError(
            f"{type(executor).__name__}(max_workers={executor.workers}): so many processes need {in_words(least)} of "
            f"memory before they have run anything, and there are {in_words(there)}: take fewer"
        )
    return ExecutorSpec(
        executor.label,
        executor.workers,
        executor.environment,
        directory=os.fsencode(_working_dir(executor)),
        accelerators=list(executor.accelerator_names),
        memory_limit=int(executor.memory_limit or 0),
        tasks_per_worker=executor.max_tasks_per_worker or 0,
    )


def _working_dir(executor: ProcessExecutor) -> str:
    if executor.working_dir is None:
        return ""
    path = os.path.abspath(os.fspath(executor.working_dir))
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{type(executor).__name__}(working_dir={path!r}) cannot be used: {error}"
        ) from error
    return path
