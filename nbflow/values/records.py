"""A file of records that survives being torn: each is marked, measured, checked and signed by itself.

Records are appended in one piece and never changed. What is damaged, at the end or in the middle, is passed over; the
others are found again by their marks. The checksum tells damage, the signature tells who wrote it: nothing of a record
is to be used before that was asked (`Record.signed_by`). Nothing here knows what the records mean.

    [mark: 4][key: 16][size of content: 4][signature: 32][checksum of key, signature and content: 4][content]

The last byte of the mark is the version of all this: records of another one are passed over as well.
"""

from __future__ import annotations

import hmac
import os
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_MARK = b"\xabnb2"  # not ASCII nor UTF-8, so that text is not taken for it
_HEAD = struct.Struct("<4s16sI32sI")
_BLOCK = 1 << 16
_SIGNED = b"nbflow record 2\0"  # what the key signs here, it signs nowhere else
KEY = 16  # bytes of a key


class Record(NamedTuple):
    """A whole record; whose it is, its signature tells."""

    key: bytes
    signature: bytes
    content: bytes

    def signed_by(self, secret: bytes) -> bool:
        """Whether it was written by one who has this secret."""
        return hmac.compare_digest(self.signature, _sign(secret, self.key, self.content))


def _sign(secret: bytes, key: bytes, content: bytes) -> bytes:
    return hmac.digest(secret, b"".join((_SIGNED, key, content)), "sha256")


def append(fd: int, key: bytes, content: bytes, secret: bytes) -> None:
    """Sign and append a record; the operating system has it when this returns, so the end of the process loses nothing.

    Raises:
        OSError: there is no room; what was written of it is passed over by `scan`.
    """
    signature = _sign(secret, key, content)
    head = _HEAD.pack(_MARK, key, len(content), signature, _checksum(key, signature, content))
    record = memoryview(head + content)
    while record.nbytes:
        record = record[os.write(fd, record) :]


def scan(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """(key, place) of each record, in the order of writing; the content of some may turn out to be damaged.

    Raises:
        OSError: the file cannot be read.
    """
    size = os.fstat(file.fileno()).st_size
    place, search = 0, 0
    while place < size:
        file.seek(place)
        mark, key, length, _, _ = _HEAD.unpack(file.read(_HEAD.size).ljust(_HEAD.size, b"\0"))
        end = place + _HEAD.size + length
        if mark == _MARK and end <= size:
            yield key, place
            place, search = end, place + 1
            continue
        # damaged: this record, or the size of the one before, so that there is no record here
        found = _next_whole(file, search, size)
        if found is None:
            return
        place, search = found, found + 1


def read(file: BinaryIO, place: int) -> Record | None:
    """The record at a place of `scan`; None if it is damaged.

    Raises:
        OSError: the file cannot be read.
    """
    file.seek(place)
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    mark, key, length, signature, checksum = _HEAD.unpack(head)
    if mark != _MARK or length > os.fstat(file.fileno()).st_size:
        return None
    content = file.read(length)
    whole = len(content) == length and _checksum(key, signature, content) == checksum
    return Record(key, signature, content) if whole else None


def first(file: BinaryIO) -> Record | None:
    """The first record that is not damaged; None if there is none. Raises like `read`."""
    return next((record for _, place in scan(file) if (record := read(file, place)) is not None), None)


def _next_whole(file: BinaryIO, start: int, size: int) -> int | None:
    """The place of the next record that is whole; None if there is none."""
    place = start
    while place < size:
        file.seek(place)
        block = file.read(_BLOCK + len(_MARK) - 1)
        at = block.find(_MARK)
        if at < 0:
            place += _BLOCK
        elif read(file, place + at) is not None:
            return place + at
        else:
            place += at + 1
    return None


def _checksum(*parts: bytes) -> int:
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return checksum
