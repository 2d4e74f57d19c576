"""Executors."""

from nbflow.compat.executors import (
    FluxExecutor,
    GlobusComputeExecutor,
    HighThroughputExecutor,
    MPIExecutor,
    RadicalPilotExecutor,
    TaskVineExecutor,
    ThreadPoolExecutor,
    WorkQueueExecutor,
)

__all__ = [
    "FluxExecutor",
    "GlobusComputeExecutor",
    "HighThroughputExecutor",
    "MPIExecutor",
    "RadicalPilotExecutor",
    "TaskVineExecutor",
    "ThreadPoolExecutor",
    "WorkQueueExecutor",
]
