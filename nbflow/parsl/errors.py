"""Errors of whoever uses it."""

from nbflow.compat.errors import OptionalModuleMissing
from nbflow.errors import (
    ConfigurationError,
    NoDataFlowKernelError,
)
from nbflow.errors import IllegalMove as InternalConsistencyError
from nbflow.errors import NbflowError as ParslError

__all__ = [
    "ConfigurationError",
    "InternalConsistencyError",
    "NoDataFlowKernelError",
    "OptionalModuleMissing",
    "ParslError",
]
