"""Objects as bytes and back, by what nbflow itself uses for arguments and results."""

from __future__ import annotations

from typing import Any

from nbflow.errors import CannotPickle, DeserializationError
from nbflow.values import pickling

__all__ = ["deserialize", "serialize"]


def serialize(obj: Any, buffer_threshold: int = int(1e6)) -> bytes:
    """An object as bytes. `buffer_threshold` is Parsl's and has no meaning here.

    Raises:
        CannotPickle: it cannot travel, or holds futures.
    """
    try:
        pickled = pickling.dumps(obj, in_band=True)
    except Exception as error:
        raise CannotPickle(f"a {type(obj).__name__} cannot travel: {error}") from error
    if pickled.needs:
        raise CannotPickle(f"a {type(obj).__name__} that holds futures cannot travel alone")
    return pickled.data


def deserialize(payload: bytes) -> Any:
    """The object that `serialize` made bytes of.

    Raises:
        DeserializationError: it cannot be rebuilt in this process.
    """
    try:
        return pickling.loads(payload, mine=True)
    except Exception as error:
        raise DeserializationError(type(error).__name__, str(error)) from error
