"""`python -m tools.chaos`: rounds of 2,000 tasks under attack, for as long as was asked for; then the figures.

Ends with 1 if anything was lost or left behind, or if nobody was killed, which would show nothing.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import time

from tools.chaos.rounds import Figures, play


def main(arguments: list[str] | None = None) -> int:
    """Play rounds, print what came of them."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--seconds",
        type=float,
        default=120.0,
        help="attack for so long; the last round then ends in peace (default: 120)",
    )
    parser.add_argument("--seed", type=int, default=None, help="of the first round (default: a random one)")
    parser.add_argument("--tasks", type=int, default=2000, help="of a round (default: 2000)")
    options = parser.parse_args(arguments)
    seed = random.randrange(10**6) if options.seed is None else options.seed
    os.environ["NBFLOW_VALIDATE"] = "1"
    errors = logging.StreamHandler()  # the last words of a scheduler that dies are told there
    errors.setLevel(logging.ERROR)
    logging.getLogger("nbflow").addHandler(errors)
    begun = time.monotonic()
    total = Figures()
    rounds = 0
    while not rounds or (time.monotonic() - begun < options.seconds and not total.lost):
        at = time.monotonic()
        round_ = play(seed + rounds, options.tasks, begun + options.seconds)
        print(f"seed {seed + rounds}: {in_words(round_)} ({time.monotonic() - at:.0f} s)", flush=True)
        total.add(round_)
        rounds += 1
    print(f"\n{rounds} rounds: {in_words(total)}")
    for line in (*total.lost, *total.left):
        print(f"  {line}")
    killed = total.attacks["kill"] + total.attacks["kill all"]
    if not killed:
        print("nobody was killed: that shows nothing")
    return 1 if total.lost or total.left or not killed else 0


def in_words(figures: Figures) -> str:
    """The figures in a line."""
    attacks = figures.attacks
    said = [
        f"{figures.tasks} tasks",
        f"{attacks['kill'] + attacks['kill all']} workers killed, {attacks['stop']} stopped",
        "harmed by their tasks: " + ", ".join(f"{n} {harm}" for harm, n in sorted(figures.harms.items())),
        f"{attacks['cancel']} cancelled, {figures.cancelled} with those that need them",
        f"{figures.retries} retries",
        f"lost: {len(figures.lost)}, left behind: {len(figures.left)}",
    ]
    return "; ".join(said)


if __name__ == "__main__":
    sys.exit(main())
