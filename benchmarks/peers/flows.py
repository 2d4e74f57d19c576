"""The workloads of nbflow alone: what the live graph costs, and what becomes of a flow as the number of tasks grows."""

from __future__ import annotations

import gc
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil

import nbflow
from benchmarks.peers import tasks
from benchmarks.peers.base import WORKERS, Peer
from benchmarks.peers.on_nbflow import Nbflow

Figures = dict[str, float]
WARM = 2000  # calls until a fresh flow is at its speed


def live(peer: Peer, count: int, times: int = 3) -> Figures:
    """A bag without and with a live graph of the flow: the widget itself, which no page watches.

    "off" and "on" are seconds a task, each on a flow of its own, in turn; "" is off divided by on.
    """
    figures: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(times):
        for shown in (False, True):
            with _flow() as flow:
                graph = nbflow.graph(flow) if shown else None
                figures[shown].append(_bag(flow, count))
                if graph is not None:
                    graph.close()
    off, on = figures[False], figures[True]
    ratio = statistics.median(a / b for a, b in zip(off, on, strict=True))
    return {"": ratio, "off": statistics.median(off), "on": statistics.median(on)}


def scale_kept(peer: Nbflow, count: int) -> Figures:
    """A bag of which all futures are kept: see `_scaled`."""
    app = nbflow.python_app(tasks.noop)
    kept = []

    def run() -> None:
        kept.extend([app(n) for n in range(count)])
        for future in kept:
            future.result()

    return _scaled(peer, run, count)


def scale_dropped(peer: Nbflow, count: int) -> Figures:
    """A bag of which no future is kept: see `_scaled`."""
    app = nbflow.python_app(tasks.noop)

    def run() -> None:
        for n in range(count):
            app(n)
        peer.flow.wait_for_current_tasks()

    return _scaled(peer, run, count)


def fan_in(peer: Nbflow, count: int) -> Figures:
    """Seconds a task: one call whose argument is a list of so many futures, all of them under way or done."""
    app, end = nbflow.python_app(tasks.noop), nbflow.python_app(tasks.total_of)
    begin = time.perf_counter()
    futures = [app(1) for _ in range(count)]
    assert end(futures).result() == count
    return {"": (time.perf_counter() - begin) / count}


def fan_out(peer: Nbflow, count: int) -> Figures:
    """Seconds a task: so many wait for one that does not end before all of them are there."""
    app = nbflow.python_app(tasks.after)
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "gate")
        begin = time.perf_counter()
        head = nbflow.python_app(tasks.gate)(path)
        futures = [app(n, head) for n in range(count)]
        os.close(os.open(path, os.O_CREAT))
        for future in futures:
            future.result()
        return {"": (time.perf_counter() - begin) / count}


def long_chain(peer: Nbflow, count: int) -> Figures:
    """Seconds a link of a chain of which only the last future is kept."""
    app = nbflow.python_app(tasks.noop)
    begin = time.perf_counter()
    future = app(0)
    for _ in range(count - 1):
        future = app(future)
    future.result()
    return {"": (time.perf_counter() - begin) / count}


WORK: dict[str, Callable[..., Figures]] = {
    work.__name__: work for work in (live, scale_kept, scale_dropped, fan_in, fan_out, long_chain)
}


def _scaled(peer: Nbflow, run: Callable[[], None], count: int) -> Figures:
    """Seconds a task; by how many bytes a task the caller's process and the scheduler's have grown."""
    about = peer.flow.status()
    processes = {"client": psutil.Process(), "scheduler": psutil.Process(about.pid)}
    before = {name: _own(process) for name, process in processes.items()}
    begin = time.perf_counter()
    run()
    took = (time.perf_counter() - begin) / count
    peer.flow.status()  # the scheduler has heard of all that was dropped
    grown = {name: (_own(process) - before[name]) / count for name, process in processes.items()}
    return {"": took, "bytes": sum(grown.values()), **{f"bytes {name}": n for name, n in grown.items()}}


def _own(process: psutil.Process) -> int:
    """Bytes of memory that no other process shares."""
    gc.collect()
    own: int = process.memory_full_info().uss
    return own


@contextmanager
def _flow() -> Iterator[Any]:
    config = nbflow.Config([nbflow.ProcessExecutor(max_workers=WORKERS)])
    with nbflow.DataFlowKernel(config) as flow:
        _bag(flow, WARM)
        yield flow


def _bag(flow: Any, count: int) -> float:
    app = nbflow.python_app(data_flow_kernel=flow)(tasks.noop)
    begin = time.perf_counter()
    for future in [app(n) for n in range(count)]:
        future.result()
    return (time.perf_counter() - begin) / count
