"""The MPI executor, refused when made."""

from nbflow.compat.executors import MPIExecutor

__all__ = ["MPIExecutor"]
