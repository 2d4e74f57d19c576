"""Where the checkpoints of earlier runs are."""

from nbflow.memoizers import (
    get_all_checkpoints,
    get_last_checkpoint,
)

__all__ = [
    "get_all_checkpoints",
    "get_last_checkpoint",
]
