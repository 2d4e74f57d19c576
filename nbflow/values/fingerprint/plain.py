"""What plain data of the standard library counts by: containers, enums, files; of most other types pickle tells."""

from __future__ import annotations

import enum
import hashlib
import marshal
import os
import re
import stat
import time
import types
from typing import Any

from nbflow.errors import CannotFingerprint
from nbflow.files import File
from nbflow.values.digests import digest
from nbflow.values.fingerprint.walk import Handler, Part, Walk, text

_SETTLED = 2_000_000_000  # ns that a file must have been left alone for its digest to be kept
_FILES_KEPT = 10_000
_MANY = 100  # elements from which on a column of numbers is digested as a whole
_NUMBERS = frozenset({int, float, bool})


def _sequence(tag: bytes) -> Handler:
    def add(walk: Walk, value: Any, parts: list[Part]) -> None:
        parts.append(tag)
        if len(value) >= _MANY and (kinds := set(map(type, value))) <= _NUMBERS and walk.knows_none_of(kinds):
            parts.append(b"numbers#" + digest(marshal.dumps(value, 2)))  # 2: identity is nothing to it
        else:
            walk.add_items(value, parts)

    return add


def _set(tag: bytes) -> Handler:
    def add(walk: Walk, value: Any, parts: list[Part]) -> None:
        parts.append(tag)
        parts += sorted(map(walk.closed, value))

    return add


def _dict(walk: Walk, value: Any, parts: list[Part]) -> None:
    parts.append(b"dict")
    walk.add_pairs(value.items(), parts)


def _mapping_proxy(walk: Walk, value: Any, parts: list[Part]) -> None:
    parts.append(b"mappingproxy")
    walk.add_pairs(value.items(), parts)


def _file(walk: Walk, value: File, parts: list[Part]) -> None:
    """Its path, which the app sees, and its content, if it is there; a URL alone of what has not been fetched."""
    parts += (b"file", text(value.url))
    if value.remote:
        return
    for directory in walk.directories:  # of an absolute path it is the same in each
        try:
            parts.append(digest_of_file(os.path.join(directory, value.filepath)))
        except FileNotFoundError:
            parts.append(b"absent")
        except OSError as error:
            raise CannotFingerprint(type(value), f"it cannot be read: {error}") from error


def _enum(walk: Walk, value: Any, parts: list[Part]) -> None:
    parts += (b"enum", walk.part(type(value)), text(repr(value.name)), walk.part(value.value))


def _memory(walk: Walk, value: memoryview, parts: list[Part]) -> None:
    parts += (b"memoryview", text(value.format), walk.part(value.shape), digest(value.tobytes()))


def _pattern(walk: Walk, value: re.Pattern[Any], parts: list[Part]) -> None:
    parts += (b"pattern", walk.part(value.pattern), walk.part(value.flags))


HANDLERS: dict[type, Handler] = {
    tuple: _sequence(b"tuple"),
    list: _sequence(b"list"),
    set: _set(b"set"),
    frozenset: _set(b"frozenset"),
    dict: _dict,
    types.MappingProxyType: _mapping_proxy,
    memoryview: _memory,
    re.Pattern: _pattern,
    File: _file,
}
"""By exact type: what is derived from them may hold more."""

FAMILIES: dict[type, Handler] = {enum.Enum: _enum}
"""By type, and for all that is derived from it."""


_files: dict[tuple[str, int, int, int, int], bytes] = {}


def digest_of_file(path: str) -> bytes:
    """The digest of a file's content, read again only when its inode, size or times have changed.

    Raises:
        OSError: it cannot be read, or is no plain file.
    """
    with open(path, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):  # reading a pipe would take what is in it
            raise OSError(f"{path} is no plain file")
        known = (path, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if known in _files:
            return _files[known]
        made = hashlib.blake2b(digest_size=32)
        while block := file.read(1 << 20):
            made.update(block)
    # clocks of file systems are coarse: a file that is being written may change once more without a trace
    if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _SETTLED:
        while len(_files) >= _FILES_KEPT:
            del _files[next(iter(_files))]
        _files[known] = made.digest()
    return made.digest()
