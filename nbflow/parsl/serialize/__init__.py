"""Objects as bytes and back."""

from nbflow.parsl.serialize.facade import (
    deserialize,
    serialize,
)

__all__ = [
    "deserialize",
    "serialize",
]
