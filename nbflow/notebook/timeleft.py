"""The time that the tasks of a board still take, made anew as they go on: for the whole flow, or for those of one cell.

What it rests on is `estimate`'s subject: how far tasks say they have come, how long calls of their apps took here, and
in earlier flows. To make it costs as much as there are tasks, so it is made at most twice a second, and never so often
that it takes more than a small share of a core.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from nbflow.notebook.board import Board
from nbflow.notebook.estimate import Left, Pace, Paces, time_left
from nbflow.wire.rows import TaskRow

SHORTEST = 0.5
"""Seconds between two of the same kind, at least."""
SHARE = 30
"""What took t seconds is not made again for that many times t."""
NOTHING: Mapping[int, TaskRow] = {}


class Due:
    """When something that changes often is made anew."""

    def __init__(self) -> None:
        self.stale = True  #: something has changed since
        self.next = 0.0  #: not before then

    def made(self, now: float, cost: float, least: float = 0.0) -> None:
        """It was made at `now`, took `cost` seconds, and is not to be made again for `least` seconds."""
        self.stale = False
        self.next = now + max(SHORTEST, SHARE * cost, least)


class TimeLeft:
    """Of one board. `clock` is monotonic, `wall` since the epoch, `spent` of the processor by this thread: seconds.

    `earlier` gives what is known of earlier flows; `workers`: how many run the tasks. `beyond`: the rows of the whole
    flow, where the board holds some of them only: what its tasks wait for counts, too.
    """

    def __init__(
        self,
        board: Board,
        earlier: Callable[[], Mapping[str, Pace]] = dict,
        workers: Callable[[], int] = lambda: 1,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        spent: Callable[[], float] = time.thread_time,
        beyond: Mapping[int, TaskRow] = NOTHING,
    ) -> None:
        self._board = board
        self._earlier = earlier
        self._workers = workers
        self._clock = clock
        self._wall = wall
        self._spent = spent
        self._beyond = beyond
        self._paces: Paces | None = None
        self._due = Due()
        self._among = 0  # workers, when it was made last
        self._left: Left | None = None

    def changed(self, rows: Sequence[TaskRow]) -> None:
        """These rows are about to be taken over by the board."""
        if self._paces is None:
            self._paces = Paces(self._earlier())
        self._paces.update(rows, self._board.get)
        self._due.stale = True

    def expected(self, row: TaskRow) -> float | None:
        """Seconds that a task is expected to take; None if nothing is known."""
        return None if self._paces is None else self._paces.of(row)

    def left(self) -> Left | None:
        """How long they still take, as far as there is ground to say, as made last or now."""
        now, workers = self._clock(), self._workers()
        if (self._due.stale or workers != self._among) and now >= self._due.next:
            cost = self._spent()
            others = self._waited_for()
            rows = [*self._board.rows, *others] if others else self._board.rows
            self._among = workers
            self._left = time_left(rows, self.expected, self._wall(), workers)
            self._due.made(now, self._spent() - cost)
            self._due.stale = bool(others)  # nobody says here when they go on
        return self._left

    def _waited_for(self) -> list[TaskRow]:
        """What its tasks wait for beyond the board, and what that waits for in turn."""
        if not self._beyond:
            return []
        found: dict[int, TaskRow] = {}
        needs = [need for row in self._board.rows if not row.state.ended for need in row.needs]
        while needs:
            number = needs.pop()
            if number in found or self._board.get(number) is not None:
                continue
            row = self._beyond.get(number)
            if row is not None and not row.state.ended:
                found[number] = row
                needs += row.needs
        return list(found.values())

    def take_news(self) -> Mapping[str, Pace]:
        """What was measured since this was asked last."""
        return {} if self._paces is None else self._paces.take_news()
