"""The file into which a running task prints, kept from filling the disk.

Once it is long its middle is given back, whatever the task is at and whoever prints: its length still tells how much
there was, and head and tail of it can be read. Whoever waits for the task looks now and then.
"""

from __future__ import annotations

import functools
import math
import os
import sys
from collections.abc import Callable

from nbflow.wire.excerpt import HALF, excerpt

GROWN = 4_000_000  # bytes by which a log grows until its middle is given back
PRINTED = 64_000_000  # bytes that a task may print between two looks, once it is known to print much
SOONEST = 0.02  # seconds between two looks, however much it prints

_PUNCH_HOLE = 1 | 2  # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE of <linux/falloc.h>


class Log:
    """Such a file. `fd` is open for reading and appending."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._given_back = HALF  # up to here
        self._size = 0
        self._cut_out = 0  # bytes, where the file system knows no holes
        self._said = b""  # the line that tells so

    def trim(self) -> int:
        """Give the middle back to the disk, if it is time; returns by how many bytes the log has grown meanwhile."""
        size = os.fstat(self._fd).st_size
        grown = size - self._size
        if grown < 0:  # cut to nothing, for another task
            grown = size
            self._given_back, self._cut_out, self._said = HALF, 0, b""
        self._size = size
        end = size - HALF
        if end - self._given_back > GROWN:
            if _punch_hole(self._fd, self._given_back, end - self._given_back):
                self._given_back = end
            else:
                self._cut(size)
        return grown

    def _cut(self, size: int) -> None:
        """Write head and tail anew, with how much was between them. What is printed in just that moment is lost."""
        tail = os.pread(self._fd, HALF, size - HALF)
        begin = HALF - 100  # so that what is said here counts as the end of the head
        self._cut_out += size - HALF - begin - len(self._said)
        self._said = f"\n... {self._cut_out} bytes left out ...\n".encode()
        os.ftruncate(self._fd, begin)
        os.write(self._fd, self._said + tail)
        self._size = os.fstat(self._fd).st_size

    def text(self) -> str:
        """What stands in it, head and tail."""
        return excerpt(self._fd, os.fstat(self._fd).st_size)

    def close(self) -> None:
        """No more is printed."""
        os.close(self._fd)


def _punch_hole(fd: int, begin: int, length: int) -> bool:
    """Whether the system could give back a part of a file that keeps its length."""
    fallocate = _fallocate()
    return fallocate is not None and fallocate(fd, _PUNCH_HOLE, begin, length) == 0


@functools.cache
def _fallocate() -> Callable[[int, int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    import ctypes  # 2.5 ms; few tasks print so much

    function = ctypes.CDLL(None).fallocate64
    function.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    call: Callable[[int, int, int, int], int] = function
    return call


def next_look(grown: int, passed: float) -> float:
    """Seconds until the next look at a log that has grown by so many bytes in so many seconds; inf = whenever it is."""
    return max(SOONEST, PRINTED * passed / grown) if grown > GROWN else math.inf
