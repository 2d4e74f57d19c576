"""The store of big values: their buffers lie in files, written once, mapped read-only by whoever reads them.

A value is its pickle and its out-of-band buffers (pickle protocol 5), so a large array is read without a copy. Files
lie in shared memory, or in the run directory where that is small or full; the scheduler owns them, counts who needs
them, and unlinks them when nobody does. A mapping that is in use outlives its file; `keep` makes one for later.

    Stored ── data: the pickle ── places ──> [buffer] [buffer]      a file
                                        └──> [buffer]               another one, which other values share

Buffers that lie in the store already need not be written again: `known` says where.
"""

from __future__ import annotations

import mmap
import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from nbflow.values import segments
from nbflow.wire.outcomes import Composed, Stored, Value

INLINE = 64 * 1024  # bytes up to which a pickle travels in the message

_ALIGN = 64

Known: TypeAlias = Callable[[memoryview], "tuple[str, int] | None"]


def put(
    data: bytes,
    buffers: Sequence[pickle.PickleBuffer],
    directories: Sequence[str],
    known: Known | None = None,
) -> Stored:
    """Write a value into the first directory that has room; `known`: the file and the place of a buffer, if any.

    Raises:
        OSError: none has; the last one's error.
    """
    views = [buffer.raw() for buffer in buffers]
    if len(data) > INLINE:
        views.insert(0, memoryview(data))
        data = b""
    found = [None if known is None else known(view) for view in views]
    parts: list[tuple[memoryview, int]] = []
    end = 0
    for view, place in zip(views, found, strict=True):
        if place is None:
            begin = end + -end % _ALIGN
            parts.append((view, begin))
            end = begin + view.nbytes
    path = segments.write(parts, end, directories) if parts else ""
    offsets = iter(parts)
    files: dict[str, int] = {}  # path -> which one it is
    places: list[int] = []
    for view, place in zip(views, found, strict=True):
        where, offset = (path, next(offsets)[1]) if place is None else place
        places += (files.setdefault(where, len(files)), offset, view.nbytes)
    return Stored(data, list(files), places, len(data) + sum(places[2::3]))


def get(stored: Stored) -> tuple[Any, list[memoryview]]:
    """The pickle and the buffers, these mapped read-only.

    Raises:
        OSError: a file cannot be read.
    """
    mapped = [memoryview(segments.map_path(path)) for path in stored.files]
    places = iter(stored.places)
    buffers = [
        mapped[number][begin : begin + size]
        for number, begin, size in zip(places, places, places, strict=True)
    ]
    return (stored.data, buffers) if stored.data else (buffers[0], buffers[1:])


def files_of(value: Any) -> Iterator[str]:
    """The files that an outcome lies in; some may come more than once."""
    if isinstance(value, Stored):
        yield from value.files
    elif isinstance(value, Composed):
        for part in value.parts:
            yield from files_of(part)


def keep(value: Value) -> list[mmap.mmap]:
    """What `get` will read a value from as long as somebody holds it, whatever becomes of the files."""
    try:
        return [segments.map_path(path) for path in files_of(value)]
    except OSError:
        return []  # whoever reads it will be told


def room_in(directory: str) -> int:
    """Bytes free in a directory's file system; 0 if it cannot be told."""
    try:
        found: Any = os.statvfs(directory)
    except OSError:
        return 0
    return int(found.f_bavail * found.f_frsize)
