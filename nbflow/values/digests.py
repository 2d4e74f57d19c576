"""Bytes made short: what fingerprints and keys are."""

from __future__ import annotations

import hashlib

SIZE = 16  # bytes of a digest


def digest(*parts: bytes | memoryview) -> bytes:
    """`SIZE` bytes of some bytes, told apart from each other."""
    made = hashlib.blake2b(digest_size=SIZE)
    for part in parts:
        view = memoryview(part)
        made.update(view.nbytes.to_bytes(8, "little"))
        made.update(view)
    return made.digest()
