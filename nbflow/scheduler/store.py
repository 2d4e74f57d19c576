"""The files of big values: who needs each, how much there is of them, and what becomes of those that nobody needs.

    hold, drop   a task's value or arguments, the memo, whoever may name a file again: each counts once a file
    count 0      ──> given back to the process that made it, to be written anew (`Freed`), or unlinked; who has read
                     it keeps it mapped until then
    too much     ──> the least recently used go to the run directory, copied by a thread; a link takes their place

In memory are those in the first directory of several; what is in the last one is on the disk. A link is put over a
file in one step, so whoever has its path reads one or the other. Once memory is full this is told to whoever writes
values, by a file of its own, and they write to the disk until it is not.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import msgspec

from nbflow import private
from nbflow.scheduler.saying import say
from nbflow.values.mapping import LINUX
from nbflow.values.objects import files_of
from nbflow.values.segments import FULL, REUSED_FROM, maker_of, unlink
from nbflow.wire.rows import StoreRow

AT_REST = 2.0  # seconds that a file stays which nobody needs, for its maker to write into it
_BLOCK = 8 << 20


class _File(msgspec.Struct):
    size: int
    number: int  # the system's, which stays when it is renamed
    on_disk: bool
    count: int = 0
    moving: bool = False  # the thread is at copying it
    stuck: bool = False  # it could not be
    readers: set[int] = msgspec.field(default_factory=set)  # processes that may have it mapped, to read it


class _Resting(msgspec.Struct):
    path: str
    size: int
    since: float


class Store:
    """The files of one flow. `tell(process, paths, reuse)` says to a process that files are free, see
    `messages.Freed`; False if there is none. `listen(descriptor, callback)` is the loop's. Sizes are in bytes."""

    def __init__(
        self,
        directories: list[str],
        limit: int,
        tell: Callable[[int, list[str], bool], bool],
        listen: Callable[[int, Callable[[], None]], None],
    ) -> None:
        self.files: dict[str, _File] = {}  #: the least recently used first
        self._memory = directories[0] if len(directories) > 1 else ""
        self._disk = directories[-1] if directories else ""
        self._directories = frozenset(directories)
        self._limit = limit
        self._tell = tell
        self._kept: dict[int, set[str]] = {}  # by whoever may name them again
        self._resting: dict[int, _Resting] = {}  # by their numbers, the oldest first
        self._at_rest = 0  # bytes of those
        self._in_memory = 0
        self._moving = 0
        self._total = self._peak = self._spilled = 0
        self._full = False
        self._mover = _Mover(self._disk, self._moved, listen)

    # ------------------------------------------------------------ who needs what

    def hold(self, value: Any) -> None:
        """Somebody needs a value. One that is no big one is no matter."""
        for path in files_of(value):
            self._hold(path)

    def drop(self, value: Any) -> None:
        """One that needed it does not any more."""
        for path in files_of(value):
            self._drop(path)

    def refuse(self, value: Any) -> None:
        """A value has come that nobody wants."""
        self.hold(value)
        self.drop(value)

    def touch(self, value: Any, process: int) -> None:
        """It is about to be read by a process."""
        for path in files_of(value):
            if (file := self.files.pop(path, None)) is not None:
                self.files[path] = file
                file.readers.add(process)

    def keep(self, origin: int, paths: Iterable[str]) -> None:
        """Who makes calls may name these files again."""
        kept = self._kept.setdefault(origin, set())
        for path in paths:
            if path not in kept:
                kept.add(path)
                self._hold(path)

    def let_go(self, origin: int, paths: Iterable[str]) -> None:
        """It will not."""
        kept = self._kept.get(origin, set())
        for path in paths:
            if path in kept:
                kept.remove(path)
                self._drop(path)

    def gone(self, origin: int, process: int) -> None:
        """A process has ended: it names nothing again, and what it was writing nobody will hear of."""
        for path in self._kept.pop(origin, ()):
            self._drop(path)
        for number in [n for n, resting in self._resting.items() if maker_of(resting.path) == process]:
            self._shed(number)
        known = {os.path.basename(path) for path in self.files}
        for directory in self._directories:
            with suppress(OSError), os.scandir(directory) as found:
                for entry in found:
                    name = entry.name.removesuffix(".part").removesuffix(".link")
                    if maker_of(name) == process and name not in known:
                        unlink(entry.path)

    def _hold(self, path: str) -> None:
        file = self.files.pop(path, None)
        if file is None:
            if (directory := os.path.dirname(path)) not in self._directories:
                return  # of a checkpoint: it stays whatever happens here
            file = self._register(path, directory)
        file.count += 1
        self.files[path] = file
        if self._in_memory + self._at_rest > self._limit:
            self._make_room()

    def _register(self, path: str, directory: str) -> _File:
        try:
            found = os.stat(path)
            file = _File(found.st_size, found.st_ino, directory != self._memory)
        except OSError:  # whoever reads it will be told
            file = _File(0, 0, True)
        self._wake(file.number)
        self._total += file.size
        self._peak = max(self._peak, self._total)
        if file.on_disk:
            self._spilled += file.size
        else:
            self._in_memory += file.size
        return file

    def _drop(self, path: str) -> None:
        file = self.files.get(path)
        if file is None:
            return
        file.count -= 1
        if file.count:
            return
        del self.files[path]
        self._total -= file.size
        self._tell_readers(path, file)
        if file.on_disk:
            self._spilled -= file.size
            unlink(path)
            unlink(self._mover.place_of(path))
            return
        self._in_memory -= file.size
        if file.moving:
            self._moving -= file.size
        else:
            self._free(path, file)
        self._tell_whether_full()

    def _tell_readers(self, path: str, file: _File) -> None:
        """What they keep mapped would neither be written over nor give its memory back."""
        if file.size >= REUSED_FROM:
            for process in file.readers - {maker_of(path)}:
                self._tell(process, [path], False)
            file.readers.clear()

    def _free(self, path: str, file: _File) -> None:
        if file.size < REUSED_FROM:
            unlink(path)
            return
        reuse = self._in_memory + self._at_rest + file.size <= self._limit
        if not self._tell(maker_of(path), [path], reuse) or not reuse:
            unlink(path)
            return
        self._resting[file.number] = _Resting(path, file.size, time.time())
        self._at_rest += file.size

    # ------------------------------------------------------------ what nobody needs, but may be written anew

    @property
    def due(self) -> float | None:
        """When `look` is to be called next, in seconds since the epoch."""
        return next(iter(self._resting.values())).since + AT_REST if self._resting else None

    def look(self, now: float) -> None:
        """Unlink what was not written anew in time."""
        while self._resting:
            number, resting = next(iter(self._resting.items()))
            if now < resting.since + AT_REST and resting.since <= now:  # else the clock was set back
                return
            self._shed(number)

    def _wake(self, number: int) -> None:
        """A file is in use, perhaps again."""
        if (resting := self._resting.pop(number, None)) is not None:
            self._at_rest -= resting.size

    def _shed(self, number: int) -> None:
        resting = self._resting[number]
        self._wake(number)
        unlink(resting.path)
        self._tell(maker_of(resting.path), [resting.path], False)

    # ------------------------------------------------------------ the budget

    def _make_room(self) -> None:
        while self._resting and self._in_memory + self._at_rest > self._limit:
            self._shed(next(iter(self._resting)))
        excess = self._in_memory - self._moving - self._limit
        if excess > 0:
            for path, file in self.files.items():
                if not (file.on_disk or file.moving or file.stuck):
                    file.moving = True
                    self._moving += file.size
                    self._mover.move(path)
                    excess -= file.size
                    if excess <= 0:
                        break
        self._tell_whether_full()

    def _moved(self, path: str, error: OSError | None) -> None:
        """The thread has put a file on the disk, or could not."""
        file = self.files.get(path)
        if file is None or not file.moving:  # nobody needs it any more
            unlink(path)
            unlink(self._mover.place_of(path))
            self._tell(maker_of(path), [path], False)
            return
        file.moving = False
        self._moving -= file.size
        if error is not None:
            file.stuck = True
            say(f"a big value cannot be moved to {self._disk}, and stays in memory: {error}")
        else:
            file.on_disk = True
            self._in_memory -= file.size
            self._spilled += file.size
            self._tell_readers(path, file)
            self._tell(maker_of(path), [path], False)
        self._tell_whether_full()

    def _tell_whether_full(self) -> None:
        full = self._in_memory > self._limit
        if full == self._full or not self._memory:
            return
        self._full = full
        path = os.path.join(self._memory, FULL)
        with suppress(OSError):
            if full:
                os.close(private.opener(path, os.O_WRONLY | os.O_CREAT))
            else:
                os.unlink(path)

    # ------------------------------------------------------------ for people, and the end

    def row(self) -> StoreRow:
        """How much there is."""
        return StoreRow(self._total, self._peak, self._spilled, self._limit)

    def close(self) -> None:
        """Nothing is copied any more."""
        self._mover.close()


