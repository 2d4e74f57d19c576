"""What the workers did when: a lane for each worker, a bar for each time that a task was there.

Pure. Bars too short to be seen are joined with their neighbours, so that the strip stays small for any number of tasks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import msgspec

from nbflow.core.states import State
from nbflow.notebook.marks import RETRYING, mark_of
from nbflow.wire.rows import TaskRow

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
    lanes: defaultdict[int, list[_Visit]] = defaultdict(list)
    for index, row in enumerate(rows):
        if row.runs:
            for run in row.runs:
                mark = mark_of(row, silent) if run.state is None else int(run.state)
                lanes[run.worker].append((run.begin, run.end, mark, index))
        elif row.worker is None or not row.started or row.recalled:
            continue
        elif row.ended or row.state is _RUNNING:
            lanes[row.worker].append((row.started, row.ended, mark_of(row, silent), index))
    last = max([start, *(end or now for lane in lanes.values() for _, end, _, _ in lane)])
    finest = max(last - start, 0.001) * max(len(lanes), 1) / MOST_BARS
    return Timeline(
        span=round(last - start, 3),
        lanes=[Lane(worker, _joined(sorted(lanes[worker]), start, finest)) for worker in sorted(lanes)],
    )


_Visit = tuple[float, float, int, int]  # beginning and end (0.0: it is still there), mark, index of the task


def _joined(visits: Iterable[_Visit], start: float, finest: float) -> list[Bar]:
    """The bars: those of the same mark are one where neither they nor the gap between them could be seen apart."""
    joined: list[Bar] = []
    # the bar that the next one may be joined with; until = 0.0: none
    first, until, before, task = 0.0, 0.0, -1, -1
    for begin, end, mark, index in visits:
        if until and end and begin - until < finest and mark != RETRYING:
            short = end - begin
            # A failure is what one looks for: nothing swallows it, and it swallows nothing.
            if (before == mark and (short < finest or until - first < finest)) or (
                short < finest / 4 and before != _FAILED and mark != _FAILED
            ):
                if end > until:
                    until = end
                continue
        if task >= 0:
            joined.append(_bar(first - start, until and until - start, before, task))
        first, until, before, task = begin, end, mark, index
    if task >= 0:
        joined.append(_bar(first - start, until and until - start, before, task))
    return joined


def _bar(begin: float, end: float, mark: int, task: int) -> Bar:
    return round(begin, 3), round(end, 3) if end else -1.0, mark, task
