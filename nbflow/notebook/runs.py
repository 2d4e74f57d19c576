"""Lists of numbers as they travel to the page: what is counted up evenly takes three numbers, however long it is.

The tasks of ten thousand calls are `[0, 10000, 1]` then, and not 60 KB. Pure; the page unpacks them
(`cases/runs.json`).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence


def packed(numbers: Sequence[int]) -> list[int]:
    """Runs of (first, how many, step), one after the other.

    >>> packed([3, 4, 5, 9, 20, 31])
    [3, 3, 1, 9, 3, 11]
    """
    runs: list[int] = []
    place, count = 0, len(numbers)
    if count > 1 and (step := numbers[1] - numbers[0]):
        # most are one run, and to compare them at once takes a twentieth of looking at each
        even = range(numbers[0], numbers[0] + count * step, step)
        if all(map(operator.eq, numbers, even)):
            return [numbers[0], count, step]
    while place < count:
        first = numbers[place]
        step = numbers[place + 1] - first if place + 1 < count else 1
        end = place + 1
        while end < count and numbers[end] - numbers[end - 1] == step:
            end += 1
        runs += (first, end - place, step)
        place = end
    return runs
