"""The workloads: each takes a way to call a function in the background and gives a figure in seconds."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

ROUND_TRIPS = 500
BAG = 10_000
CHAIN = 1_000


def noop(x: Any) -> Any:
    """The task: nothing."""
    return x


class Runner(Protocol):
    """A way to call `noop` in the background."""

    def __call__(self, x: Any) -> Future[Any]:
        """The call; its future."""


def bag(call: Runner) -> float:
    """Seconds a task, of 10,000 submitted at once, all results taken."""
    begin = time.perf_counter()
    for future in [call(n) for n in range(BAG)]:
        future.result()
    return (time.perf_counter() - begin) / BAG


def round_trip(call: Runner) -> float:
    """Median seconds of one call and its result."""
    return statistics.median(_timed(lambda n=n: call(n).result()) for n in range(ROUND_TRIPS))


def submit(call: Runner) -> float:
    """Median seconds until a call returns, while others are under way."""
    futures: list[Future[Any]] = []
    times = [_timed(lambda n=n: futures.append(call(n))) for n in range(2 * ROUND_TRIPS)]
    for future in futures:
        future.result()
    return statistics.median(times)


def chain(call: Runner) -> float:
    """Seconds a link, of 1,000 calls each of which takes the future of the one before."""
    begin = time.perf_counter()
    _chained(call).result()
    return (time.perf_counter() - begin) / CHAIN


def chain_while_busy(call: Runner) -> float:
    """The same while the main thread runs a loop in pure Python."""
    begin = time.perf_counter()
    last = _chained(call)
    while not last.done():
        sum(range(100))
    return (time.perf_counter() - begin) / CHAIN


def _chained(call: Runner) -> Future[Any]:
    future = call(0)
    for _ in range(CHAIN - 1):
        future = call(future)
    return future


def linked(call: Runner) -> float:
    """`chain` for what takes no futures as arguments: each result is waited for and handed on by a callback."""
    last: Future[Any] = Future()

    def follow(done: Future[Any], left: int) -> None:
        if left:
            call(done.result()).add_done_callback(lambda future: follow(future, left - 1))
        else:
            last.set_result(done.result())

    begin = time.perf_counter()
    call(0).add_done_callback(lambda future: follow(future, CHAIN - 1))
    last.result()
    return (time.perf_counter() - begin) / CHAIN


def fresh(program: str) -> float:
    """Seconds that a statement takes in a fresh interpreter, by its own clock."""
    code = f"import time; b = time.perf_counter()\n{program}\nprint(time.perf_counter() - b)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


IMPORT = "import nbflow"
NAMES = "from nbflow import Config, load, python_app"  # each is imported when it is asked for
FIRST_RESULT = """
import nbflow
b = time.perf_counter()
nbflow.load(nbflow.Config([nbflow.ProcessExecutor(max_workers=2)]))
nbflow.python_app(lambda x: x)(1).result()
"""


def _timed(what: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    what()
    return time.perf_counter() - begin
