"""Errors of the graph."""

from nbflow.errors import (
    DependencyError,
    JoinError,
    PropagatedException,
)
from nbflow.errors import NbflowError as DataFlowException

__all__ = [
    "DataFlowException",
    "DependencyError",
    "JoinError",
    "PropagatedException",
]
