"""`python -m benchmarks [--rounds N]`: measure, print a table in Markdown, and say which bars are reached.

How long nbflow takes when something goes wrong, is measured by `python -m benchmarks.faults`.
"""

from __future__ import annotations

import argparse
import statistics
from concurrent.futures import ProcessPoolExecutor

import nbflow
from benchmarks import workloads as work
from benchmarks.rows import Row, ms, show, us
from nbflow import Config, ProcessExecutor, python_app

WORKERS = 2
CHAIN_BAR = (
    120 / 157
)  # 120 us a link, on a machine where the pool's chain takes 157 us: seconds differ, ratios hold


def measure(rounds: int) -> dict[str, list[float]]:
    """All figures in seconds, round by round, each pair in turn."""
    figures: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        figures.setdefault(name, []).append(value)

    app = python_app(work.noop)
    with ProcessPoolExecutor(WORKERS) as pool:  # forks its workers first, before there are threads
        list(pool.map(work.noop, range(100)))

        def to_pool(x: object) -> object:
            return pool.submit(work.noop, x)

        with nbflow.DataFlowKernel(Config([ProcessExecutor(max_workers=WORKERS)])):
            for _ in range(100):
                app(0).result()
            for _ in range(rounds):
                for name in ("bag", "round_trip", "submit"):
                    note(f"pool {name}", getattr(work, name)(to_pool))
                    note(f"ours {name}", getattr(work, name)(app))
                note("pool chain", work.linked(to_pool))  # type: ignore[arg-type]
                note("ours chain", work.chain(app))
                note("ours chain_while_busy", work.chain_while_busy(app))
    for _ in range(rounds):
        note("import", work.fresh(work.IMPORT))
        note("names", work.fresh(work.NAMES))
        note("first result", work.fresh(work.FIRST_RESULT))
    return figures


def table(figures: dict[str, list[float]]) -> list[Row]:
    """The rows, with the bars that nbflow is held to."""
    ours = {name[5:]: statistics.median(v) for name, v in figures.items() if name.startswith("ours ")}
    pool = {name[5:]: statistics.median(v) for name, v in figures.items() if name.startswith("pool ")}
    # ratios of neighbours in the same round, so that a slow minute weighs on both
    ratio = {
        n: statistics.median(p / o for p, o in zip(figures[f"pool {n}"], figures[f"ours {n}"], strict=True))
        for n in pool
    }
    busy = statistics.median(
        b / i for b, i in zip(figures["ours chain_while_busy"], figures["ours chain"], strict=True)
    )
    start, names, first = (statistics.median(figures[name]) for name in ("import", "names", "first result"))
    return [
        Row(
            "bag of 10,000, tasks/s",
            f"{1 / ours['bag']:,.0f}",
            f"{1 / pool['bag']:,.0f}",
            f"4 times the pool: {ratio['bag']:.1f}",
            ratio["bag"] >= 4,
        ),
        Row(
            "one call and its result",
            us(ours["round_trip"]),
            us(pool["round_trip"]),
            f"at most the pool's: {1 / ratio['round_trip']:.2f} of it",
            ratio["round_trip"] >= 1,
        ),
        Row(
            "chain of 1,000, a link",
            us(ours["chain"]),
            us(pool["chain"]),
            f"{CHAIN_BAR:.2f} of the pool's: {1 / ratio['chain']:.2f} of it",
            1 / ratio["chain"] <= CHAIN_BAR,
        ),
        Row(
            "the same, main thread busy",
            us(ours["chain_while_busy"]),
            "",
            f"2 times idle: {busy:.2f}",
            busy <= 2,
        ),
        Row("app() returns", us(ours["submit"]), us(pool["submit"]), "20 us", ours["submit"] < 20e-6),
        Row("import nbflow", ms(start), "", "150 ms", start < 0.15),
        Row("the names that a program uses", ms(names), "", "in the next row", first < 1),
        Row("load() to the first result", ms(first), "", "1 s", first < 1),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds of every figure; medians are shown")
    rounds = parser.parse_args().rounds
    rows = table(measure(rounds))
    show(rows, "work, 2 workers", "process pool", f"medians of {rounds} rounds")


if __name__ == "__main__":
    main()
