"""Errors of executors."""

from nbflow.compat.errors import ScalingFailed
from nbflow.errors import (
    BadStateException,
    ExecutorError,
    UnsupportedFeatureError,
)

__all__ = [
    "BadStateException",
    "ExecutorError",
    "ScalingFailed",
    "UnsupportedFeatureError",
]
