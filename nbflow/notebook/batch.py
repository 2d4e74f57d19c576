"""What one cell has submitted, and how that stands: what the line under the cell tells.

Bookkeeping without threads or pages. Which tasks are a cell's is known by their numbers: those that this process gave
while the cell ran. A task called inside of another one belongs to the cell of its caller. Items of a sweep count in the
place of the tasks that they travel in, and the sweep itself knows best how they stand.

    rows ──> home_of(row): which batch ──> Batch.take(row) ──> Batch.told(now): a `Told`
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nbflow.core.states import State
from nbflow.legible import shorten
from nbflow.notebook.board import Board
from nbflow.notebook.marks import MARKS, RECALLED, ended, sentence, worded
from nbflow.notebook.text import seconds
from nbflow.notebook.timeleft import TimeLeft
from nbflow.numbers import name_of
from nbflow.wire.rows import TaskRow

_EVIDENCE = 0.5
"""Items, or the sum of their fractions, and seconds, from which on it is told how long the rest of them will take."""
_GOOD = {MARKS[State.DONE].word, MARKS[RECALLED].word}
_LONGEST_SAYING = 80
_LONGEST_NOTICE = 300


class Counted(Protocol):
    """What is needed of a `Sweep`."""

    @property
    def number(self) -> int: ...
    @property
    def alone(self) -> Collection[int]: ...
    def done(self) -> bool: ...
    def counts(self) -> Mapping[State, int]: ...


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said once of a batch: that all has ended, or, before that, that something has failed."""

    good: bool
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """A batch at one moment. Times are in seconds."""

    counts: Mapping[str, int]  # by the word of the mark, without zeros
    fraction: float  # how much of it is over, running tasks that say how far they are included; from 0 to 1
    elapsed: float
    left: float | None  # None: nothing tells
    running: bool
    says: str  # what a running task says of itself
    notice: Notice | None  # once there is one, it stays, unless the task that it is about is tried again

    @property
    def sentence(self) -> str:
        """ "61 tasks, 60 done, 1 failed": the same text for the same counts."""
        return sentence(self.counts)


class Batch:
    """The tasks numbered from `first` on, up to `last` (None while the cell runs), and these sweeps.

    `began`: when the first of them was seen, in seconds since the epoch. `timing` makes what tells the time left of a
    board of tasks.
    """

    def __init__(self, first: int, began: float, timing: Callable[[Board], TimeLeft] = TimeLeft) -> None:
        self.first = first
        self.last: int | None = None
        self.sweeps: list[Counted] = []
        self.board = Board()
        self._time = timing(self.board)
        self._began = began
        self._alone: set[int] = set()  # tasks of items that were sent alone
        self._over_at = 0.0
        self._failure: TaskRow | None = None  # the first
        self._notice: Notice | None = None

    def has(self, number: int) -> bool:
        """Whether a task that this process has called is one of the cell's."""
        return number >= self.first and (self.last is None or number <= self.last)

    @property
    def only_task(self) -> int | None:
        """Its task, if it has one alone; None if it has none or more."""
        rows = self.board.rows
        return rows[0].id if len(rows) == 1 and not self.sweeps else None

    def look(self) -> None:
        """See which tasks its sweeps have sent; to be called before rows are taken."""
        self._alone = {task for sweep in self.sweeps for task in sweep.alone}

    def take(self, row: TaskRow) -> None:
        """The newest row of one of its tasks, those called inside of them included."""
        if row.parent is not None or not self._counted_elsewhere(row):
            self._time.changed([row])
            self.board.update([row])
        if _has_failed(row):
            self._failure = self._failure or row
        elif self._failure is not None and self._failure.id == row.id:  # it was tried again
            self._failure = next(filter(_has_failed, self.board.rows), None)
            self._notice = None
        if not row.state.ended and self._failure is None:
            self._notice = None  # that all has ended, which somebody has had one tried again after

    def _counted_elsewhere(self, row: TaskRow) -> bool:
        if row.part is not None:
            return any(row.part.sweep == sweep.number for sweep in self.sweeps)
        return row.id in self._alone

    def told(self, now: float, pending: bool, complete: bool) -> Told:
        """How it stands at `now`, in seconds since the epoch.

        `pending`: futures of it have not ended; rows come later than that is known. `complete`: it is certain that all
        rows are there. Before that it is not said that all has ended.
        """
        tally = list(self.board.tally)
        for sweep in self.sweeps:
            for state, count in sweep.counts().items():
                tally[state] += count
        total, over = sum(tally), sum(count for mark, count in enumerate(tally) if ended(mark))
        running = pending or over < total or not all(sweep.done() for sweep in self.sweeps)
        if not running and not self._over_at:
            self._over_at = now
        elif running:
            self._over_at = 0.0
        elapsed = max(0.0, (now if running else self._end()) - (self.board.started or self._began))
        counts = worded(tally)
        if self._notice is None:
            self._notice = self._noticed(counts, elapsed, complete and total > 0 and not running)
        said = sum(progress.fraction or 0.0 for progress in self.board.progress.values())
        return Told(
            counts,
            (over + said) / total if total else 0.0,
            elapsed,
            self._left(over - tally[RECALLED] + said, total - over - said, now) if running else None,
            running,
            self._says(),
            self._notice,
        )

    def _end(self) -> float:
        """When the last of it ended; the ends of items are not told."""
        return self._over_at if self.sweeps else self.board.last_end

    def _left(self, worked: float, rest: float, now: float) -> float | None:
        """By what is known of its apps; where sweeps are among it, as long as what is over took, in proportion."""
        if not self.sweeps:
            left = self._time.left()
            return None if left is None else left.seconds
        starts = [row.started for row in self.board.rows if row.started]
        busy = now - min(starts, default=self._began)
        if worked < _EVIDENCE or busy < _EVIDENCE:
            return None
        return busy * rest / worked

    def _says(self) -> str:
        """What the first of those says that say anything."""
        said = [(place, progress.text) for place, progress in self.board.progress.items() if progress.text]
        if not said:
            return ""
        place, text = min(said)
        more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
        return shorten(f"{self.board.rows[place].app}: {text}", _LONGEST_SAYING) + more

    def _noticed(self, counts: Mapping[str, int], elapsed: float, over: bool) -> Notice | None:
        if self._failure is not None:
            row = self._failure
            note = f"task {name_of(row.id)} `{shorten(row.app)}` failed: {row.note}"
            return Notice(False, shorten(note, _LONGEST_NOTICE))
        if not over or self.last is None:  # the cell may submit more
            return None
        return Notice(counts.keys() <= _GOOD, f"{sentence(counts)}, in {seconds(elapsed)}")


def _has_failed(row: TaskRow) -> bool:
    return row.state is State.FAILED or (row.state is State.DONE and row.failed > 0)


def home_of(
    row: TaskRow,
    batches: Sequence[Batch],
    known: dict[int, Batch | None],
    rows: Mapping[int, TaskRow],
) -> Batch | None:
    """The batch that a task belongs to; None where it belongs to none of these.

    `known` is the caller's notebook: the homes of tasks that have called others. `rows`: all rows.
    """
    way: list[int] = []
    while row.parent is not None and row.parent not in known and (caller := rows.get(row.parent)) is not None:
        way.append(row.parent)
        row = caller
    if row.parent is not None:
        found = known.get(row.parent)
    else:
        number = row.id if row.part is None else row.part.sweep
        found = next((batch for batch in batches if batch.has(number)), None)
    known.update(dict.fromkeys(way, found))
    return found
