"""Checkpoints: values of cached calls that outlive their flow, one directory for each run.

A mapping from keys to values. Of earlier runs only an index is in memory; a value is read, and checked, when it is
asked for. What is damaged or gone is not there: the call runs again. Values are bytes here as everywhere in the
scheduler.

    <run directory>/checkpoint/memo.records     small values, and where the big ones are
                               <key>-1.value    a big value, as the object store has it
"""

from __future__ import annotations

import os
import sys
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress

import msgspec

from nbflow.memoizers import RECORDS
from nbflow.values import records
from nbflow.wire.outcomes import Composed, Stored, Value

_BLOCK = 1 << 20


class _Kept(msgspec.Struct, array_like=True):
    """What a record holds: paths are relative to its directory; `sums` are the checksums of the files, in order."""

    app: str
    at: float  # seconds since the epoch
    value: Value
    sums: list[int]


class Checkpoints:
    """Reads those of earlier runs, the last one first, and writes that of this run into `directory`."""

    def __init__(self, directory: str, earlier: Iterable[str]) -> None:
        self._directory = directory
        self._index: dict[bytes, tuple[str, int]] = {}  # key -> directory, place in its file of records
        self._fd: int | None = None
        for each in earlier:
            try:
                self._index.update(
                    (key, (each, place)) for key, place in records.scan(os.path.join(each, RECORDS))
                )
            except OSError as error:
                _say(f"the checkpoint in {each} cannot be read: {error}")

    def get(self, key: bytes) -> Value | None:
        """The value of a key; None if there is none, or it is damaged."""
        found = self._index.get(key)
        if found is None:
            return None
        try:
            return self._read(key, *found)
        except (OSError, msgspec.DecodeError, _Damaged) as error:
            del self._index[key]
            _say(f"a value in {found[0]} cannot be read, so its call runs again: {error}")
            return None

    def put(self, key: bytes, app: str, value: Value) -> None:
        """Write a value. If it cannot be written, that is said in the scheduler's log, and the flow goes on."""
        sums: list[int] = []
        try:
            os.makedirs(self._directory, 0o700, exist_ok=True)
            kept = _Kept(app, time.time(), self._take_in(value, key.hex(), sums), sums)
            if self._fd is None:
                path = os.path.join(self._directory, RECORDS)
                self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            records.append(self._fd, key, msgspec.msgpack.encode(kept))
        except OSError as error:
            _say(f"the value of a call of `{app}` cannot be written to {self._directory}: {error}")

    def close(self) -> None:
        """Nothing more will be written."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _read(self, key: bytes, directory: str, place: int) -> Value:
        record = records.read(os.path.join(directory, RECORDS), place)
        if record is None or record[0] != key:
            raise _Damaged("its record is damaged")
        kept = msgspec.msgpack.decode(record[1], type=_Kept)
        return _found_in(directory, kept.value, iter(kept.sums))

    def _take_in(self, value: Value, name: str, sums: list[int]) -> Value:
        """The value with its files copied to this directory."""
        if isinstance(value, Composed):
            return Composed(value.template, [self._take_in(part, name, sums) for part in value.parts])
        if isinstance(value, Stored):
            file = f"{name}-{len(sums) + 1}.value"
            sums.append(_copy(value.path, os.path.join(self._directory, file)))
            return Stored(file, value.size)
        return value


class _Damaged(Exception):
    """What was read is not what was written."""


def _found_in(directory: str, value: Value, sums: Iterable[int]) -> Value:
    """The value with the paths of its files, each checked."""
    if isinstance(value, Composed):
        sums = iter(sums)
        return Composed(value.template, [_found_in(directory, part, sums) for part in value.parts])
    if not isinstance(value, Stored):
        return value
    path = os.path.join(directory, os.path.basename(value.path))
    checksum = 0
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            checksum = zlib.crc32(block, checksum)
    if checksum != next(iter(sums), None):
        raise _Damaged(f"{path} is damaged")
    return Stored(path, value.size)


def _copy(source: str, target: str) -> int:
    """Copy a file; its checksum."""
    checksum = 0
    try:
        with open(source, "rb") as read, open(target, "wb") as write:
            os.fchmod(write.fileno(), 0o600)
            while block := read.read(_BLOCK):
                write.write(block)
                checksum = zlib.crc32(block, checksum)
    except OSError:
        with suppress(OSError):
            os.unlink(target)
        raise
    return checksum


def _say(text: str) -> None:
    """Into the scheduler's log."""
    print(f"nbflow: {text}", file=sys.stderr, flush=True)
