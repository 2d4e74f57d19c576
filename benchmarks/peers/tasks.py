"""The functions that peers run in the background. They are imported by the workers, never sent by value."""

from __future__ import annotations

import os
import time
from typing import Any


def noop(x: Any) -> Any:
    """Nothing."""
    return x


def after(x: Any, head: Any) -> Any:
    """Nothing, once `head` is there."""
    return x


def add(x: int, y: int) -> int:
    """A node of a tree."""
    return x + y


def total(*parts: int) -> int:
    """The end of a map-reduce."""
    return sum(parts)


def total_of(parts: list[int]) -> int:
    """The same, of one argument."""
    return sum(parts)


def spin(seconds: float, *_: Any) -> int:
    """Use so much CPU time of this thread: a worker that is starved does not look busy."""
    if seconds > 0:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass
    return 0


def gate(path: str) -> int:
    """Wait until there is such a file."""
    while not os.path.exists(path):
        time.sleep(0.001)
    return 0


def ones(megabytes: float) -> Any:
    """An array of doubles of that size."""
    import numpy as np

    return np.ones(int(megabytes * 1e6 / 8))


def one_more(array: Any) -> Any:
    """A new array, each of its numbers one more."""
    return array + 1


def sum_of(array: Any) -> float:
    """The sum of an array."""
    return float(array.sum())
