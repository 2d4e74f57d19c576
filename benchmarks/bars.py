"""What nbflow is held to, and whether a run's figures reach it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.catalogue import IDLE_MEMORY, START, TITLES
from benchmarks.results import OURS, Results
from benchmarks.rows import factor, mb, per_second, percent, seconds, times, us


@dataclass(frozen=True)
class Bar:
    """A bar. Without `peer` the median of nbflow's own figure is held against it, else the ratio of the two.

    `at_least`: what must not be fallen below, else what must not be exceeded. `than`: the peer's figure divided by
    nbflow's, so that more is better for all that is a time.
    """

    title: str
    figure: str
    limit: float
    peer: str = ""
    at_least: bool = False
    text: Callable[[float], str] = times


@dataclass(frozen=True)
class Verdict:
    """A bar, held against figures. `found` is None where one of them is missing."""

    bar: Bar
    found: float | None
    ours: float | None
    theirs: float | None

    @property
    def reached(self) -> bool:
        """Whether it is; False as well for what was not measured."""
        if self.found is None:
            return False
        return self.found >= self.bar.limit if self.bar.at_least else self.found <= self.bar.limit

    @property
    def wanted(self) -> str:
        """The bar in words."""
        bar = self.bar
        if bar.peer:
            return f"≥ {factor(bar.limit)} {TITLES[bar.peer]}"
        more = bar.at_least or bar.text is per_second  # which writes a time as a rate
        return f"{'≥' if more else '≤'} {bar.text(bar.limit)}"

    @property
    def got(self) -> str:
        """The figure in words."""
        if self.found is None:
            return "not measured"
        return factor(self.found) if self.bar.peer else self.bar.text(self.found)


def than(peer: str, title: str, figure: str, factor_: float) -> Bar:
    """The peer's time is to be at least so many times nbflow's."""
    return Bar(title, figure, factor_, peer, at_least=True)


BAG, METG = "bag of 10,000", "METG(50 %), stencil, width 4"
GRAPHS = ("parsl", "dask", "ray")

BARS = (
    than("pool", BAG, "bag of 10,000", 8),
    *(than(peer, BAG, "bag of 10,000", 40) for peer in GRAPHS),
    Bar("`app()` returns", "submit", 8e-6, text=us),
    Bar("`nbflow.map` of 100,000 items, items/s", "map", 1 / 300_000, text=per_second),
    than("pool", "round trip", "round trip", 2),
    than("pool", "chain of 1,000, a link", "chain", 1 / 0.3),
    Bar("notebook computes: chain of 200, as against idle", "busy chain ratio", 1.5),
    Bar("notebook computes: bag of 2,000, as against idle", "busy bag ratio", 1.5),
    than("pool", METG, "METG stencil", 2),
    *(than(peer, METG, "METG stencil", 20) for peer in GRAPHS),
    than("pool", "10 links of a 100 MB array", "array chain", 6),
    than("ray", "10 links of a 100 MB array", "array chain", 1),
    than("dask", "10 links of a 100 MB array", "array chain", 1),
    Bar("… growth of the caller's process", "array chain grown", 50, text=mb),
    than("ray", "8 consumers of one 100 MB array", "array fan", 1),
    than("dask", "8 consumers of one 100 MB array", "array fan", 1),
    Bar("200 tasks of 20 ms, efficiency", "pieces", 0.97, at_least=True, text=percent),
    Bar("fresh interpreter to first result", START, 0.5, text=seconds),
    Bar("all processes, nothing to do", IDLE_MEMORY, 80, text=mb),
    Bar(
        "core alone, 10,000 workers: cost of a move, dearest by cheapest number of tasks",
        "core flatness",
        1.5,
    ),
    Bar("live graph on, bag of 10,000, of the speed without", "live graph", 0.8, at_least=True, text=percent),
)


def judge(results: Results) -> Iterator[Verdict]:
    """Every bar whose peers took part in this run."""
    for bar in BARS:
        if bar.peer and bar.peer not in results.peers:
            continue
        ours = results.median(OURS, bar.figure)
        theirs = results.median(bar.peer, bar.figure) if bar.peer else None
        if bar.figure == "core flatness" and ours is None:
            continue  # only the quick run plays the core, and the one about scale
        found = results.ratio(bar.peer, bar.figure) if bar.peer else ours
        yield Verdict(bar, found, ours, theirs)
