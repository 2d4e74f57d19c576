"""Decorators that make apps."""

from nbflow.client.app import App as AppBase
from nbflow.client.app import (
    bash_app,
    join_app,
    python_app,
)

__all__ = [
    "AppBase",
    "bash_app",
    "join_app",
    "python_app",
]
