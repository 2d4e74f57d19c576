"""What is known of all tasks, and who wants to be told of changes: the widget is one of them.

Observers are called on the client's reader thread and must return at once; an observer's error is logged and harms
nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from nbflow.wire.rows import TaskRow

log = logging.getLogger(__name__)


class Observer(Protocol):
    """Somebody who wants to know."""

    def tasks_changed(self, rows: Sequence[TaskRow]) -> None:
        """The newest row of each task that changed, in the order of submission for new ones."""

    def flow_closed(self) -> None:
        """Nothing will change any more."""


class Feed:
    """The rows of a flow. `rows` is read-only to others and in the order of submission."""

    def __init__(self) -> None:
        self.rows: dict[int, TaskRow] = {}
        self._observers: list[Observer] = []

    def subscribe(self, observer: Observer) -> None:
        """Tell the observer of all rows known, then of every change."""
        self._observers.append(observer)
        _tell(lambda: observer.tasks_changed(list(self.rows.values())))

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

    def close(self) -> None:
        """The flow has ended."""
        for observer in tuple(self._observers):
            _tell(observer.flow_closed)


def _tell(what: Callable[[], None]) -> None:
    try:
        what()
    except BaseException:  # the thread that reads outlives what it tells
        log.exception("an observer of the flow failed")
