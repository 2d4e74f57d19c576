"""The Flux executor, refused when made."""

from nbflow.compat.executors import FluxExecutor

__all__ = ["FluxExecutor"]
