"""Which numbers nbflow's own descriptors have, so that neither the user's code nor what starts it gets in their way."""

from __future__ import annotations

import fcntl
import os

_OURS = 24  # how many numbers below the limit are the worker's


def lifted(fd: int) -> int:
    """In a worker: the same file under a high number, not inherited by what tasks start; the given number is closed.

    A task that closes what it did not open seldom gets there.
    """
    limit = os.sysconf("SC_OPEN_MAX")
    # not higher, though most systems allow it: the system keeps a table up to the highest number in use
    lowest = max(3, min(limit if limit > 0 else 256, 1024) - _OURS)
    high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)
    os.close(fd)
    return high


def above_standard(fd: int) -> int:
    """The same file under a number that is no standard stream's; the given one is closed if it is.

    A program that was started without its standard streams gets their numbers for the next files that it opens, and
    whoever prints there in compiled code would write into them.
    """
    if fd > 2:
        return fd
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(fd)
