"""What is known of all tasks, and who wants to be told of changes: the widget is one of them.

Observers are called on the client's reader thread and must return at once; an observer's error is logged and harms
nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from nbflow.core.states import State
from nbflow.wire.rows import Run, StoreRow, TaskRow, WorkerRow

NOTHING_STORED = StoreRow()
log = logging.getLogger(__name__)


class Observer(Protocol):
    """Somebody who wants to know."""

    def tasks_changed(self, rows: Sequence[TaskRow]) -> None:
        """The newest row of each task that changed, in the order of submission for new ones."""

    def flow_closed(self) -> None:
        """Nothing will change any more."""


@runtime_checkable
class WorkerObserver(Protocol):
    """An observer that wants to know of the workers as well."""

    def workers_changed(self, rows: Sequence[WorkerRow]) -> None:
        """All workers: it has changed which of them respond, or what memory they have (told at most once a second)."""


class Feed:
    """The rows of a flow. `rows` is read-only to others and in the order of submission; `workers` are the last told."""

    def __init__(self) -> None:
        self.rows: dict[int, TaskRow] = {}
        self.workers: Sequence[WorkerRow] = ()
        self.store = NOTHING_STORED  #: the big values, as told last beside the workers
        self.closed = False  #: nothing will change any more
        self._observers: list[Observer] = []

    def subscribe(self, observer: Observer) -> None:
        """Tell the observer of all rows known, then of every change."""
        self._observers.append(observer)
        _tell(lambda: observer.tasks_changed(list(self.rows.values())))
        if isinstance(observer, WorkerObserver):
            _tell(lambda: observer.workers_changed(self.workers))

    def unsubscribe(self, observer: Observer) -> None:
        """Tell it nothing more."""
        if observer in self._observers:
            self._observers.remove(observer)

    def take(self, rows: Sequence[TaskRow]) -> None:
        """Rows have come. Called on the reader thread."""
        for row in rows:
            self.rows[row.id] = row
        for observer in tuple(self._observers):
            _tell(lambda observer=observer: observer.tasks_changed(rows))  # type: ignore[misc]

    def take_workers(self, rows: Sequence[WorkerRow], store: StoreRow = NOTHING_STORED) -> None:
        """The workers have changed, or the big values. Called on the reader thread."""
        self.workers = rows
        self.store = store
        for observer in tuple(self._observers):
            if isinstance(observer, WorkerObserver):
                _tell(lambda observer=observer: observer.workers_changed(rows))  # type: ignore[misc]

    def close(self, note: str = "", at: float = 0.0) -> None:
        """The flow has ended at this time, and what had not ended has failed: the error in one line is `note`."""
        lost = [row for row in self.rows.values() if not row.state.ended]
        if lost:
            fields = {"state": State.FAILED, "ended": at, "note": note, "joining": False, "again": False}
            self.take([msgspec.structs.replace(row, runs=_ended(row.runs, at), **fields) for row in lost])
        self.closed = True
        for observer in tuple(self._observers):
            _tell(observer.flow_closed)


def _ended(runs: tuple[Run, ...], at: float) -> tuple[Run, ...]:
    """As they stand once no worker is there any more."""
    return tuple(run if run.end else msgspec.structs.replace(run, end=at) for run in runs)


def _tell(what: Callable[[], None]) -> None:
    try:
        what()
    except BaseException:  # the thread that reads outlives what it tells
        log.exception("an observer of the flow failed")
