"""`nbflow.map` of very many items that do nothing: items a second, and what one costs all processes together."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Iterable

import nbflow
from benchmarks.workloads import noop

ITEMS = 100_000


def swept() -> float:
    """Seconds an item, of 100,000 in one sweep, all results taken. A flow is loaded."""
    begin = time.perf_counter()
    results = nbflow.map(noop, range(ITEMS)).result()
    took = time.perf_counter() - begin
    assert len(results) == ITEMS
    return took / ITEMS


def processor_time(processes: Iterable[int]) -> float:
    """Seconds for which all threads of these processes have been on a processor up to now, as Linux tells it.

    Of other processes, the threads that are there.
    """
    total = 0
    for process in processes:
        if process == os.getpid():  # threads that have ended count as well
            total += time.process_time_ns()
            continue
        for path in glob.glob(f"/proc/{process}/task/*/schedstat"):
            with open(path) as file:
                total += int(file.read().split()[0])
    return total / 1e9
