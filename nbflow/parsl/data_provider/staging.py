"""Ways to bring files to tasks."""

from nbflow.staging import (
    Staging,
)

__all__ = [
    "Staging",
]
