"""The executor of worker processes."""

from nbflow.compat.executors import HighThroughputExecutor

__all__ = ["HighThroughputExecutor"]
