"""The workloads: each takes a peer and how much there is to do, and gives figures by name, in seconds if not said.

The figure named "" is the workload's own, another one's name is added to it. What takes futures as arguments runs on a
peer without dependencies by callbacks that submit (`base.OnExecutor`).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.graphs import SHAPES, Shape
from benchmarks.metg import NeverReached, metg
from benchmarks.peers import tasks
from benchmarks.peers.base import WORKERS, Peer, Unsupported

Figures = dict[str, float]

BRIEF, LONGER = 0.15, 0.4  # seconds of CPU time that are enough to see what a process gets of a core


def bag(peer: Peer, count: int) -> Figures:
    """Seconds a task, all submitted at once, all results taken, all futures kept until then."""
    call = peer.calls(tasks.noop)
    begin = time.perf_counter()
    peer.results([call(n) for n in range(count)])
    return {"": (time.perf_counter() - begin) / count}


def submit(peer: Peer, calls: int) -> Figures:
    """Until a call returns while others are under way: the median, and the 99th of a hundred."""
    call = peer.calls(tasks.noop)
    futures, times = [], []
    for n in range(calls):
        begin = time.perf_counter()
        future = call(n)
        times.append(time.perf_counter() - begin)
        futures.append(future)
    peer.results(futures)
    return _spread(times)


def round_trip(peer: Peer, calls: int) -> Figures:
    """One call and its result, one after the other: the median, and the 99th of a hundred."""
    call = peer.calls(tasks.noop)
    times = []
    for n in range(calls):
        begin = time.perf_counter()
        peer.result(call(n))
        times.append(time.perf_counter() - begin)
    return _spread(times)


def chain(peer: Peer, links: int) -> Figures:
    """Seconds a link, each of which needs the one before."""
    begin = time.perf_counter()
    peer.result(_chained(peer, links)[-1])
    return {"": (time.perf_counter() - begin) / links}


def busy_chain(peer: Peer, links: int, times: int = 1) -> Figures:
    """A chain while the main thread computes, see `_beside`."""
    return _beside(peer, lambda: _chained(peer, links)[-1:], links, times)


def busy_bag(peer: Peer, count: int, times: int = 1) -> Figures:
    """A bag while the main thread computes, see `_beside`."""
    call = peer.calls(tasks.noop)
    return _beside(peer, lambda: [call(n) for n in range(count)], count, times)


def tree(peer: Peer, leaves: int) -> Figures:
    """Seconds a task of a binary tree: the leaves, then sums of two, down to one."""
    begin = time.perf_counter()
    call, link = peer.calls(tasks.noop), peer.links(tasks.add)
    level = [call(n) for n in range(leaves)]
    while len(level) > 1:
        level = [link(level[n], level[n + 1]) for n in range(0, len(level), 2)]
    assert peer.result(level[0]) == leaves * (leaves - 1) // 2
    return {"": (time.perf_counter() - begin) / (2 * leaves - 1)}


def map_reduce(peer: Peer, maps: int) -> Figures:
    """Seconds a task: many that give a number, and one that needs them all as its arguments."""
    begin = time.perf_counter()
    call = peer.calls(tasks.noop)
    reduced = peer.links(tasks.total)(*[call(n) for n in range(maps)])
    assert peer.result(reduced) == maps * (maps - 1) // 2
    return {"": (time.perf_counter() - begin) / (maps + 1)}


def steps(peer: Peer, shape: str, width: int, steps: int) -> Figures:
    """Seconds a task that does nothing, in a graph of Task Bench's."""
    return {"": _stepped(peer, SHAPES[shape], width, steps, 0.0) / (width * steps)}


def grain(
    peer: Peer, shape: str, width: int, steps: int, start: float, times: int = 3, precision: float = 1.1
) -> Figures:
    """METG(50 %): the least CPU time of a task, in seconds, with half of the ideal throughput.

    The median of `times` runs of a graph counts. Another program's turn on a core is no cost of the peer's, so the
    ideal is what plain processes get of the cores just before and after (`_share`).
    """
    share = _share(BRIEF)

    def efficiency(seconds: float) -> float:
        nonlocal share
        before = share
        took = statistics.median(_stepped(peer, SHAPES[shape], width, steps, seconds) for _ in range(times))
        share = _share(BRIEF)
        return width * steps * seconds / WORKERS / took * 2 / (before + share)

    try:
        return {"": metg(efficiency, start, precision=precision)}
    except NeverReached as why:
        raise Unsupported(str(why)) from None


def array_chain(peer: Peer, links: int, megabytes: float) -> Figures:
    """Seconds a link: an array is made, each link adds one to all of it, and the last one's sum is taken.

    "grown": by how many MB the memory of the caller's process was larger at its peak than before.
    """
    _forget_peak()
    before = _memory("VmRSS")
    begin = time.perf_counter()
    link = peer.links(tasks.one_more)
    future = peer.calls(tasks.ones)(megabytes)
    for _ in range(links):
        future = link(future)
    value = peer.result(peer.links(tasks.sum_of)(future))
    took = time.perf_counter() - begin
    assert value == (links + 1) * int(megabytes * 1e6 / 8)
    return {"": took / links, "grown": _memory("VmHWM") - before}


