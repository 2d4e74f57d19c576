"""`python -m benchmarks.scale`: what a task costs as there are more of them, up to a million. Takes some minutes.

nbflow alone, each row in a process of its own; then the core alone (`benchmarks.core`). Writes `results/scale.*`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks import core, machine, plots
from benchmarks.processes import PeerFailed, PeerProcess, Skipped
from benchmarks.report import DIRECTORY
from benchmarks.results import OURS, Results
from benchmarks.rows import factor, grid, sign, us

PATIENCE = 600.0  # seconds that one of them may take
FLAT = 1.5  # times the cost at the smallest number, that at the largest may be
LEAST = 10_000
WARM = 5000
TITLES = {
    "scale_kept": "bag, all futures kept",
    "scale_dropped": "bag, no future kept",
    "fan_in": "one call needs all",
    "fan_out": "all need one call",
    "long_chain": "chain",
}
BYTES = {"scale_kept": 1500, "scale_dropped": 500}
CORE = "core alone, a move"


def measure(most: int, least: int, graph: int, results: Results, works: Iterable[str] = TITLES) -> None:
    """Flows of nbflow: bags of up to `most`, graphs of up to `graph` tasks."""
    for work in works:
        largest = most if work in BYTES else graph
        for count in sizes(least, largest):
            print(f"{TITLES[work]}: {count:,}", file=sys.stderr)
            try:
                with PeerProcess(OURS, sys.executable) as process:
                    process.ask("bag", {"count": min(WARM, least)}, PATIENCE)
                    figures = process.ask(work, {"count": count}, PATIENCE)
            except (PeerFailed, Skipped) as why:
                results.note(OURS, f"{work} {count}", str(why))
                continue
            results.add(OURS, f"{work} {count}", figures)


def sizes(least: int, most: int) -> list[int]:
    """Both, and a round number half-way between them on a scale of ratios."""
    return sorted({least, int(float(f"{(least * most) ** 0.5:.1g}")), most})


def costs(results: Results) -> dict[str, dict[int, float]]:
    """Seconds a task (of the core: a move) by number of tasks, line by line."""
    lines: dict[str, dict[int, float]] = {}
    for work, title in {**TITLES, "core": CORE}.items():
        for name in results.samples.get(OURS, {}):
            first, _, size = name.partition(" ")
            value = results.median(OURS, name)
            if first == work and size.isdigit() and value is not None:
                lines.setdefault(title, {})[int(size)] = value
    return lines


def table(results: Results) -> str:
    """The cost by number, how flat it is, and what a task leaves behind."""
    rows = [_flat_row(title, line) for title, line in costs(results).items()]
    flat = grid(["", "few", "many", f"ratio, bar {FLAT} ×", ""], rows)
    left = []
    for work, most in BYTES.items():
        sizes = costs(results).get(TITLES[work], {})
        if sizes and (found := results.median(OURS, f"{work} {max(sizes)} bytes")) is not None:
            parts = (
                results.median(OURS, f"{work} {max(sizes)} bytes {part}") for part in ("client", "scheduler")
            )
            client, scheduler = (f"{part or 0:,.0f} B" for part in parts)
            left.append(
                [TITLES[work], client, scheduler, f"{found:,.0f} B", f"≤ {most:,} B", sign(found <= most)]
            )
    memory = grid(["a finished task leaves", "client", "scheduler", "both", "bar", ""], left)
    return f"{flat}\n\n{memory}"


def _flat_row(title: str, line: Mapping[int, float]) -> list[str]:
    few, many = min(line), max(line)
    ratio = line[many] / line[few]
    cells = [f"{us(line[n])} ({n:,})" for n in (few, many)]
    return [title, *cells, factor(ratio), sign(ratio <= FLAT and few < many)]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="make bench-scale", description=__doc__)
    parser.add_argument("--most", type=int, default=1_000_000, help="tasks of the largest bag")
    parser.add_argument("--graph", type=int, default=100_000, help="tasks of the largest graph")
    parser.add_argument("--least", type=int, default=LEAST, help="tasks of the smallest bag and graph")
    parser.add_argument(
        "--output", default=str(DIRECTORY), metavar="DIRECTORY", help="where results are written"
    )
    asked = parser.parse_args()
    results = Results(machine=machine.describe())
    measure(asked.most, asked.least, asked.graph, results)
    for size, cost in core.measure(sizes(asked.least, asked.most)).items():
        results.add(OURS, f"core {size}", {"": cost})
    results.machine["load after"] = machine.load()
    directory = Path(asked.output)
    results.save(directory / "scale.json")
    plots.scale(costs(results), directory / "scale.png")
    about = "\n".join(f"- {name}: {value}" for name, value in results.machine.items())
    notes = "\n".join(f"- {what}: {why}" for what, why in results.notes.get(OURS, {}).items())
    parts = [
        "# nbflow, up to a million tasks",
        "Made by `make bench-scale`; one run of each.",
        table(results),
    ]
    parts += ["![cost by number of tasks](scale.png)", "## The machine", about, notes]
    page = "\n\n".join(part for part in parts if part) + "\n"
    (directory / "scale.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
