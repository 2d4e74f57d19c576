"""The futures of files."""

from nbflow.client.future import (
    DataFuture,
)

__all__ = [
    "DataFuture",
]
