"""The threads executor."""

from nbflow.compat.executors import ThreadPoolExecutor

__all__ = ["ThreadPoolExecutor"]
