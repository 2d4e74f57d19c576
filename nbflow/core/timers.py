"""When something is due for a task: the end of its walltime, or the beginning of its next attempt.

A task has one such time at most, `Task.due`. What is in the heap for a time that the task no longer has is passed over,
and thrown out once it is most of the heap: a million short tasks with long walltimes must leave nothing behind.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping

from nbflow.core.task import Task

SLACK = 64  # times that no longer count are let be up to this many


class Timers:
    """The times of the tasks in a ledger, in seconds by the host's clock."""

    __slots__ = ("_heap", "_set", "_tasks")

    def __init__(self, tasks: Mapping[int, Task]) -> None:
        self._tasks = tasks
        self._heap: list[tuple[float, int]] = []
        self._set = 0  # how many of them still count

    def set(self, task: Task, at: float) -> None:
        """The task is due then, and at no other time."""
        task.due = at
        self._set += 1
        heapq.heappush(self._heap, (at, task.id))

    def clear(self, task: Task) -> None:
        """The task, which is due at some time, is not any more."""
        task.due = 0.0
        self._set -= 1
        if len(self._heap) > SLACK + 2 * self._set:
            self._heap = [entry for entry in self._heap if self._counts(entry)]
            heapq.heapify(self._heap)

    @property
    def next(self) -> float | None:
        """The earliest time; None = there is none."""
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> Iterator[Task]:
        """The tasks that are due by now; none of them has a time any more."""
        while self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)
            if self._counts(entry):
                task = self._tasks[entry[1]]
                task.due = 0.0
                self._set -= 1
                yield task

    def _counts(self, entry: tuple[float, int]) -> bool:
        task = self._tasks.get(entry[1])
        return task is not None and task.due == entry[0]

    def __len__(self) -> int:
        return len(self._heap)

    def expects(self, task: Task) -> bool:
        """Whether the task's time is known here. Looks at all; for checks."""
        return (task.due, task.id) in self._heap
