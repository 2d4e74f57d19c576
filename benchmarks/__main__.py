"""`python -m benchmarks [--peers]`: measure, print the tables, and say which bars are reached.

Without `--peers`: nbflow beside the standard library's pool, in two minutes. With it: all peers, each in an environment
of its own that is made first if need be, in a quarter of an hour; the results go to `benchmarks/results/`, and some of
them to the README.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import core
from benchmarks.bars import judge
from benchmarks.catalogue import PEERS, WORKS
from benchmarks.report import DIRECTORY, README, bars, figures, machine, missing, summary, write
from benchmarks.results import OURS, Results
from benchmarks.rounds import Measuring

QUICK = ("nbflow", "pool")
CORE_QUICK = (10_000, 100_000)


def main(arguments: Sequence[str] | None = None) -> Results:
    """Measure and print; the results."""
    asked = _parser().parse_args(arguments)
    peers = tuple(asked.only or (PEERS if asked.peers else QUICK))
    works = [work for work in WORKS if work.quick or asked.peers]
    if asked.work:
        works = [work for work in works if work.name in asked.work]
    rounds = asked.rounds or (1 if asked.tiny else 3)
    minutes = asked.minutes or (12.0 if asked.peers else 2.0)
    measuring = Measuring(peers, works, tiny=asked.tiny, say=lambda text: print(text, file=sys.stderr))
    results = measuring.run(rounds, starts=1 if asked.tiny else 3, minutes=minutes)
    if not asked.peers and not asked.work:
        _add_core(results, asked.tiny)
    directory = Path(asked.output) if asked.output else DIRECTORY
    if asked.peers or asked.output:
        results.save(directory / "peers.json")  # first: whatever becomes of the report, it can be made anew
    verdicts = [v for v in judge(results) if v.found is not None or not asked.work]
    print(
        "\n\n".join([machine(results), figures(results), bars(verdicts), summary(verdicts), missing(results)])
    )
    if asked.peers or asked.output:
        write(results, directory, readme=None if asked.output or asked.only or asked.work else README)
    return results


def _add_core(results: Results, tiny: bool) -> None:
    per_move = core.measure((200, 400), 10, 1) if tiny else core.measure(CORE_QUICK)
    results.add(OURS, "core", {f"{size:,}": cost for size, cost in per_move.items()})
    results.add(OURS, "core flatness", {"": core.flatness(per_move)})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--peers", action="store_true", help="all peers; writes results and the README's table"
    )
    parser.add_argument("--only", nargs="+", choices=PEERS, help="these peers")
    parser.add_argument(
        "--work", nargs="+", metavar="NAME", choices=[w.name for w in WORKS], help="this work alone"
    )
    parser.add_argument("--rounds", type=int, help="rounds at most; else 3")
    parser.add_argument(
        "--minutes", type=float, help="no round begins that would end later; else 2, with --peers 12"
    )
    parser.add_argument("--output", metavar="DIRECTORY", help="write results there, and not to the README")
    parser.add_argument(
        "--tiny", action="store_true", help="next to nothing of everything: does it run at all?"
    )
    return parser


if __name__ == "__main__":
    main()
