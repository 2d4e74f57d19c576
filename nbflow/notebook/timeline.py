"""What the workers did when: a lane for each worker, a bar for each task that ran.

Pure. Bars too short to be seen are joined with their neighbours, so that the strip stays small for any number of tasks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from nbflow.core.states import State
from nbflow.notebook.marks import RETRYING, ended, mark_of
from nbflow.wire.rows import TaskRow

MOST_BARS = 1_200
"""In all lanes together, about."""

Bar = tuple[float, float, int, int]
"""Start and end in seconds after the timeline's start (end -1.0: still running), mark, index of the task."""


class Lane(msgspec.Struct, frozen=True):
    """One worker's bars in order of time."""

    worker: int
    bars: list[Bar]


class Timeline(msgspec.Struct, frozen=True):
    """`span` is how many seconds it covers while no task runs."""

    span: float
    lanes: list[Lane]


def timeline(rows: Sequence[TaskRow], start: float, now: float, silent: Collection[int] = ()) -> Timeline:
    """The strip of `rows`, from `start` on, as it stands at `now` (both seconds since the epoch).

    `silent`: the workers that do not respond.
    """
    lanes: dict[int, list[Bar]] = {}
    last = start
    for index, row in enumerate(rows):
        if row.worker is None or not row.started or row.recalled:
            continue
        mark = mark_of(row, silent)
        # A join whose body has run waits for what it called: its worker does something else.
        if not ended(mark) and not row.ended and row.state is not State.RUNNING:
            continue
        end = row.ended - start if row.ended else -1.0
        lanes.setdefault(row.worker, []).append((round(row.started - start, 3), round(end, 3), mark, index))
        last = max(last, row.ended or now)
    finest = max(last - start, 0.001) * max(len(lanes), 1) / MOST_BARS
    return Timeline(
        span=round(last - start, 3),
        lanes=[Lane(worker, _joined(sorted(lanes[worker]), finest)) for worker in sorted(lanes)],
    )


def _joined(bars: Iterable[Bar], finest: float) -> list[Bar]:
    """Bars of the same mark are one where neither they nor the gap between them could be seen apart."""
    joined: list[Bar] = []
    for bar in bars:
        start, end, mark, _ = bar
        if joined and mark != RETRYING:
            first, until, before, task = joined[-1]
            small = (
                end >= 0
                and until >= 0
                and min(until - first, end - start) < finest
                and start - until < finest
            )
            # A failure is what one looks for: nothing swallows it, and it swallows nothing.
            hidden = State.FAILED not in (before, mark) and end - start < finest / 4
            if small and (before == mark or hidden):
                joined[-1] = (first, max(until, end), before, task)
                continue
        joined.append(bar)
    return joined
