"""The smallest task that pays: METG(50 %), minimum effective task granularity, of Task Bench. Pure.

At the METG a system gives half of the throughput that it would give if scheduling cost nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable


class NeverReached(Exception):
    """Not even tasks of the largest size gave enough throughput."""


def metg(
    efficiency: Callable[[float], float],
    start: float,
    *,
    enough: float = 0.5,
    precision: float = 1.1,
    smallest: float = 2e-6,
    largest: float = 0.05,
) -> float:
    """The smallest grain, in seconds of a task, at which `efficiency(grain)` is `enough`.

    From `start` the grain is doubled or halved until it is bracketed, then bisected, on a scale of ratios, until both
    ends are within `precision` of each other. `smallest` is returned if even that is enough.

    Raises NeverReached: `largest` is not enough.
    """
    if efficiency(start) >= enough:
        high = start
        while efficiency(low := high / 2) >= enough:
            high = low
            if high <= smallest:
                return smallest
    else:
        low = start
        while efficiency(high := low * 2) < enough:
            low = high
            if low >= largest:
                raise NeverReached(f"tasks of {low:.3g} s do not reach {enough:.0%}")
    while high / low > precision:
        middle = math.sqrt(high * low)
        if efficiency(middle) >= enough:
            high = middle
        else:
            low = middle
    return high
