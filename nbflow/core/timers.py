"""When something is due for a task: the end of its walltime, or the beginning of its next attempt.

A task has one such time at most, `Task.due`; what is in the heap for a time that the task no longer has is passed over.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping

from nbflow.core.task import Task


class Timers:
    """The times of all tasks, in seconds by the host's clock."""

    __slots__ = ("_heap",)

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []

    def set(self, task: Task, at: float) -> None:
        """The task is due then, and at no other time."""
        task.due = at
        heapq.heappush(self._heap, (at, task.id))

    @property
    def next(self) -> float | None:
        """The earliest time; None = there is none."""
        return self._heap[0][0] if self._heap else None

    def take(self, tasks: Mapping[int, Task], now: float) -> Iterator[Task]:
        """The tasks that are due by now; none of them has a time any more."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, number = heapq.heappop(heap)
            task = tasks.get(number)
            if task is not None and task.due == at:
                task.due = 0.0
                yield task

    def expects(self, task: Task) -> bool:
        """Whether the task's time is known here. Looks at all; for checks."""
        return (task.due, task.id) in self._heap
