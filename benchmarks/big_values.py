"""Arrays of 100 MB that go from task to task: seconds of a chain, and of many consumers of one.

`python -m benchmarks.big_values [--rounds N]` prints medians beside the standard library's process pool. What is called
is handed in, so that others measure the same work: an app takes an array or a future of one, and gives a future.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

import nbflow
from benchmarks.rows import Row, ms, show
from nbflow import Config, ProcessExecutor, python_app

SIZE = 12_500_000  # float64: 100 MB
LINKS = 10
CONSUMERS = 8
WORKERS = 2


def make_array(size: int = SIZE) -> Any:
    """The task that makes an array."""
    import numpy as np

    return np.ones(size)


def add_one(x: Any) -> Any:
    """A link of the chain."""
    return x + 1


def total(x: Any) -> float:
    """A consumer."""
    return float(x.sum())


def ended(x: Any) -> None:
    """Wait until a future is done, without asking for its value; what is no future is there already."""
    if isinstance(x, Future) and x.exception() is not None:
        raise RuntimeError("a task failed")


def value_of(x: Any) -> Any:
    """The value of a future."""
    return x.result()


def array_chain(
    app_add_one: Callable[[Any], Any],
    make_array: Callable[[], Any],
    links: int = LINKS,
    wait: Callable[[Any], object] = ended,
) -> float:
    """Seconds of `links` calls, each of which takes the future of the one before, from the first array's future on.

    Nothing but the future of the last array is kept, and it is not fetched: `wait` waits for it.
    """
    x = make_array()
    wait(x)
    begin = time.perf_counter()
    for _ in range(links):
        x = app_add_one(x)
    wait(x)
    return time.perf_counter() - begin


def array_fan_out(
    app_total: Callable[[Any], Any],
    make_array: Callable[[], Any],
    consumers: int = CONSUMERS,
    wait: Callable[[Any], object] = ended,
    fetch: Callable[[Any], Any] = value_of,
) -> float:
    """Seconds of `consumers` calls that take one and the same task's array; `fetch` gives the value of a future."""
    x = make_array()
    wait(x)
    return driver_fan_out(app_total, x, consumers, fetch)


def driver_fan_out(
    app_total: Callable[[Any], Any],
    array: Any,
    consumers: int = CONSUMERS,
    fetch: Callable[[Any], Any] = value_of,
) -> float:
    """The same with what is there: an array of the caller's own process, say, changed since the last round or not."""
    begin = time.perf_counter()
    totals = [app_total(array) for _ in range(consumers)]
    for future in totals:
        fetch(future)
    return time.perf_counter() - begin


def measure(rounds: int) -> dict[str, list[float]]:
    """All figures in seconds, round by round, each pair in turn."""
    figures: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        figures.setdefault(name, []).append(value)

    add, make, sums = python_app(add_one), python_app(make_array), python_app(total)
    with ProcessPoolExecutor(WORKERS) as pool:  # forks its workers first, before there are threads
        list(pool.map(abs, range(100)))

        def pooled_add(x: Any) -> Any:
            return pool.submit(add_one, x).result()

        def pooled_make() -> Any:
            return pool.submit(make_array).result()

        def pooled_total(x: Any) -> Any:
            return pool.submit(total, x)

        with nbflow.DataFlowKernel(Config([ProcessExecutor(max_workers=WORKERS)])):
            array = make_array()
            for x in [make(), make()]:
                x.result()
            for _ in range(rounds):
                note("pool chain", array_chain(pooled_add, pooled_make))
                note("ours chain", array_chain(add, make))
                note("pool fan-out", array_fan_out(pooled_total, pooled_make))
                note("ours fan-out", array_fan_out(sums, make))
                note("pool driver's fan-out", driver_fan_out(pooled_total, array))
                note("ours driver's fan-out", driver_fan_out(sums, array))
                array[0] += 1
    return figures


BARS = {"chain": 6.0, "fan-out": 6.0, "driver's fan-out": 6.0}  # times as fast as the pool


def table(figures: dict[str, list[float]]) -> list[Row]:
    """The rows, with the bars that nbflow is held to."""
    rows = []
    for name, bar in BARS.items():
        ours, pool = figures[f"ours {name}"], figures[f"pool {name}"]
        ratio = statistics.median(p / o for p, o in zip(pool, ours, strict=True))
        medians = ms(statistics.median(ours)), ms(statistics.median(pool))
        rows.append(Row(f"100 MB array: {name}", *medians, f">= {bar} x, is {ratio:.1f}", ratio >= bar))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    show(table(measure(parser.parse_args().rounds)), "work", "pool", "medians")
