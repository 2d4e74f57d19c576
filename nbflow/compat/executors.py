"""Parsl's executors by Parsl's fields. They are nbflow's own worker processes or threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar

from nbflow.checking import Description, choice, count, flag, number, refuse, text
from nbflow.compat.providers import LocalProvider, Refused
from nbflow.errors import ConfigurationError
from nbflow.executors import (
    ProcessExecutor,
    ThreadExecutor,
    accelerators_of,
)
from nbflow.limits import cores_available, memory_available
from nbflow.staging import Staging

_NO_NETWORK = "workers are reached through a Unix socket of the user's, not through the network"
_ONE_MACHINE = "workers are started on this machine by nbflow itself"
_WATCHED = "a worker that dies is noticed at once"
_NO_RADIO = "the live graph and the flow's log take the place of monitoring"
_AFFINITIES = ("none", "block", "alternating", "block-reverse")


@dataclass(frozen=True, repr=False)
class HighThroughputExecutor(ProcessExecutor):
    """Parsl's pool of worker processes: a `ProcessExecutor` with Parsl's fields.

    Args:
        label: the name by which apps choose it.
        provider: a `LocalProvider` or None; both mean this machine.
        working_dir: where the workers run, made if it is missing; None = where the flow was loaded.
        max_workers_per_node: how many workers; None = as many as the cores allow. `max_workers` is its older name.
        cores_per_worker: without `max_workers_per_node`, there is a worker for so many cores.
        mem_per_worker: GiB that a worker needs; no more workers are started than this machine's memory holds.
        available_accelerators: how many there are, or their names: each worker sees one alone.
        storage_access: how files are staged; None = nbflow's own ways.
        environment: variables added to the workers' environment (nbflow's).
        memory_limit: what a worker's processes may have together (nbflow's), see `ProcessExecutor`.
        max_tasks_per_worker: how many tasks a process runs before a fresh one takes its place (nbflow's).

    All other fields are Parsl's, accepted without a meaning.

    Raises:
        ConfigurationError: a field is unknown, or has a value that is not allowed.
    """

    inert: ClassVar[dict[str, str]] = {
        "provider": _ONE_MACHINE,
        "launch_cmd": _ONE_MACHINE,
        "interchange_launch_cmd": _ONE_MACHINE,
        "address": _NO_NETWORK,
        "loopback_address": _NO_NETWORK,
        "worker_port": _NO_NETWORK,
        "worker_port_range": _NO_NETWORK,
        "interchange_port_range": _NO_NETWORK,
        "address_probe_timeout": _NO_NETWORK,
        "encrypted": _NO_NETWORK,
        "worker_debug": "what workers say is in the log of the flow's run directory",
        "worker_logdir_root": "logs of workers are in the flow's run directory",
        "cpu_affinity": "workers are not bound to cores",
        "prefetch_capacity": "workers are sent ahead what is worth about 10 ms, as measured",
        "heartbeat_threshold": _WATCHED,
        "heartbeat_period": _WATCHED,
        "drain_period": _ONE_MACHINE,
        "poll_period": "nothing is polled",
        "manager_selector": "tasks go to the worker that is free",
        "block_error_handler": "when no worker can start, the tasks fail and say why",
        "remote_monitoring_radio": _NO_RADIO,
    }

    # the base's fields stand first in a dataclass: here the label alone may be given by its place, as in Parsl
    max_workers: int | None = field(default=None, kw_only=True)
    label: str = "HighThroughputExecutor"
    environment: dict[str, str] = field(default_factory=dict, kw_only=True)
    working_dir: str | os.PathLike[str] | None = field(default=None, kw_only=True)
    accelerators: int | Sequence[str] = field(default=(), init=False, compare=False)
    memory_limit: int | str | None = field(default=None, kw_only=True)
    max_tasks_per_worker: int | None = field(default=None, kw_only=True)
    _: KW_ONLY
    provider: LocalProvider | None = None
    launch_cmd: str | None = None
    interchange_launch_cmd: Sequence[str] | None = None
    address: str | None = None
    loopback_address: str = "127.0.0.1"
    worker_port: int | None = None
    worker_port_range: tuple[int, int] | None = (54000, 55000)
    interchange_port_range: tuple[int, int] | None = (55000, 56000)
    storage_access: Sequence[Any] | None = None
    worker_debug: bool = False
    cores_per_worker: float = 1.0
    mem_per_worker: float | None = None
    max_workers_per_node: int | None = None
    cpu_affinity: str = "none"
    available_accelerators: int | Sequence[str] = ()
    prefetch_capacity: int = 0
    heartbeat_threshold: int = 120
    heartbeat_period: int = 30
    drain_period: int | None = None
    poll_period: int = 10
    address_probe_timeout: int | None = None
    worker_logdir_root: str | None = None
    manager_selector: Any = None
    block_error_handler: bool | Callable[..., None] = True
    encrypted: bool = True
    remote_monitoring_radio: Any = None

    def __post_init__(self) -> None:
        self._check_workers()
        self._check_the_rest()
        self._keep("available_accelerators", accelerators_of)
        object.__setattr__(self, "accelerators", self.available_accelerators)
        super().__post_init__()

    def _check_workers(self) -> None:
        self._keep("max_workers_per_node", count, 1, none=True)
        most, older = self.max_workers_per_node, self.max_workers
        if most is not None and older is not None and older != most:
            raise ConfigurationError(
                f"HighThroughputExecutor(max_workers_per_node={most!r}, max_workers={older!r}): give one of them"
            )
        self._keep("cores_per_worker", number, above=0)
        self._keep("mem_per_worker", number, none=True, above=0)

    def _check_the_rest(self) -> None:
        where = "HighThroughputExecutor({}=...)".format
        if self.provider is not None and not isinstance(self.provider, LocalProvider):
            raise refuse(where("provider"), "a LocalProvider or None", self.provider)
        check_storage(where("storage_access"), self.storage_access)
        for name, least in (("prefetch_capacity", 0), ("heartbeat_threshold", 1), ("heartbeat_period", 1)):
            self._keep(name, count, least)
        self._keep("poll_period", count, 1)
        self._keep("worker_debug", flag)
        self._keep("encrypted", flag)
        affinity = text(where("cpu_affinity"), self.cpu_affinity)
        if not affinity.startswith("list:"):
            choice(where("cpu_affinity"), affinity, (*_AFFINITIES, "list:..."))

    @property
    def workers(self) -> int:
        """How many workers there will be."""
        given = self.max_workers_per_node or self.max_workers
        limits = [given or max(1, int(cores_available() / self.cores_per_worker))]
        if self.mem_per_worker is not None:
            limits.append(max(1, int(memory_available() / (self.mem_per_worker * 2**30))))
        if self.accelerator_names:
            limits.append(len(self.accelerator_names))
        return min(limits)


@dataclass(frozen=True, repr=False)
class ThreadPoolExecutor(ThreadExecutor):
    """Parsl's pool of threads: a `ThreadExecutor` with Parsl's fields.

    Args:
        label: the name by which apps choose it.
        max_threads: how many; None = as many as Python's own thread pools have.
        thread_name_prefix: how the names of the threads begin; None = the label.
        storage_access: how files are staged; None = nbflow's own ways.
        working_dir: where staged files go; None = the flow's run directory.

    Raises:
        ConfigurationError: a field is unknown, or has a value that is not allowed.
    """

    inert: ClassVar[dict[str, str]] = {"remote_monitoring_radio": _NO_RADIO}

    max_workers: int | None = field(default=2, init=False, compare=False)
    label: str = "threads"
    thread_name_prefix: str = field(default="", kw_only=True)
    max_threads: int | None = 2
    _: KW_ONLY
    storage_access: Sequence[Any] | None = None
    working_dir: str | os.PathLike[str] | None = None
    remote_monitoring_radio: Any = None

    def __post_init__(self) -> None:
        self._keep("max_threads", count, 1, none=True)
        object.__setattr__(self, "max_workers", self.max_threads)
        prefix: Any = self.thread_name_prefix
        if prefix is None:  # Parsl's default
            object.__setattr__(self, "thread_name_prefix", "")
        check_storage("ThreadPoolExecutor(storage_access=...)", self.storage_access)
        super().__post_init__()


def check_storage(where: str, given: object) -> None:
    """Refuse what is no list of ways to stage files."""
    listed = isinstance(given, (list, tuple)) and all(isinstance(way, Staging) for way in given)
    if given is not None and not listed:
        raise refuse(where, "a list of Staging objects or None", given)


@dataclass(frozen=True, repr=False)
class RandomManagerSelector(Description):
    """Parsl's choice of the node that gets a task: inert."""


@dataclass(frozen=True, repr=False)
class BlockIdManagerSelector(Description):
    """Parsl's other choice of the node that gets a task: inert."""


class MPIExecutor(Refused):
    """Parsl's executor of MPI programs on the nodes of a cluster: refused."""

    instead: ClassVar[str] = "run mpiexec in a bash_app on HighThroughputExecutor(...)"


class WorkQueueExecutor(Refused):
    """Parsl's executor through Work Queue: refused."""


class TaskVineExecutor(Refused):
    """Parsl's executor through TaskVine: refused."""


class FluxExecutor(Refused):
    """Parsl's executor through Flux: refused."""


class RadicalPilotExecutor(Refused):
    """Parsl's executor through RADICAL-Pilot: refused."""


class GlobusComputeExecutor(Refused):
    """Parsl's executor through Globus Compute: refused."""
