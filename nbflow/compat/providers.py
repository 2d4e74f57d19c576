"""Providers and launchers: how Parsl gets blocks of nodes and starts its workers on them.

Here workers are processes of this machine, so that a local provider and the launchers describe nothing. A provider of
nodes is refused: a flow that quietly ran on this machine instead would be no favour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from nbflow.checking import Description, count, flag, number, refuse, string
from nbflow.errors import UnsupportedFeatureError

_ONE_BLOCK = "this machine is the only block"
_STARTED_HERE = "nbflow starts its workers itself"


@dataclass(frozen=True, repr=False)
class Launcher(Description):
    """How workers are started on the nodes of a block: inert."""

    debug: bool = True

    def __post_init__(self) -> None:
        flag(f"{type(self).__name__}(debug=...)", self.debug)
        super().__post_init__()


@dataclass(frozen=True, repr=False)
class SimpleLauncher(Launcher):
    """Parsl's: the command as it is."""


@dataclass(frozen=True, repr=False)
class SingleNodeLauncher(Launcher):
    """Parsl's default: as many copies as there are tasks for a node."""

    fail_on_any: bool = False


@dataclass(frozen=True, repr=False)
class WrappedLauncher(Launcher):
    """Parsl's: something before the command."""

    inert: ClassVar[dict[str, str]] = {"prepend": _STARTED_HERE}

    prepend: str = ""
    debug: bool = field(default=True, kw_only=True)


@dataclass(frozen=True, repr=False)
class GnuParallelLauncher(Launcher):
    """Parsl's: through GNU parallel."""


@dataclass(frozen=True, repr=False)
class _WithOverrides(Launcher):
    inert: ClassVar[dict[str, str]] = {"overrides": _STARTED_HERE}

    overrides: str = ""


@dataclass(frozen=True, repr=False)
class SrunLauncher(_WithOverrides):
    """Parsl's: through Slurm's srun."""


@dataclass(frozen=True, repr=False)
class SrunMPILauncher(_WithOverrides):
    """Parsl's: through srun, for MPI."""


@dataclass(frozen=True, repr=False)
class AprunLauncher(_WithOverrides):
    """Parsl's: through Cray's aprun."""


@dataclass(frozen=True, repr=False)
class JsrunLauncher(_WithOverrides):
    """Parsl's: through LSF's jsrun."""


@dataclass(frozen=True, repr=False)
class MpiExecLauncher(_WithOverrides):
    """Parsl's: through mpiexec."""

    bind_cmd: str = "--bind-to"


@dataclass(frozen=True, repr=False)
class MpiRunLauncher(_WithOverrides):
    """Parsl's: through mpirun."""

    bash_location: str = "/bin/bash"


@dataclass(frozen=True, repr=False)
class LocalProvider(Description):
    """Parsl's provider of this machine: accepted, and inert, for workers are started here anyway.

    Raises:
        ConfigurationError: a value is not allowed.
    """

    inert: ClassVar[dict[str, str]] = {
        "nodes_per_block": _ONE_BLOCK,
        "init_blocks": _ONE_BLOCK,
        "min_blocks": _ONE_BLOCK,
        "max_blocks": _ONE_BLOCK,
        "parallelism": _ONE_BLOCK,
        "launcher": _STARTED_HERE,
        "cmd_timeout": _STARTED_HERE,
        "worker_init": "workers get the environment of this process, and ProcessExecutor(environment={...})",
    }

    nodes_per_block: int = 1
    launcher: Launcher = SingleNodeLauncher()  # it is frozen
    init_blocks: int = 1
    min_blocks: int = 0
    max_blocks: int = 1
    worker_init: str = ""
    cmd_timeout: float = 30
    parallelism: float = 1

    def __post_init__(self) -> None:
        for name, least in (("nodes_per_block", 1), ("init_blocks", 0), ("min_blocks", 0), ("max_blocks", 0)):
            self._keep(name, count, least)
        if not isinstance(self.launcher, Launcher):
            raise refuse("LocalProvider(launcher=...)", "a launcher", self.launcher)
        self._keep("worker_init", string)
        self._keep("cmd_timeout", number, above=0)
        self._keep("parallelism", number, least=0)
        super().__post_init__()


class Refused:
    """Something of Parsl's that cannot work on one machine: it can be imported and named, not made.

    `why` it cannot, and what to do `instead`.

    Raises:
        UnsupportedFeatureError: when made.
    """

    why: ClassVar[str] = "gets nodes of a cluster or a remote service, and nbflow runs on one machine"
    instead: ClassVar[str] = (
        "write HighThroughputExecutor(...) without a provider: its workers run on this machine"
    )

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Refuse."""
        raise UnsupportedFeatureError(f"{cls.__name__} {cls.why}: {cls.instead}")


class SlurmProvider(Refused):
    """Parsl's provider of nodes through Slurm: refused."""


class PBSProProvider(Refused):
    """Parsl's provider of nodes through PBS Pro: refused."""


class TorqueProvider(Refused):
    """Parsl's provider of nodes through Torque: refused."""


class LSFProvider(Refused):
    """Parsl's provider of nodes through LSF: refused."""


class GridEngineProvider(Refused):
    """Parsl's provider of nodes through Grid Engine: refused."""


class CondorProvider(Refused):
    """Parsl's provider of nodes through HTCondor: refused."""


class KubernetesProvider(Refused):
    """Parsl's provider of pods through Kubernetes: refused."""


class AWSProvider(Refused):
    """Parsl's provider of Amazon's machines: refused."""


class AzureProvider(Refused):
    """Parsl's provider of Microsoft's machines: refused."""


class GoogleCloudProvider(Refused):
    """Parsl's provider of Google's machines: refused."""
