"""Checkpoints: values of cached calls that outlive their flow, one directory for each run.

A mapping from keys to values. Of earlier runs only an index is in memory; a value is read, and checked, when it is
asked for. What is damaged, gone, or signed by somebody else is not there: the call runs again. Values are bytes here as
everywhere in the scheduler.

    <run directory>/checkpoint/memo.records     small values, and where the big ones are; signed with the user's key
                               <key>-1.value    a big value, as the object store has it; its digest is in the record

A big value is used where it lies, if nobody else can change it there between check and use. What is recalled from a
directory by trust alone is first copied to that of this run, checked on the way, and signed: from then on it is the
user's own.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO, NamedTuple

import msgspec

from nbflow import private
from nbflow.errors import NotPrivate
from nbflow.memoizers import RECORDS
from nbflow.scheduler.saying import say
from nbflow.values import records
from nbflow.values.objects import files_of
from nbflow.wire.messages import MemoSpec
from nbflow.wire.outcomes import Composed, Stored, Value

_BLOCK = 1 << 20
_NOTHING = b""
"""What a record holds that says of its key: what was kept before is of no use."""


class _Kept(msgspec.Struct, array_like=True):
    """What a record holds: paths are relative to its directory; `digests` are those of the files, in order."""

    app: str
    at: float  # seconds since the epoch
    value: Value
    digests: list[bytes]


class _Place(NamedTuple):
    """Where a value of a key is; `older`: where else, in a run before that one."""

    directory: str
    offset: int
    older: _Place | None


class Checkpoints:
    """Reads those of earlier runs, the last one first, and writes that of this run. `warn` tells the user, once."""

    def __init__(self, spec: MemoSpec, warn: Callable[[str], None]) -> None:
        self._directory = spec.directory
        self._secret = spec.secret
        self._mode = spec.mode
        self._trusted = frozenset(spec.trusted)
        self._shared = frozenset(filter(_is_shared, spec.trusted))
        self._warn: Callable[[str], None] | None = warn
        self._index: dict[bytes, _Place] = {}
        self._fd: int | None = None
        for each in spec.earlier:
            try:
                with self._open(each, RECORDS) as file:
                    for key, offset in records.scan(file):
                        self._index[key] = _Place(each, offset, self._index.get(key))
            except (OSError, NotPrivate) as error:
                say(f"the checkpoint in {each} cannot be read: {error}")

    def get(self, key: bytes) -> Value | None:
        """The value of a key; None if there is none that can be used."""
        place = self._index.get(key)
        while place is not None:
            try:
                return self._read(key, place)
            except _Forgotten:
                break
            except (OSError, NotPrivate, msgspec.DecodeError, _Unusable) as error:
                say(f"a value in {place.directory} cannot be read, so its call runs again: {error}")
            place = place.older
        self._index.pop(key, None)
        return None

    def put(self, key: bytes, app: str, value: Value) -> bool:
        """Write a value. If it cannot be written, that is said in the scheduler's log, the flow goes on, and False."""
        try:
            self._write(key, app, time.time(), value)
        except (OSError, NotPrivate) as error:
            say(f"the value of a call of `{app}` cannot be written to {self._directory}: {error}")
            return False
        return True

    def forget(self, key: bytes) -> str:
        """The value of a key is of no use, neither now nor later; gives the directory where it is."""
        place = self._index.pop(key)
        if self._mode:
            try:
                self._append(key, _NOTHING)
            except (OSError, NotPrivate) as error:
                say(f"that a value in {place.directory} is of no use cannot be written: {error}")
        return place.directory

    def close(self) -> None:
        """Nothing more will be written."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    # ------------------------------------------------------------ reading

    def _read(self, key: bytes, place: _Place) -> Value:
        directory = place.directory
        with self._open(directory, RECORDS) as file:
            record = records.read(file, place.offset)
        if record is None or record.key != key:
            raise _Unusable("its record is damaged")
        signed = record.signed_by(self._secret)
        if not signed and directory not in self._trusted:
            self._not_signed(directory)
            raise _Unusable("it is not signed with the key of this user")
        if record.content == _NOTHING:
            raise _Forgotten
        kept = msgspec.msgpack.decode(record.content, type=_Kept)
        if not signed or directory in self._shared:
            return self._adopt(key, kept, directory)
        paths = _files_of(kept.value)
        if [self._digest(directory, path) for path in paths] != kept.digests:
            raise _Unusable("a file of it is damaged")
        return _moved(kept.value, iter([os.path.join(directory, os.path.basename(path)) for path in paths]))

    def _open(self, directory: str, name: str) -> BinaryIO:
        """A file of an earlier run: one that nobody else can change, but where the user trusts whoever can."""
        opener = private.opener if directory in self._trusted else private.open_private
        return open(os.path.join(directory, os.path.basename(name)), "rb", opener=opener)

    def _digest(self, directory: str, name: str) -> bytes:
        with self._open(directory, name) as file:
            return _copied(file, None)

    def _not_signed(self, directory: str) -> None:
        if self._warn is not None:
            self._warn(
                f"a value in {directory} is not signed with your key although others there are, so its call runs "
                "again, and so does any other like it"
            )
            self._warn = None

    # ------------------------------------------------------------ writing

    def _write(self, key: bytes, app: str, at: float, value: Value) -> None:
        with _Files(self._directory, key) as files:
            kept = _Kept(app, at, files.take(value, _open_stored), files.digests)
            self._append(key, msgspec.msgpack.encode(kept))

    def _adopt(self, key: bytes, kept: _Kept, directory: str) -> Value:
        """What the user trusts becomes the user's own: a copy, made of what was checked, and signed."""
        with _Files(self._directory, key) as files:
            value = files.take(kept.value, lambda path: self._open(directory, path))
            if files.digests != kept.digests:
                raise _Unusable("a file of it is damaged")
            self._append(key, msgspec.msgpack.encode(_Kept(kept.app, kept.at, value, files.digests)))
        return _moved(value, iter([os.path.join(self._directory, path) for path in _files_of(value)]))

    def _append(self, key: bytes, content: bytes) -> None:
        if self._fd is None:
            private.private_directory(self._directory)
            path = os.path.join(self._directory, RECORDS)
            self._fd = private.open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        records.append(self._fd, key, content, self._secret)


