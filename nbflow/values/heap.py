"""The C library's heap in a worker with big values: what a task has freed stays in the process for the next one.

An array of some size is memory of the system's own, given back as soon as the array goes; the next task's is fresh
then, and the system clears and maps each page as it is first touched, which takes longer than to compute with it. glibc
learns to keep blocks up to 32 MB by itself. Here it is told to from the first big value on, for larger ones, up to a
share of the memory that the scheduler allows (`allow`), and gives all of it back when the worker rests (`give_back`).

What must not live here: the memory that values are handed on in, which is the subject of `segments`.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any

WORTH_IT = 64 << 20  # bytes: with fewer allowed, what glibc does by itself is as good

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of <malloc.h>
_TRIM_THRESHOLD = -1
_OF_THE_USER = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")

_allowed = 0  # bytes
_kept = False


def allow(size: int) -> None:
    """From the first big value on, so many bytes that are free may be kept; 0 = as the system does."""
    global _allowed
    _allowed = size


def keep() -> None:
    """A big value was written here: others are likely to follow."""
    global _allowed, _kept
    allowed, _allowed = _allowed, 0
    if allowed < WORTH_IT or any(name in os.environ for name in _OF_THE_USER):
        return
    libc = _glibc()
    if libc is not None:
        # a block that is given back only with all that is kept must be a part of it
        _kept = bool(libc.mallopt(_MMAP_THRESHOLD, allowed // 2) and libc.mallopt(_TRIM_THRESHOLD, allowed))


def give_back() -> None:
    """Nothing is to be done for a while: let the system have what is free."""
    if _kept:
        _glibc().malloc_trim(0)


@cache
def _glibc() -> Any:
    """None where it is another library, whose heap has other rules."""
    import ctypes  # 2.5 ms; most programs have no big values

    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if hasattr(libc, "gnu_get_libc_version") else None
