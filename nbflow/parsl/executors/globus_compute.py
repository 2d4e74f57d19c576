"""The Globus Compute executor, refused when made."""

from nbflow.compat.executors import GlobusComputeExecutor

__all__ = ["GlobusComputeExecutor"]
