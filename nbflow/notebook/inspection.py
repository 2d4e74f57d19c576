"""The task that somebody looks at: when its details are fetched, and when its panel has changed.

Used by the publisher's thread alone. Details are fetched only for the one task whose panel is open: once it has ended,
once; while it goes on, again and again, because what it prints changes no row. The panel also tells of tasks around it,
which may come and change after it has ended.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import msgspec

from nbflow.notebook.board import Board
from nbflow.notebook.panel import Panel, panel
from nbflow.wire.rows import TaskDetails, TaskRow, WorkerRow

log = logging.getLogger(__name__)

_EVERY = 1.0  # seconds between two looks, while the task goes on or others change
_PAUSE = 20  # making a panel that took t seconds is followed by a pause of that many times t
_PATIENCE = 0.5  # seconds that the details may take; the panel goes without them then


class Inspection:
    """Keeps one panel up to date. `fetch` gives a task's details, and may raise; `spent`: seconds of the processor."""

    def __init__(
        self, fetch: Callable[[int, float], TaskDetails], spent: Callable[[], float] = time.thread_time
    ) -> None:
        self._fetch = fetch
        self._spent = spent
        self._task: int | None = None
        # what the panel was made of
        self._told: tuple[TaskRow, TaskDetails | None, WorkerRow | None, int] | None = None
        self._panel: Panel | None = None
        self._next = 0.0

    def begin(self, task: int) -> None:
        """Look at this task from now on."""
        self._task, self._told, self._panel = task, None, None

    def end(self) -> None:
        """Look at none."""
        self._task = self._told = self._panel = None

    def look(self, board: Board, now: float) -> tuple[Panel | None, float | None]:
        """The panel, None if it is as it was; and after how many seconds to look again, None for at a change."""
        row = None if self._task is None else board.get(self._task)
        if row is None:
            return None, None
        told, worker = self._told, board.worker_of(row)
        details = None
        if told is not None and _same(told[0], row) and _responds(told[2]) == _responds(worker):
            if row.state.ended:
                details = told[1]
            if details is not None and told[3] == board.changes:
                return None, None
            if now < self._next:
                return None, self._next - now
        self._next = now + _EVERY
        if details is None:
            details = self._details(row.id)
        self._told = row, details, worker, board.changes
        pause = None if row.state.ended and details is not None else _EVERY
        if self._told == told:
            return None, pause
        before, cost = self._panel, self._spent()
        self._panel = panel(row, board.rows, details, board.started, worker)
        self._next = now + max(_EVERY, _PAUSE * (self._spent() - cost))
        return (None if self._panel == before else self._panel), pause

    def _details(self, task: int) -> TaskDetails | None:
        try:
            return self._fetch(task, _PATIENCE)
        except Exception as error:  # closed, too slow, not known: the panel tells what the row tells
            log.debug("no details of task %s: %s", task, error)
            return None


def _same(old: TaskRow, new: TaskRow) -> bool:
    """Whether nothing has changed but how far the task has come, which it may say ten times a second."""
    return old == new or msgspec.structs.replace(old, progress=new.progress) == new


def _responds(worker: WorkerRow | None) -> bool:
    return worker is None or worker.responding