class _Mover:
    """A thread that copies files to a directory, and puts a link in the place of each; started with the first."""

    def __init__(
        self,
        directory: str,
        moved: Callable[[str, OSError | None], None],
        listen: Callable[[int, Callable[[], None]], None],
    ) -> None:
        self._directory = directory
        self._moved = moved
        self._listen = listen
        self._wanted: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._ended: deque[tuple[str, OSError | None]] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False

    def place_of(self, path: str) -> str:
        """Where a file lies once it was moved."""
        return os.path.join(self._directory, os.path.basename(path))

    def move(self, path: str) -> None:
        """Have a file moved; `moved` is called in the loop when it was."""
        if self._thread is None:
            read, self._write = os.pipe()
            os.set_blocking(read, False)
            self._listen(read, lambda: self._hear(read))
            self._thread = threading.Thread(target=self._run, name="nbflow-mover", daemon=True)
            self._thread.start()
        self._wanted.put(path)

    def close(self) -> None:
        """Stop, in the middle of a file if need be."""
        self._closed = True
        if self._thread is not None:
            self._wanted.put("")
            self._thread.join()

    def _hear(self, read: int) -> None:
        os.read(read, 1024)
        while self._ended:
            self._moved(*self._ended.popleft())

    def _run(self) -> None:
        while not self._closed and (path := self._wanted.get()):
            error = None
            try:
                self._move(path)
            except OSError as found:
                error = found
            self._ended.append((path, error))
            os.write(self._write, b"\0")

    def _move(self, path: str) -> None:
        place = self.place_of(path)
        part, link = f"{place}.part", f"{path}.link"
        try:
            with open(path, "rb") as source, open(part, "xb", opener=private.opener) as target:
                _copy(source.fileno(), target.fileno(), lambda: self._closed)
            os.replace(part, place)
            os.symlink(place, link)
            os.replace(link, path)
        except OSError:
            for each in (part, place, link):
                unlink(each)
            raise


def _copy(source: int, target: int, stopped: Callable[[], bool]) -> None:
    """Copy a file; the loop goes on meanwhile."""
    offset, size = 0, os.fstat(source).st_size
    while offset < size:
        if stopped():
            raise InterruptedError("the flow ends")
        if LINUX:
            sent = os.sendfile(target, source, offset, min(_BLOCK, size - offset))
        else:
            sent = os.write(target, os.pread(source, min(_BLOCK, size - offset), offset))
        if not sent:
            raise OSError("it has become shorter")
        offset += sent
