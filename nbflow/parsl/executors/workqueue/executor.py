"""The Work Queue executor, refused when made."""

from nbflow.compat.executors import WorkQueueExecutor

__all__ = ["WorkQueueExecutor"]
