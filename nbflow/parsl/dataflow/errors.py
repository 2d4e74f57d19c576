"""Errors of the graph."""

from nbflow.errors import (
    BadCheckpoint,
    DependencyError,
    JoinError,
    PropagatedException,
)
from nbflow.errors import NbflowError as DataFlowException

__all__ = [
    "BadCheckpoint",
    "DataFlowException",
    "DependencyError",
    "JoinError",
    "PropagatedException",
]
