"""What the page is told beside the picture: columns for table and timeline, meters, critical path, the time left.

Used by the publisher's thread alone. Columns and path are made only while a page says that it shows them, which holds
for half a minute: a page that is gone cannot say that it needs them no more. Each is made at most twice a second, and
never so often that it takes more than a small share of a core.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from nbflow.notebook.board import Board
from nbflow.notebook.columns import Columns, Fixed, Moving
from nbflow.notebook.estimate import Left, Pace, critical_path
from nbflow.notebook.meters import Meters, meters
from nbflow.notebook.timeleft import Due, TimeLeft
from nbflow.notebook.verbs import Verb
from nbflow.wire.rows import StoreRow, TaskRow

WANTED_FOR = 30.0
"""Seconds for which a page's word holds."""
BYTES = 250_000
"""A second, at most: a server drops what comes faster than a megabyte, and there is more to be told."""


class Told(msgspec.Struct, frozen=True):
    """What is new for the page; None = as before."""

    fixed: Fixed | None = None
    moving: Moving | None = None
    meters: Meters | None = None
    path: list[int] | None = None


class Twins:
    """Of one board. `clock` is monotonic, `wall` since the epoch, `spent` of the processor by this thread: seconds.

    `earlier` gives what is known of earlier flows, `keep` takes what this one has measured.
    """

    def __init__(
        self,
        board: Board,
        earlier: Callable[[], Mapping[str, Pace]],
        keep: Callable[[Mapping[str, Pace]], None],
        clock: Callable[[], float],
        wall: Callable[[], float],
        spent: Callable[[], float],
    ) -> None:
        self._board = board
        self._time = TimeLeft(board, earlier, self._workers, clock, wall, spent)
        self._keep = keep
        self._clock = clock
        self._wall = wall
        self._spent = spent
        self._until = {Verb.COLUMNS: float("-inf"), Verb.PATH: float("-inf")}
        self._columns: Columns | None = None
        self._sent: Fixed | None = None
        self._of_columns, self._of_path = Due(), Due()

    def want(self, verb: Verb) -> None:
        """A page says what it shows. What it holds may be old."""
        now = self._clock()
        if now >= self._until[verb]:
            self._sent = None
            pace = self._of_columns if verb is Verb.COLUMNS else self._of_path
            pace.stale, pace.next = True, now
        self._until[verb] = now + WANTED_FOR

    def changed(self, rows: Sequence[TaskRow]) -> None:
        """These rows are about to be taken over by the board."""
        self._time.changed(rows)
        self._of_columns.stale = self._of_path.stale = True
        if self._columns is not None:
            self._columns.update(rows)

    def workers_changed(self) -> None:
        """The workers are told anew."""
        self._of_columns.stale = True

    # ---------------------------------------------------------------- what is told

    def look(self, store: StoreRow, *, at_once: bool = False) -> tuple[Told | None, float | None]:
        """What is due to be sent, None for nothing; and after how many seconds more will be, None for at a change.

        `at_once`: what is new is due.
        """
        now = self._clock()
        if at_once:
            self._of_columns.next = self._of_path.next = now
        cost = self._spent()
        if now >= self._until[Verb.COLUMNS]:
            self._columns = None
        fixed = moving = measured = path = None
        pauses: list[float] = []
        if self._due(Verb.COLUMNS, self._of_columns, now, pauses):
            columns = self._current_columns()
            fixed, moving = columns.fixed(), columns.moving()
            if fixed is self._sent:
                fixed = None
            else:
                self._sent = fixed
            measured = meters(self._board.workers.values(), store)
            size = moving.size + (fixed.size if fixed is not None else 0)
            self._of_columns.made(now, self._spent() - cost, size / BYTES)
        cost = self._spent()
        if self._due(Verb.PATH, self._of_path, now, pauses):
            path = critical_path(self._board.rows, self._time.expected, self._wall())
            self._of_path.made(now, self._spent() - cost)
        told = None if moving is None and path is None else Told(fixed, moving, measured, path)
        return told, min(pauses) if pauses else None

    def _due(self, verb: Verb, pace: Due, now: float, pauses: list[float]) -> bool:
        if now >= self._until[verb] or not pace.stale:
            return False
        if now >= pace.next:
            return True
        pauses.append(pace.next - now)
        return False

    def _current_columns(self) -> Columns:
        if self._columns is None or self._columns.start != self._board.started:
            self._columns = Columns(self._board.started)
            self._columns.update(self._board.rows)
        return self._columns

    # ---------------------------------------------------------------- the time left

    def left(self) -> Left | None:
        """How long the flow still takes, as far as there is ground to say; made anew now and then."""
        if not self._board.at_rest:
            return self._time.left()
        if news := self._time.take_news():
            self._keep(news)
        return None

    def _workers(self) -> int:
        return len(self._board.workers) or len({row.worker for row in self._board.rows if row.worker})
