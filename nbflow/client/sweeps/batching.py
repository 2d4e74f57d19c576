"""How many items of a sweep travel as one task, and how many such tasks are under way. Pure arithmetic.

It begins with single items, which tell how long one takes, and grows from there until a chunk takes about `TARGET`
seconds, but never so far that there would not be several left for each worker: near the end chunks become small again,
so that no worker has much to do when the others have nothing.
"""

from __future__ import annotations

import math

TARGET = 0.02  # seconds that a chunk is to take
SHORTEST = 0.0005  # seconds below which a chunk would cost more on its way than it gains by being small
GROWTH = 16  # times the last chunk that a chunk may be at most
SHARES = 3  # chunks that are left for each worker, at least, while there are so many items
AHEAD = 2  # chunks for each worker that are under way: one runs, the others wait for its end
MOST_AHEAD = 32  # the same where the user says how large they are
MOST_BYTES = 1 << 20  # of a chunk's arguments, or results, beyond its first item
MOST_ITEMS = 1 << 16


class Batching:
    """The sizes of one sweep's chunks. `fixed`: what the user says, None = as measured."""

    def __init__(self, workers: int, fixed: int | None = None) -> None:
        self.workers = max(1, workers)  #: that there are
        self._fixed = fixed
        self._grown = 1  # what a chunk may have at most for all that is known
        self._seconds: float | None = None  # an item takes, a moving mean
        self._bytes = 0.0  # an item has, the larger one of what is sent and what comes back

    def next_size(self, left: int) -> int:
        """How many of `left` items (at least 1) to send next."""
        if self._fixed is not None:
            return min(left, self._fixed)
        share = math.ceil(left / (self.workers * SHARES))
        worthwhile = 1 if self._seconds is None else int(min(left, SHORTEST / self._seconds))
        return max(1, min(left, max(share, worthwhile), self._grown))

    @property
    def most_under_way(self) -> int:
        """How many chunks may be under way at a time."""
        # those of a given size may be short, so that more of them are needed lest workers wait for the next ones
        return self.workers * (AHEAD if self._fixed is None else MOST_AHEAD) + 1

    def ended(self, items: int, seconds: float, size: int) -> None:
        """A chunk of so many items took so many seconds, and its arguments or results so many bytes."""
        seconds, size_of_one = max(seconds, 1e-9) / items, size / items
        before = self._seconds
        # a long one counts at once: what comes may be like it
        self._seconds = seconds if before is None or seconds > before else (before + seconds) / 2
        self._bytes = max(self._bytes, size_of_one)
        fits = min(TARGET / self._seconds, MOST_BYTES / max(self._bytes, 1e-9), MOST_ITEMS)
        self._grown = max(1, min(int(fits), max(self._grown, items * GROWTH)))
