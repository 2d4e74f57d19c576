"""`Config` and the descriptions of executors: plain data, checked when made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nbflow.errors import ConfigurationError


def cores_available() -> int:
    """How many cores this process may use: its affinity, and a container's limit of processor time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        if quota != "max":
            cores = min(cores, max(1, int(int(quota) / int(period))))
    except (OSError, ValueError):
        pass  # no such limit here
    return cores


def _check_count(where: str, value: Any, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{where} must be a whole number of at least {least}, not {value!r}")


@dataclass(frozen=True)
class ProcessExecutor:
    """A set of equal worker processes on this machine.

    Args:
        max_workers: how many; None = one per core that this process may use.
        label: the name by which apps choose it (`executors=["label"]`).
        environment: variables added to the workers' environment.

    Raises:
        ConfigurationError: a value is not allowed.
    """

    max_workers: int | None = None
    label: str = "processes"
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.max_workers is not None:
            _check_count("ProcessExecutor(max_workers=...)", self.max_workers, 1)
        if not self.label:
            raise ConfigurationError(f"ProcessExecutor(label=...) must be a name, not {self.label!r}")

    @property
    def workers(self) -> int:
        """How many workers there will be."""
        return self.max_workers or cores_available()


@dataclass(frozen=True)
class Config:
    """What a flow runs on.

    Args:
        executors: where tasks run; the default is one `ProcessExecutor`.
        retries: how many further attempts a task gets whose attempt failed.
        run_dir: where files of the flow are kept; None = a temporary directory that goes when the flow ends.
        name: what people call the flow.

    Raises:
        ConfigurationError: a value is not allowed; the text names field, value and what is.
    """

    executors: Sequence[ProcessExecutor] = field(default_factory=lambda: (ProcessExecutor(),))
    retries: int = 0
    run_dir: str | os.PathLike[str] | None = None
    name: str = "flow"

    def __post_init__(self) -> None:
        if isinstance(self.executors, ProcessExecutor):
            raise ConfigurationError("Config(executors=...) must be a list of executors, not a single one")
        object.__setattr__(self, "executors", tuple(self.executors))
        if not self.executors:
            raise ConfigurationError(
                "Config(executors=[]) leaves nothing to run on: name at least one executor"
            )
        for executor in self.executors:
            if not isinstance(executor, ProcessExecutor):
                raise ConfigurationError(
                    f"Config(executors=...) takes ProcessExecutor objects, not {executor!r}"
                )
        labels = [executor.label for executor in self.executors]
        if len(set(labels)) < len(labels):
            raise ConfigurationError(f"Config(executors=...) has a label twice: {', '.join(labels)}")
        _check_count("Config(retries=...)", self.retries, 0)
