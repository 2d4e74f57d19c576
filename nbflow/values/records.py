"""A file of records that survives being torn: each is marked, measured and checked by itself.

Records are appended in one piece and never changed. What is damaged, at the end or in the middle, is passed over; the
others are found again by their marks. Nothing here knows what the records mean.

    [mark: 4][key: 16][size of content: 4][checksum of key and content: 4][content]
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

_MARK = b"\xabnbm"  # not ASCII nor UTF-8, so that text is not taken for it
_HEAD = struct.Struct("<4s16sII")
_BLOCK = 1 << 16
KEY = 16  # bytes of a key


def append(fd: int, key: bytes, content: bytes) -> None:
    """Append a record; it is with the operating system when this returns, so the end of the process does not lose it.

    Raises:
        OSError: there is no room; what was written of it is passed over by `scan`.
    """
    record = memoryview(_HEAD.pack(_MARK, key, len(content), _checksum(key, content)) + content)
    while record.nbytes:
        record = record[os.write(fd, record) :]


def scan(path: str) -> Iterator[tuple[bytes, int]]:
    """(key, place) of each record, in the order of writing; the content of some may turn out to be damaged.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb", buffering=_BLOCK) as file:
        size = os.fstat(file.fileno()).st_size
        place, search = 0, 0
        while place < size:
            file.seek(place)
            mark, key, length, _ = _HEAD.unpack(file.read(_HEAD.size).ljust(_HEAD.size, b"\0"))
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


def read(path: str, place: int) -> tuple[bytes, bytes] | None:
    """(key, content) of the record at a place of `scan`; None if it is damaged.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb", buffering=0) as file:
        return _whole(file, place)


def _whole(file: BinaryIO, place: int) -> tuple[bytes, bytes] | None:
    file.seek(place)
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    mark, key, length, checksum = _HEAD.unpack(head)
    if mark != _MARK or length > os.fstat(file.fileno()).st_size:
        return None
    content = file.read(length)
    return (key, content) if len(content) == length and _checksum(key, content) == checksum else None


def _next_whole(file: BinaryIO, start: int, size: int) -> int | None:
    """The place of the next record that is whole; None if there is none."""
    place = start
    while place < size:
        file.seek(place)
        block = file.read(_BLOCK + len(_MARK) - 1)
        at = block.find(_MARK)
        if at < 0:
            place += _BLOCK
        elif _whole(file, place + at) is not None:
            return place + at
        else:
            place += at + 1
    return None


def _checksum(key: bytes, content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(key))
