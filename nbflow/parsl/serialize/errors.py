"""Values that cannot travel."""

from nbflow.errors import CannotPickle as SerializationError
from nbflow.errors import DeserializationError

__all__ = [
    "DeserializationError",
    "SerializationError",
]
