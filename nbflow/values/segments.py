"""The files of big values, as this process has them: written once, mapped to be read, and written anew in the end.

Fresh shared memory is slow, since the system clears and maps each page as it is first touched. So a process keeps the
large files that it has made, and how they are mapped here; once the scheduler says that nobody needs what is in one
(`freed`), the next value of about that size is written over it, under another name: but only if nobody can see that.
Neither this process nor any other on the system may have it open or mapped then, a user's array that outlives its task
included, and we ask the system rather than our books. What has ever been seen by a forked child is not used again.
To map a large file for writing takes twice as long as the writing then does: a thread does so as soon as it is free,
beside the task that computes what is to be written.

Which files there are, and who needs them, is the scheduler's business; only it unlinks what is in use.
"""

from __future__ import annotations

import bisect
import errno
import itertools
import mmap
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from weakref import WeakValueDictionary

from nbflow import private
from nbflow.values import mapping

REUSED_FROM = 1 << 20  # bytes from which on it is worth it
LARGER = 1.25  # by how much a file may be larger than what is written into it
PREPARED_FROM = 8 << 20  # bytes from which on it is worth a thread to map a file beforehand
MOST = 16  # files that a process keeps in sight, each with a descriptor
MOST_RECENT = 64  # files that a worker keeps mapped
FULL = "full"  # a file of this name in a directory of the store: no more is to be put there

_lock = threading.Lock()
_preparing = threading.Lock()  # of all `writable`; taken behind `_lock`, where both are
_counter = itertools.count(1)
_MARK = os.urandom(4).hex()  # of this process; a forked child has another number
# by path; those of files that are gone too
_mapped: WeakValueDictionary[str, mmap.mmap] = WeakValueDictionary()
_own: dict[str, _Own] = {}  # made here, the oldest first
_free: dict[str, _Own] = {}  # of those, which nobody needs
_recent: dict[str, mmap.mmap] = {}  # mapped to be read, the one that was read last at the end
_kept_in: frozenset[str] = frozenset()


class _Own:
    """A file made here. `fd` can read and write; `mapped` is for whoever reads it, `writable` is handed to nobody."""

    def __init__(self, fd: int, size: int) -> None:
        self.fd = fd
        self.size = size
        self.mapped: mmap.mmap | None = None
        self.writable: mmap.mmap | None = None
        found = os.fstat(fd)
        self._file = found.st_dev, found.st_ino

    @property
    def unseen(self) -> bool:
        """Whether nobody has it mapped, here or elsewhere."""
        if self.mapped is not None and sys.getrefcount(self.mapped) > 2:  # this one's, and that of the call
            return False
        return self._is_there and mapping.alone(self.fd)

    @property
    def _is_there(self) -> bool:
        """Whether the descriptor is the file's: a task may have closed it, and another file have its number."""
        try:
            found = os.fstat(self.fd)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._file

    def prepare(self) -> None:
        """Map it for writing, if it is not.

        Raises:
            OSError: that cannot be.
        """
        with _preparing:
            if self.writable is None and self._is_there:
                self.writable = mapping.map_file(self.fd, self.size, writable=True)

    def write_over(self, parts: list[tuple[memoryview, int]]) -> None:
        """Write into it what others are to read. Raises like `prepare`."""
        self.prepare()
        if self.writable is None:
            raise OSError(errno.EBADF, "a task has closed the file")
        mapping.write_through(self.writable, parts)

    def close(self) -> None:
        """Let go of it; views of it stay."""
        with _preparing:
            self.mapped = self.writable = None
            if self._is_there:
                os.close(self.fd)


# ---------------------------------------------------------------- writing


def write(parts: list[tuple[memoryview, int]], size: int, directories: Sequence[str]) -> str:
    """Write parts, each with its place, into a file of the first directory that has room; its path.

    Raises:
        OSError: none has; the last one's error.
    """
    failure: OSError | None = None
    for directory in directories:
        last = directory is directories[-1]
        if not last and os.path.exists(os.path.join(directory, FULL)):
            continue
        if not last and size >= REUSED_FROM and _free and (path := _write_over(parts, size, directory)):
            return path
        path = _new_path(directory)
        try:
            _write_fresh(path, parts, size, keep=not last)
            return path
        except FileExistsError as error:  # somebody else's
            failure = error
        except OSError as error:
            failure = error
            unlink(path)
        except BaseException:  # an interrupt
            unlink(path)
            raise
    raise failure or OSError("there is no directory for big values")


def _new_path(directory: str) -> str:
    # the process's number tells whose they are; another one may have the same once this has ended
    return os.path.join(directory, f"{os.getpid()}-{_MARK}-{next(_counter)}.value")


def maker_of(path: str) -> int:
    """The process that has made a file."""
    number = os.path.basename(path).partition("-")[0]
    return int(number) if number.isdecimal() else 0


