"""The TaskVine executor, refused when made."""

from nbflow.compat.executors import TaskVineExecutor

__all__ = ["TaskVineExecutor"]
