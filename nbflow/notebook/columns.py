"""What the table and the timeline know of each task beyond its mark: a column for each fact, a place for each task.

Pure bookkeeping, in the board's order. Two records travel to the page: `Fixed`, what only a new task changes, and
`Moving`, what changes while tasks run. Numbers travel as bytes, little end first: two for an app, four for a worker,
an attempt, a peak (in KiB) and a time (milliseconds after the flow's start and one more; 0 = not yet).

Ready is when the last need had ended: the rows do not tell it, but it follows from them.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence

import msgspec

from nbflow.core.states import State
from nbflow.legible import shorten
from nbflow.wire.rows import Run, TaskRow

MOST_APPS = 65_536
MOST_NOTES = 500
"""Tasks whose error is told: those that failed first."""
MOST_TRANSFERS = 5000
"""Tasks of which it is told how long values were on their way."""
MOST_RUNS = 5000
"""Tasks of which more than one run is told."""
_MOST_DETAIL, _MOST_NOTE = 60, 120
_ALL_DETAILS = 1_000_000  # characters: of very many tasks each has fewer
_LARGEST = 2**32 - 1

Told = tuple[int, int, int, int]
"""A run: its worker, beginning and end (-1: it is still there) in milliseconds after the flow's start, and what came of
it, as a mark (-1: what became of its task)."""


class Fixed(msgspec.Struct, frozen=True):
    """What is known of a task once it is called. `app` holds places in `apps`."""

    apps: list[str]
    app: bytes
    submitted: bytes
    details: list[str]

    @property
    def size(self) -> int:
        """Bytes on the way to the page, about."""
        texts = sum(map(len, self.details)) + 3 * len(self.details)
        return len(self.app) + len(self.submitted) + texts


class Moving(msgspec.Struct, frozen=True):
    """What becomes known while it runs. By place: `notes`, errors in a line; `transfers` and `runs`, see below."""

    ready: bytes
    started: bytes
    ended: bytes
    worker: bytes
    attempt: bytes
    peak: bytes
    notes: dict[str, str]
    transfers: dict[str, tuple[int, int]]
    runs: dict[str, list[Told]]

    @property
    def size(self) -> int:
        """Bytes on the way to the page, about."""
        texts = sum(map(len, self.notes.values()))
        runs = sum(map(len, self.runs.values()))
        return 6 * len(self.ready) + texts + 20 * (len(self.transfers) + len(self.runs) + runs)


class Columns:
    """The columns of all tasks of a flow that began at `start` (seconds since the epoch)."""

    def __init__(self, start: float) -> None:
        self.start = start
        self._place: dict[int, int] = {}  # of each task's id
        self._apps: dict[str, int] = {}
        self._app = array("H")
        self._details: list[str] = []
        self._submitted, self._ready, self._started, self._ended = (array("I") for _ in range(4))
        self._worker, self._attempt, self._peak = (array("I") for _ in range(3))
        self._notes: dict[int, str] = {}
        self._transfers: dict[int, tuple[int, int]] = {}
        self._runs: dict[int, list[Told]] = {}
        self._needs: list[tuple[int, ...]] = []
        # by the need's id: the places of those that are not ready
        self._dependants: dict[int, list[int]] = {}
        self._fixed: Fixed | None = None

    def update(self, rows: Sequence[TaskRow]) -> None:
        """Take over these rows, new ones in the board's order."""
        for row in rows:
            if row.id not in self._place:
                self._add(row)
        asked: dict[int, None] = {}  # places that may have become ready
        for row in rows:
            place = self._place[row.id]
            if self._needs[place] != row.needs:
                self._await(place, row)
            if not self._ready[place]:
                asked[place] = None
            self._started[place] = self._time(row.started)
            self._ended[place] = self._time(row.ended)
            self._worker[place] = min(row.worker or 0, _LARGEST)
            self._attempt[place] = min(row.attempt, _LARGEST)
            self._peak[place] = min(row.peak >> 10, _LARGEST)
            self._note(place, row)
            self._transfer(place, row)
            self._tell_runs(place, row)
            if row.state.ended:
                asked.update(dict.fromkeys(self._dependants.pop(row.id, ())))
        for place in asked:
            self._look_whether_ready(place)

    def _add(self, row: TaskRow) -> None:
        self._fixed = None
        place = self._place[row.id] = len(self._app)
        app = shorten(row.app)
        if app not in self._apps and len(self._apps) == MOST_APPS:
            app = "…"  # nobody tells so many apart
            self._apps.setdefault(app, MOST_APPS - 1)
        self._app.append(self._apps.setdefault(app, len(self._apps)))
        self._details.append(shorten(row.detail, _MOST_DETAIL))
        self._submitted.append(self._time(row.submitted))
        for column in (self._ready, self._started, self._ended, self._worker, self._attempt, self._peak):
            column.append(0)
        self._needs.append(())
        self._await(place, row)

    def _await(self, place: int, row: TaskRow) -> None:
        self._needs[place] = row.needs
        if not self._ready[place]:
            for need in row.needs:
                self._dependants.setdefault(need, []).append(place)

    def _look_whether_ready(self, place: int) -> None:
        """It is ready since the end of its last need. A need that nobody knows has ended long ago."""
        ready = self._submitted[place]
        for need in self._needs[place]:
            other = self._place.get(need)
            if other is not None:
                if not self._ended[other]:
                    return
                ready = max(ready, self._ended[other])
        # a task may be sent ahead of its need's end, and what a join has called are its needs at last
        self._ready[place] = min(ready, self._started[place] or ready)

    def _note(self, place: int, row: TaskRow) -> None:
        wrong = row.failed or (row.state.ended and row.state is not State.DONE)
        if not (wrong and row.note):
            self._notes.pop(place, None)  # it is tried again
        elif place in self._notes or len(self._notes) < MOST_NOTES:
            self._notes[place] = shorten(row.note, _MOST_NOTE)

    def _transfer(self, place: int, row: TaskRow) -> None:
        """Milliseconds at its bar's beginning to load function and arguments, and at its end to put the result away."""
        if row.transfer is None:
            self._transfers.pop(place, None)
        elif place in self._transfers or len(self._transfers) < MOST_TRANSFERS:
            self._transfers[place] = round(row.transfer.fetch * 1000), round(row.transfer.store * 1000)

    def _tell_runs(self, place: int, row: TaskRow) -> None:
        """They are drawn in place of a bar from the task's beginning to its end."""
        if not row.runs:
            self._runs.pop(place, None)
        elif place in self._runs or len(self._runs) < MOST_RUNS:
            self._runs[place] = [self._told(run) for run in row.runs]

    def _told(self, run: Run) -> Told:
        return (
            run.worker,
            self._time(run.begin) - 1,
            self._time(run.end) - 1,
            -1 if run.state is None else int(run.state),
        )

    def _time(self, at: float) -> int:
        return min(_LARGEST, max(1, round((at - self.start) * 1000) + 1)) if at else 0

    def fixed(self) -> Fixed:
        """What only a new task changes; the same object as long as there is none."""
        if self._fixed is None:
            most = _ALL_DETAILS // len(self._details) if self._details else _MOST_DETAIL
            details = (
                [shorten(text, most) for text in self._details] if most < _MOST_DETAIL else self._details
            )
            self._fixed = Fixed(list(self._apps), _bytes(self._app), _bytes(self._submitted), list(details))
        return self._fixed

    def moving(self) -> Moving:
        """What changes while tasks run."""
        columns = (self._ready, self._started, self._ended, self._worker, self._attempt, self._peak)
        notes = {str(place): note for place, note in self._notes.items()}
        ready, started, ended, worker, attempt, peak = map(_bytes, columns)
        transfers = {str(place): spans for place, spans in self._transfers.items()}
        runs = {str(place): told for place, told in self._runs.items()}
        return Moving(ready, started, ended, worker, attempt, peak, notes, transfers, runs)


def _bytes(column: array[int]) -> bytes:
    if sys.byteorder == "big":
        column = array(column.typecode, column)
        column.byteswap()
    return column.tobytes()