def _write_fresh(path: str, parts: list[tuple[memoryview, int]], size: int, keep: bool) -> None:
    fd = private.opener(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        for view, offset in parts:
            mapping.write_at(fd, view, offset)
        if keep and size >= REUSED_FROM and mapping.LINUX:
            own, fd = _Own(fd, size), -1
            with _lock:
                _own[path] = own
                if len(_own) > MOST:
                    _own.pop(next(iter(_own))).close()
    finally:
        if fd >= 0:
            os.close(fd)


def _write_over(parts: list[tuple[memoryview, int]], size: int, directory: str) -> str:
    """Write into a file that nobody needs, under a new name; "" if there is none."""
    with _lock:
        fitting = [path for path, own in _free.items() if size <= own.size <= size * LARGER]
        for old in sorted(fitting, key=lambda path: (_free[path].size, _free[path].writable is None)):
            if not _free[old].unseen:
                continue  # whoever sees it may let go of it in time
            own = _free.pop(old)
            path = _new_path(directory)
            try:
                # whoever came late with the old name would find nothing
                if os.path.dirname(old) == directory:
                    os.rename(old, path)
                    own.write_over(parts)
                    _mapped.pop(old, None)
                    if own.mapped is not None:
                        _mapped[path] = own.mapped
                    _own[path] = own
                    return path
            except OSError:  # the scheduler has unlinked it, or a task has closed it
                unlink(path)
            unlink(old)
            own.close()
    return ""


def freed(paths: Iterable[str], reuse: bool) -> None:
    """Nobody needs what is in these files: let go of them.

    `reuse`: they are there still, and were made here, so they are to be written over, or unlinked.
    """
    with _lock:
        for path in paths:
            _recent.pop(path, None)
            own = _own.pop(path, None) or _free.pop(path, None)
            if reuse and own is not None and len(_free) < MOST:
                _free[path] = own
                if own.writable is None and own.size >= PREPARED_FROM:
                    _prepare_soon(own)
                continue
            if own is not None:
                own.close()
            if reuse:
                unlink(path)


def _prepare_soon(own: _Own) -> None:
    def prepare() -> None:
        with suppress(OSError):  # whoever writes over it comes upon that, too
            own.prepare()

    with suppress(RuntimeError):  # there is no thread to be had
        threading.Thread(target=prepare, name="nbflow-segment", daemon=True).start()


def unlink(path: str) -> None:
    """Unlink a file; no error if it is gone."""
    with suppress(OSError):
        os.unlink(path)


# ---------------------------------------------------------------- reading


def map_path(path: str) -> mmap.mmap:
    """A file of the store, mapped to be read; the same as before, while somebody has that.

    Raises:
        OSError: it cannot be.
    """
    with _lock:
        found = _mapped.get(path)
        if found is None:
            own = _own.get(path)
            if own is not None:
                found = own.mapped = mapping.map_file(own.fd, own.size)
            else:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    found = mapping.map_file(fd, os.fstat(fd).st_size)
                finally:
                    os.close(fd)
            _mapped[path] = found
        if os.path.dirname(path) in _kept_in and len(found) >= REUSED_FROM:
            _recent.pop(path, None)
            _recent[path] = found
            if len(_recent) > MOST_RECENT:
                del _recent[next(iter(_recent))]
        return found


class Places:
    """Where views are of those files, of the given ones, that are mapped here."""

    def __init__(self, paths: Iterable[str]) -> None:
        found = ((path, _mapped.get(path)) for path in paths)
        mapped = sorted((mapping.address(m), len(m), path) for path, m in found if m is not None)
        self._starts = [start for start, _, _ in mapped]
        self._mapped = mapped

    def find(self, view: memoryview) -> tuple[str, int] | None:
        """The file that a view is of, and where in it; None if it is of none."""
        begin = mapping.address(view)
        number = bisect.bisect_right(self._starts, begin) - 1
        if number < 0:
            return None
        start, size, path = self._mapped[number]
        return (path, begin - start) if begin + view.nbytes <= start + size else None


def keep_recent(directories: Iterable[str]) -> None:
    """In a worker: large files of these directories that a task has read stay mapped for later ones, until `freed`."""
    global _kept_in
    _kept_in = frozenset(directories)


# ---------------------------------------------------------------- forks


def _after_fork() -> None:
    """The child has every mapping, under descriptors that count as ours: nothing of this is written over any more."""
    _preparing.release()
    for path, own in _free.items():
        unlink(path)
        own.close()
    for own in _own.values():
        own.close()
    _free.clear()
    _own.clear()
    _lock.release()


def _after_fork_in_child() -> None:
    global _lock, _preparing
    _lock, _preparing = threading.Lock(), threading.Lock()
    for own in (*_free.values(), *_own.values()):
        own.close()
    _free.clear()
    _own.clear()


def _before_fork() -> None:
    _lock.acquire()
    _preparing.acquire()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
