"""TaskVine."""

from nbflow.compat.executors import TaskVineExecutor

__all__ = ["TaskVineExecutor"]
