"""What the workers did when: a lane for each worker, a bar for each time that a task was there.

Pure. Bars too short to be seen are joined with their neighbours, so that the strip stays small for any number of tasks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from nbflow.core.states import State
from nbflow.notebook.marks import RETRYING, mark_of
from nbflow.wire.rows import Run, TaskRow

MOST_BARS = 1_200
"""In all lanes together, about."""
_FAILED, _RUNNING = State.FAILED, State.RUNNING

Bar = tuple[float, float, int, int]
"""Start and end in seconds after the timeline's start, to the millisecond (end -1.0: still running), mark, index of
the task."""


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
        if row.runs:
            visits = [_visit(row, run, silent) for run in row.runs]
        elif (
            row.worker is None or not row.started or row.recalled or not (row.ended or row.state is _RUNNING)
        ):
            continue
        else:
            visits = [(row.worker, row.started, row.ended, mark_of(row, silent))]
        for worker, begin, until, mark in visits:
            if (lane := lanes.get(worker)) is None:
                lane = lanes[worker] = []
            lane.append((begin - start, until - start if until else -1.0, mark, index))
            if (until := until or now) > last:
                last = until
    finest = max(last - start, 0.001) * max(len(lanes), 1) / MOST_BARS
    return Timeline(
        span=round(last - start, 3),
        lanes=[Lane(worker, _joined(sorted(lanes[worker]), finest)) for worker in sorted(lanes)],
    )


def _visit(row: TaskRow, run: Run, silent: Collection[int]) -> tuple[int, float, float, int]:
    """Worker, beginning, end (0.0: it is still there) and mark."""
    return run.worker, run.begin, run.end, mark_of(row, silent) if run.state is None else int(run.state)


def _joined(bars: Iterable[Bar], finest: float) -> list[Bar]:
    """Bars of the same mark are one where neither they nor the gap between them could be seen apart."""
    joined: list[Bar] = []
    # the bar that the next one may be joined with; until < 0: none
    first, until, before, task = 0.0, -1.0, -1, -1
    for start, end, mark, index in bars:
        if until >= 0 and end >= 0 and start - until < finest and mark != RETRYING:
            short = end - start
            # A failure is what one looks for: nothing swallows it, and it swallows nothing.
            if (before == mark and (short < finest or until - first < finest)) or (
                short < finest / 4 and before != _FAILED and mark != _FAILED
            ):
                until = max(until, end)
                continue
        if task >= 0:
            joined.append((round(first, 3), round(until, 3), before, task))
        first, until, before, task = start, end, mark, index
    if task >= 0:
        joined.append((round(first, 3), round(until, 3), before, task))
    return joined
