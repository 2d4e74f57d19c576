"""Errors of executors."""

from nbflow.compat.errors import ScalingFailed
from nbflow.errors import (
    BadStateException,
    ExecutorError,
    InvalidResourceSpecification,
    UnsupportedFeatureError,
)

__all__ = [
    "BadStateException",
    "ExecutorError",
    "InvalidResourceSpecification",
    "ScalingFailed",
    "UnsupportedFeatureError",
]
