"""What is remembered of cached apps."""

from nbflow.memoizers import BasicMemoizer
from nbflow.values.fingerprint import id_for_memo

__all__ = [
    "BasicMemoizer",
    "id_for_memo",
]
