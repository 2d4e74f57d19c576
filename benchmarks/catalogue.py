"""What is measured: the work, how much of it each peer is given, and how its figures are called and written.

Figures are seconds a task or ratios, so peers that would take minutes are given less to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.rows import mb, ms, per_second, percent, seconds, times, us

Sizes = Mapping[str, Any]

FAST = ("nbflow", "pool", "loky")
PEERS = (*FAST, "dask", "parsl", "ray")
TITLES = {
    "nbflow": "nbflow",
    "pool": "process pool",
    "loky": "loky",
    "dask": "Dask",
    "parsl": "Parsl HTEX",
    "ray": "Ray",
}
START, IDLE_MEMORY = "start", "memory"
"""Figures of a peer that has only just begun: these two are taken from outside."""


@dataclass(frozen=True)
class Work:
    """A workload, and what each peer is given of it.

    `less` are the sizes for some peers, None = not at all. `samples`: taken in each round, in turn. `rounds`: in how
    many it takes part at most. `tiny` is for the tests, `quick`: whether the quick run has it.
    """

    name: str
    does: str  # the function's name in `peers.workloads`
    sizes: Sizes
    tiny: Sizes
    less: Mapping[str, Sizes | None] = field(default_factory=dict)
    samples: int = 1
    rounds: int = 100
    quick: bool = True
    only: tuple[str, ...] = PEERS

    def for_peer(self, peer: str, tiny: bool = False) -> Sizes | None:
        """The sizes for a peer; None: it has no part in this."""
        if peer not in self.only:
            return None
        if tiny:
            return self.tiny
        return self.less.get(peer, self.sizes)


def _slower(dask: Sizes | None, parsl: Sizes | None, ray: Sizes | None) -> dict[str, Sizes | None]:
    return {"dask": dask, "parsl": parsl, "ray": ray}


def _few(sizes: Sizes, **changed: Any) -> dict[str, Sizes | None]:
    less = {**sizes, **changed}
    return {"dask": less, "parsl": less, "ray": less}


def _grain(shape: str, start: float) -> Sizes:
    return {"shape": shape, "width": 4, "steps": 25, "start": start}


def _steps(shape: str, steps: int) -> Sizes:
    return {"shape": shape, "width": 16, "steps": steps}


def _array(links: int) -> Sizes:
    return {"links": links, "megabytes": 100}


def _count(count: int) -> Sizes:
    return {"count": count}


_TINY_STEPS = {"width": 4, "steps": 3}

WORKS = (
    Work("bag of 1,000", "bag", _count(1000), _count(20), samples=3),
    Work(
        "bag of 10,000",
        "bag",
        _count(10_000),
        _count(40),
        _slower(_count(3000), _count(3000), _count(5000)),
        samples=2,
    ),
    Work("bag of 100,000", "bag", _count(100_000), _count(60), _slower(None, None, None), rounds=2),
    Work("submit", "submit", {"calls": 1000}, {"calls": 10}, _few({"calls": 500}), samples=3),
    Work("round trip", "round_trip", {"calls": 500}, {"calls": 5}, _few({"calls": 100}), samples=3),
    Work("chain", "chain", {"links": 1000}, {"links": 5}, _few({"links": 200}), samples=2),
    Work("busy chain", "busy_chain", {"links": 200, "times": 3}, {"links": 4}, _few({"links": 100})),
    Work(
        "busy bag",
        "busy_bag",
        {"count": 2000, "times": 3},
        _count(8),
        _slower(_count(300), _count(500), _count(1000)),
    ),
    Work("tree", "tree", {"leaves": 1024}, {"leaves": 8}, _few({"leaves": 256}), samples=2),
    Work("map-reduce", "map_reduce", {"maps": 5000}, {"maps": 10}, _few({"maps": 1000}), samples=2),
    Work(
        "stencil",
        "steps",
        _steps("stencil", 50),
        {"shape": "stencil", **_TINY_STEPS},
        _few(_steps("stencil", 20)),
        samples=2,
    ),
    Work(
        "fft", "steps", _steps("fft", 50), {"shape": "fft", **_TINY_STEPS}, _few(_steps("fft", 20)), samples=2
    ),
    Work(
        "METG stencil",
        "grain",
        _grain("stencil", 3e-4),
        {**_grain("stencil", 4e-3), "steps": 3, "times": 1, "precision": 9},
        _few(_grain("stencil", 6e-3), times=1),
    ),
    Work(
        "METG fft",
        "grain",
        _grain("fft", 3e-4),
        {**_grain("fft", 4e-3), "steps": 3, "times": 1, "precision": 9},
        _few(_grain("fft", 6e-3), times=1),
        rounds=2,
        quick=False,
    ),
    Work("array chain", "array_chain", _array(10), {"links": 2, "megabytes": 1}, {"parsl": _array(2)}),
    Work(
        "array fan",
        "array_fan",
        {"consumers": 8, "megabytes": 100},
        {"consumers": 2, "megabytes": 1},
        {"parsl": {"consumers": 8, "megabytes": 100}},
    ),
    Work(
        "pieces",
        "pieces",
        {"count": 200, "seconds": 0.02},
        {"count": 4, "seconds": 0.001},
        _few({"count": 100, "seconds": 0.02}),
    ),
    Work("map", "mapped", {"items": 100_000}, {"items": 50}, only=FAST),
    Work("live graph", "live", _count(10_000), {"count": 20, "times": 1}, only=("nbflow",)),
)


@dataclass(frozen=True)
class Shown:
    """A figure as people see it. `text` writes it, unit included."""

    figure: str
    title: str
    text: Callable[[float], str]
    higher: bool = False  # the figure as it is kept: larger is better


SHOWN = (
    Shown(START, "fresh interpreter to first result", seconds),
    Shown(IDLE_MEMORY, "all processes, nothing to do", mb),
    Shown("bag of 1,000", "bag of 1,000, tasks/s", per_second),
    Shown("bag of 10,000", "bag of 10,000, tasks/s", per_second),
    Shown("bag of 100,000", "bag of 100,000, tasks/s", per_second),
    Shown("map", "map of 100,000 items, items/s", per_second),
    Shown("submit", "a call returns, median", us),
    Shown("submit p99", "a call returns, 99 % within", us),
    Shown("round trip", "call and result, median", us),
    Shown("round trip p99", "call and result, 99 % within", us),
    Shown("chain", "chain of 1,000, a link", us),
    Shown("tree", "tree of 1,024 leaves, a task", us),
    Shown("map-reduce", "map-reduce of 5,000, a task", us),
    Shown("stencil", "stencil 16 × 50, a task", us),
    Shown("fft", "FFT 16 × 50, a task", us),
    Shown("METG stencil", "METG(50 %), stencil 4 × 25", us),
    Shown("METG fft", "METG(50 %), FFT 4 × 25", us),
    Shown("busy chain", "notebook computes: chain of 200, a link", us),
    Shown("busy chain ratio", "chain of 200, notebook computes : idle", times),
    Shown("busy bag", "notebook computes: bag of 2,000, a task", us),
    Shown("busy bag ratio", "bag of 2,000, notebook computes : idle", times),
    Shown("array chain", "chain of x + 1, 100 MB, a link", ms),
    Shown("array chain grown", "… memory of the caller's process grows by", mb),
    Shown("array fan", "100 MB to 8 sums", ms),
    Shown("pieces", "200 tasks of 20 ms, efficiency", percent, higher=True),
    Shown("pieces raw", "… if all of two cores were ours", percent, higher=True),
)
