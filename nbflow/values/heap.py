"""The C library's heap in a worker: what a task has freed stays in the process for the next one.

An array of some size is memory of the system's own, given back as soon as the array goes; the next one is fresh then,
and the system clears and maps each page as it is first touched, which takes longer than to compute with it. glibc
learns to keep blocks up to 32 MB by itself. A worker is told to keep larger ones as well, up to a share of the memory
that the scheduler allows, from its start (`settings`): the first array would be lost otherwise. It gives all of it back
when it rests (`give_back`).

What must not live here: the memory that values are handed on in, which is the subject of `segments`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

# bytes: with fewer allowed, what glibc does by itself is as good; nor are fewer given back
WORTH_IT = 64 << 20

_SETTINGS = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
_OF_THE_USER = (*_SETTINGS, "GLIBC_TUNABLES", "LD_PRELOAD")

_kept = False


def settings(allowed: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables of a process that may keep so many bytes; none where that is not worth it, or others have been set."""
    if allowed < WORTH_IT or any(name in environment for name in _OF_THE_USER):
        return {}
    # a block that is given back only with all that is kept must be a part of it
    return dict(zip(_SETTINGS, (str(allowed // 2), str(allowed)), strict=True))


def begin() -> None:
    """This process was started with `settings`: what it starts itself is to know nothing of them."""
    global _kept
    _kept = True
    for name in _SETTINGS:
        os.environ.pop(name, None)


def give_back() -> None:
    """Nothing is to be done for a while: let the system have what is free, if it may be much."""
    if _kept and _resident() >= WORTH_IT and (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def _resident() -> int:
    """Bytes of memory that this process has; 0 = not known."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


@cache
def _glibc() -> Any:
    """None where it is another library, whose heap has other rules."""
    import ctypes  # 2.5 ms; most programs have no big values

    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if hasattr(libc, "gnu_get_libc_version") else None
