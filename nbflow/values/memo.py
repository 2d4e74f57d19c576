"""The key under which a call's value is remembered: what ran, on what.

Equal code with all it refers to and equal arguments give an equal key. A future among the arguments counts by the key
of its own call where that is cached, and by its task otherwise: so a chain of cached calls is recalled as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from nbflow.values.pickling import Pickled


def key_of(function: bytes, arguments: Pickled, needs: Sequence[bytes]) -> bytes:
    """16 bytes. `function`: its digest; `needs`: a key or other name of each need, in order."""
    digest = hashlib.blake2b(function, digest_size=16)
    parts: list[bytes | memoryview] = [
        arguments.data,
        *(buffer.raw() for buffer in arguments.buffers),
        *needs,
    ]
    for part in parts:
        view = memoryview(part)
        digest.update(view.nbytes.to_bytes(8, "little"))
        digest.update(view)
    return digest.digest()
