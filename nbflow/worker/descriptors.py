"""The worker's own descriptors: under high numbers, where a task that closes what it did not open seldom gets to."""

from __future__ import annotations

import fcntl
import os

_OURS = 24  # how many numbers below the limit are the worker's


def lifted(fd: int) -> int:
    """The same file under a high number, not inherited by what tasks start; the given number is closed."""
    limit = os.sysconf("SC_OPEN_MAX")
    # not higher, though most systems allow it: the system keeps a table up to the highest number in use
    lowest = max(3, min(limit if limit > 0 else 256, 1024) - _OURS)
    high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)
    os.close(fd)
    return high
