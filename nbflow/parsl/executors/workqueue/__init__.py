"""Work Queue."""

from nbflow.compat.executors import WorkQueueExecutor

__all__ = ["WorkQueueExecutor"]
