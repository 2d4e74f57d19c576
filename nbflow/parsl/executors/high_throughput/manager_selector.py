"""Which node gets a task, inert."""

from nbflow.compat.executors import BlockIdManagerSelector, RandomManagerSelector

__all__ = ["BlockIdManagerSelector", "RandomManagerSelector"]
