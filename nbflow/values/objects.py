"""The store of big values: a file per value, written once, mapped read-only by whoever reads it.

A file holds a pickle and its out-of-band buffers, so a large array is read without a copy. Files lie in shared memory,
or in the run directory where that is small or full; the scheduler owns them and unlinks them (`discard`) when nobody
needs the value any more. A mapping that is in use outlives its file; `keep` makes one for later.

    [count of parts][size of each part] ... part 0: the pickle, parts 1..: buffers, each aligned
"""

from __future__ import annotations

import itertools
import mmap
import os
import pickle
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

from nbflow import private
from nbflow.wire.outcomes import Composed, Stored, Value

_ALIGN = 64
_counter = itertools.count(1)
_kept: WeakValueDictionary[str, mmap.mmap] = WeakValueDictionary()  # by the paths of files that may be gone


def put(data: bytes, buffers: Sequence[pickle.PickleBuffer], directories: Sequence[str]) -> Stored:
    """Write a value into the first directory that has room.

    Raises:
        OSError: none has; the last one's error.
    """
    views = [memoryview(data), *(buffer.raw() for buffer in buffers)]
    header = struct.pack(f"<{len(views) + 1}Q", len(views), *(view.nbytes for view in views))
    failure: OSError | None = None
    for directory in directories:
        # the process's number keeps the names of several writers apart
        path = os.path.join(directory, f"{os.getpid()}-{next(_counter)}.value")
        try:
            return Stored(path, _write(path, [memoryview(header), *views]))
        except OSError as error:
            failure = error
            discard(path)
    raise failure or OSError("there is no directory for big values")


def _write(path: str, parts: Sequence[memoryview]) -> int:
    """Write parts, aligned; the size of the file."""
    size = 0
    with open(path, "xb", buffering=0, opener=private.opener) as file:
        for part in parts:
            padding = -size % _ALIGN
            size += padding + part.nbytes
            for piece in (memoryview(bytes(padding)), part):
                while piece.nbytes:
                    piece = piece[file.write(piece) :]
    return size


def get(stored: Stored) -> tuple[bytes, list[memoryview]]:
    """The pickle and the buffers, these mapped read-only.

    Raises:
        OSError: the file cannot be read.
    """
    mapped = memoryview(_kept.get(stored.path) or _map(stored.path))
    count: int = struct.unpack_from("<Q", mapped)[0]
    sizes: tuple[int, ...] = struct.unpack_from(f"<{count}Q", mapped, 8)
    offset = 8 * (count + 1)
    parts: list[memoryview] = []
    for size in sizes:
        offset += -offset % _ALIGN
        parts.append(mapped[offset : offset + size])
        offset += size
    return bytes(parts[0]), parts[1:]


def keep(value: Value) -> list[mmap.mmap]:
    """What `get` will read a value from as long as somebody holds it, whatever becomes of the files."""
    if isinstance(value, Composed):
        return [mapped for part in value.parts for mapped in keep(part)]
    if not isinstance(value, Stored):
        return []
    try:
        mapped = _kept[value.path] = _kept.get(value.path) or _map(value.path)
    except OSError:
        return []  # whoever reads it will be told
    return [mapped]


def _map(path: str) -> mmap.mmap:
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def discard(path: str) -> None:
    """Unlink a value's file; no error if it is gone."""
    with suppress(OSError):
        os.unlink(path)


def room_in(directory: str) -> int:
    """Bytes free in a directory's file system; 0 if it cannot be told."""
    try:
        found: Any = os.statvfs(directory)
    except OSError:
        return 0
    return int(found.f_bavail * found.f_frsize)
