"""Whom to end when memory runs short: one worker at a time, the one that has most, and only where it helps.

The system would end some process once nothing is left, which may be the notebook's kernel. So a little is kept free:
5 % of what there is, at most 256 MB, about what one process can fill between two looks. Pure: figures and the time
come in, the number of a worker comes out.

A machine may be short of memory because of other programs. Then nobody is ended for nothing:
- not where the workers together have less than a tenth of it: others have it;
- no worker that has little, see `worth`: its end would not be felt;
- after one was ended, no other one until what it had has come back, at least half of it. If that does not happen,
  others take what is freed, and nobody is ended until there was enough again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

LITTLE = 50_000_000  # bytes, about what a worker has that has only imported a library or two
KEPT_FREE = 0.05  # of all memory
KEPT_AT_MOST = 256_000_000  # bytes
SHARE = 0.1  # of all memory, which the workers must have together
SETTLED = 0.5  # seconds until what a process had is given back for certain; looks in between do not count


def kept_free(total: int) -> int:
    """How much of so many bytes stays free."""
    return min(int(total * KEPT_FREE), KEPT_AT_MOST)


def worth(total: int) -> int:
    """What a worker must have for its end to be worth it, in bytes."""
    return max(LITTLE, kept_free(total) // 2, total // 100)


class Load(NamedTuple):
    """What a worker has. `task`: whether it is at work; one that is not is replaced at no loss."""

    worker: int
    memory: int  # bytes
    task: bool = True


class _Ended(NamedTuple):
    """The worker that was ended last."""

    memory: int  # bytes, what it had
    free: int  # bytes, before
    at: float


class Scarcity:
    """The state of one store of memory."""

    def __init__(self) -> None:
        self._ended: _Ended | None = None  # and there was not enough free memory since
        self._best = 0  # bytes, the most that was free since

    def whom(self, free: int, total: int, loads: Iterable[Load], now: float) -> int | None:
        """The worker to end now, of `total` bytes of which `free` are; None = nobody. Whoever asks ends it."""
        if free >= kept_free(total):
            self._ended = None
            return None
        if self._ended is not None:
            self._best = max(self._best, free)
            helped = self._best - self._ended.free >= self._ended.memory // 2
            if not helped or now - self._ended.at < SETTLED:
                return None
        loads = tuple(loads)
        if sum(load.memory for load in loads) < SHARE * total:
            return None
        heavy = [load for load in loads if load.memory >= worth(total)]
        enough = kept_free(total) - free  # where an idle one has that, no task need end
        chosen = max(
            heavy, key=lambda load: (not load.task and load.memory >= enough, load.memory), default=None
        )
        if chosen is None:
            return None
        self._ended, self._best = _Ended(chosen.memory, free, now), 0
        return chosen.worker
