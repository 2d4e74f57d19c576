"""Files that are used where they are."""

from nbflow.staging import (
    NoOpFileStaging,
)

__all__ = [
    "NoOpFileStaging",
]