class _Files:
    """The files of one record on their way into a directory: all are there in the end, or none is."""

    def __init__(self, directory: str, key: bytes) -> None:
        self.digests: list[bytes] = []  #: of those taken up to now
        self._directory = directory
        self._name = key.hex()

    def take(self, value: Value, opened: Callable[[str], BinaryIO]) -> Value:
        """The value with its files copied here; their digests are of the very bytes that were copied."""
        names: list[str] = []
        for path in _files_of(value):
            name = f"{self._name}-{len(names) + 1}.value"
            names.append(name)
            with opened(path) as source:
                self.digests.append(self._copy(source, os.path.join(self._directory, name)))
        return _moved(value, iter(names))

    def _copy(self, source: BinaryIO, path: str) -> bytes:
        private.private_directory(self._directory)
        with open(f"{path}.part", "wb", opener=private.opener) as file:
            digest = _copied(source, file)
        os.replace(f"{path}.part", path)  # a file of that name may be mapped by somebody
        return digest

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for number in range(len(self.digests) + 1):
                path = os.path.join(self._directory, f"{self._name}-{number + 1}.value")
                for each in (path, f"{path}.part"):
                    with suppress(OSError):
                        os.unlink(each)


class _Forgotten(Exception):
    """Whatever was kept of a key before is of no use."""


class _Unusable(Exception):
    """What was read is not what was written, or not by this user."""


def _open_stored(path: str) -> BinaryIO:
    return open(path, "rb")


def _is_shared(directory: str) -> bool:
    """Whether somebody else can change what is in a directory."""
    try:
        private.check_directory(directory)
    except (NotPrivate, OSError):
        return True
    return False


def _files_of(value: Value) -> list[str]:
    """The paths of a value's files, in their order; one may come twice."""
    return list(files_of(value))


def _moved(value: Value, paths: Iterator[str]) -> Value:
    """The value with other paths."""
    if isinstance(value, Composed):
        return Composed(value.template, [_moved(part, paths) for part in value.parts])
    if isinstance(value, Stored):
        return msgspec.structs.replace(value, files=[next(paths) for _ in value.files])
    return value


def _copied(source: BinaryIO, target: BinaryIO | None) -> bytes:
    """Copy a file, if there is a target; the digest of what was read."""
    digest = hashlib.sha256()
    while block := source.read(_BLOCK):
        digest.update(block)
        if target is not None:
            target.write(block)
    return digest.digest()