def array_fan(peer: Peer, consumers: int, megabytes: float) -> Figures:
    """Seconds: an array is made by a task, and its sum taken by so many others."""
    begin = time.perf_counter()
    array = peer.calls(tasks.ones)(megabytes)
    link = peer.links(tasks.sum_of)
    values = peer.results([link(array) for _ in range(consumers)])
    took = time.perf_counter() - begin
    assert values == [float(int(megabytes * 1e6 / 8))] * consumers
    return {"": took}


def pieces(peer: Peer, count: int, seconds: float) -> Figures:
    """Equal pieces of work of so much CPU time each: the ideal time, divided by the one it took.

    "" is with the ideal that plain processes reach just before and after (`_share`), "raw" with whole cores.
    """
    call = peer.calls(tasks.spin)
    before = _share(LONGER)
    begin = time.perf_counter()
    peer.results([call(seconds) for _ in range(count)])
    raw = count * seconds / WORKERS / (time.perf_counter() - begin)
    return {"": min(1.0, raw * 2 / (before + _share(LONGER))), "raw": raw}


def mapped(peer: Peer, items: int) -> Figures:
    """Seconds an item of the peer's own `map`."""
    begin = time.perf_counter()
    values = peer.map(tasks.noop, range(items))
    took = time.perf_counter() - begin
    assert values[-1] == items - 1
    return {"": took / items}


WORK: dict[str, Callable[..., Figures]] = {
    work.__name__: work
    for work in (
        *(bag, submit, round_trip, chain, busy_chain, busy_bag, tree, map_reduce, steps, grain),
        *(array_chain, array_fan, pieces, mapped),
    )
}


def find(name: str) -> Callable[..., Figures]:
    """A workload by its name, those that only nbflow has included. Raises KeyError."""
    if name in WORK:
        return WORK[name]
    from benchmarks.peers import flows  # imports nbflow, which the others' environments do not have

    return flows.WORK[name]


# ---------------------------------------------------------------- what they are made of


def _spread(times: list[float]) -> Figures:
    return {"": statistics.median(times), "p99": sorted(times)[int(0.99 * (len(times) - 1))]}


def _chained(peer: Peer, links: int) -> list[Any]:
    futures = [peer.calls(tasks.noop)(0)]
    link = peer.links(tasks.noop)
    for _ in range(links - 1):
        futures.append(link(futures[-1]))
    return futures


def _stepped(peer: Peer, shape: Shape, width: int, steps: int, seconds: float) -> float:
    """How long a graph of Task Bench's takes."""
    begin = time.perf_counter()
    call, link = peer.calls(tasks.spin), peer.links(tasks.spin)
    row = [call(seconds) for _ in range(width)]
    for step in range(1, steps):
        row = [link(seconds, *[row[n] for n in shape(step, place, width)]) for place in range(width)]
    peer.results(row)
    return time.perf_counter() - begin


def _share(seconds: float) -> float:
    """The part of a core that each of `WORKERS` plain processes gets, while nothing else of ours runs."""
    program = (
        f"import time; t = time.thread_time() + {seconds}; b = time.perf_counter()\n"
        "while time.thread_time() < t: pass\n"
        "print(time.perf_counter() - b)"
    )
    command = [sys.executable, "-I", "-S", "-c", program]
    spinning = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(WORKERS)]
    took = [float(process.communicate()[0]) for process in spinning]
    return min(1.0, seconds / statistics.fmean(took))


def _beside(peer: Peer, begin_work: Callable[[], list[Any]], count: int, times: int) -> Figures:
    """Work is submitted, then a thread waits for it while the main thread waits too ("idle"), or computes ("").

    Seconds a task, from the first call to when the thread has all results; "ratio" is of the two, of neighbours.
    """
    idle, busy = [], []
    for _ in range(times):
        idle.append(_waited_for(peer, begin_work, spinning=False) / count)
        busy.append(_waited_for(peer, begin_work, spinning=True) / count)
    ratio = statistics.median(b / i for b, i in zip(busy, idle, strict=True))
    return {"": statistics.median(busy), "idle": statistics.median(idle), "ratio": ratio}


def _waited_for(peer: Peer, begin_work: Callable[[], list[Any]], *, spinning: bool) -> float:
    ended = 0.0

    def wait() -> None:
        nonlocal ended
        peer.results(futures)
        ended = time.perf_counter()

    begin = time.perf_counter()
    futures = begin_work()
    thread = threading.Thread(target=wait)
    thread.start()
    while spinning and not ended:
        sum(n for n in range(100))  # bytecode: a call into C that is as short would not hold the lock as long
    thread.join()
    return ended - begin


def _forget_peak() -> None:
    """Let the peak of this process's memory begin anew; where that cannot be, the old one stays."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass


def _memory(field: str) -> float:
    """MB of this process as Linux counts them; 0 elsewhere."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            found = [line.split()[1] for line in file if line.startswith(field + ":")]
    except OSError:
        return 0.0
    return int(found[0]) * 1024 / 1e6 if found else 0.0
