"""Files mapped into memory, as far as Python's `mmap` does not go: no descriptor is kept, addresses are known.

Python's own keeps a descriptor open for each mapping, of which a process may have about a thousand. Here it is given
memory of its own, over which the file is then mapped: it ends with the last of its views, like any other. Elsewhere
than on Linux Python's own serves, and whatever needs more is said to be impossible.

`ctypes` is loaded with the first big value; most programs have none.
"""

from __future__ import annotations

import fcntl
import functools
import mmap
import os
import signal
import sys
from contextlib import suppress
from typing import Any

LINUX = sys.platform == "linux"

_FIXED = 0x10  # MAP_FIXED of <sys/mman.h>
_SETSIG = 10  # F_SETSIG of <fcntl.h>
_FAILED = 2 * sys.maxsize + 1  # MAP_FAILED
_STEP = 1 << 20  # bytes, whole pages
_POPULATE_WRITE = 23  # MADV_POPULATE_WRITE of <linux/mman.h>, from Linux 5.14 on


def map_file(fd: int, size: int, *, writable: bool = False) -> mmap.mmap:
    """A file's first bytes; the descriptor may be closed. Views of it cannot be written through.

    `writable`: for `write_through`. Linux only.

    Raises:
        OSError: it cannot be mapped.
    """
    if not LINUX:
        return mmap.mmap(fd, size, access=mmap.ACCESS_READ)
    mapped = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)
    protection = mmap.PROT_READ | mmap.PROT_WRITE if writable else mmap.PROT_READ
    if _libc().mmap(address(mapped), size, protection, mmap.MAP_SHARED | _FIXED, fd, 0) == _FAILED:
        number = _ctypes().get_errno()
        raise OSError(number, os.strerror(number))
    if writable:  # many at once cost half; where the system cannot, each page is met when it is written
        libc, begin = _libc(), address(mapped)
        for at in range(0, size, _STEP):  # whoever else in this process needs memory waits for each of them
            libc.madvise(begin + at, min(_STEP, size - at), _POPULATE_WRITE)
    return mapped


def address(exporter: Any) -> int:
    """Where the memory of something with a contiguous buffer is."""
    ctypes = _ctypes()
    found = _buffer_type()()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(exporter), ctypes.byref(found), 0)
    ctypes.pythonapi.PyBuffer_Release(ctypes.byref(found))
    return int(found.buf or 0)


def write_at(fd: int, view: memoryview, offset: int) -> None:
    """Write all of it.

    Raises:
        OSError: there is no room.
    """
    while view.nbytes:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def write_through(mapped: mmap.mmap, parts: list[tuple[memoryview, int]]) -> None:
    """Write each part at its place in a writable mapping, which costs no page faults. None may reach beyond its end."""
    libc, start = _libc(), address(mapped)
    for view, offset in parts:
        libc.memcpy(start + offset, address(view), view.nbytes)


def equal(view: memoryview, mapped: mmap.mmap, offset: int) -> bool:
    """Whether bytes are those that stand at a place of a mapping; the interpreter is free meanwhile."""
    size = view.nbytes
    if not LINUX:
        return bool(view == memoryview(mapped)[offset : offset + size])
    return not _libc().memcmp(address(view), address(mapped) + offset, size)


def alone(fd: int) -> bool:
    """Whether nobody else on this system has the file open or mapped; False where nobody can tell.

    A lease for writing is given to one who is alone only, and mappings count: also those whose descriptors are closed,
    and those that a process has from its parent. What has this very descriptor, from a copy of it, does not count.
    """
    if not LINUX:
        return False
    try:
        # should somebody open it in between, we are told by a signal: not by one that ends us
        fcntl.fcntl(fd, _SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError:
        return False
    with suppress(OSError):
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return True


# ---------------------------------------------------------------- the system's library


@functools.cache
def _ctypes() -> Any:
    import ctypes  # 2.5 ms

    return ctypes


@functools.cache
def _buffer_type() -> Any:
    """`Py_buffer`; of it only the first two fields count here."""
    ctypes = _ctypes()
    fields = [("buf", ctypes.c_void_p), ("obj", ctypes.c_void_p), ("rest", ctypes.c_byte * 128)]
    return type("PyBuffer", (ctypes.Structure,), {"_fields_": fields})


@functools.cache
def _libc() -> Any:
    ctypes = _ctypes()
    libc = ctypes.CDLL(None, use_errno=True)
    pointer, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    libc.mmap.argtypes = [pointer, size, number, number, number, ctypes.c_long]
    libc.mmap.restype = pointer
    libc.madvise.argtypes = [pointer, size, number]
    libc.memcpy.argtypes = libc.memcmp.argtypes = [pointer, pointer, size]
    libc.memcpy.restype = pointer
    return libc
