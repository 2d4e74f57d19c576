"""The table of tasks: those with a story still to come as records, the many that are DONE and held as a count each.

    tasks[7] = Task(...) ──> DONE, and held ──> `keep`: how often it is held, in a page of such counts
                                                    │
    tasks[7], tasks.get(7), 7 in tasks <── `Ended` ─┘

A million kept futures are a million tasks here. Whatever small object each of them had would stand among what its
neighbours needed while they ran, and keep all that memory from going back to the system.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from nbflow.core.pages import Pages
from nbflow.core.shrinking import shrink
from nbflow.core.states import State
from nbflow.core.task import Ended, Task

DONE = State.DONE

_HOLDS = "I"


class Tasks(Mapping[int, Task]):
    """All tasks that are not forgotten. What is read of a DONE one is an `Ended`, which is not to be changed."""

    def __init__(self) -> None:
        self.live: dict[int, Task] = {}  #: those that are records, which are all but most of the DONE ones
        self._holds = Pages(_HOLDS)
        self._done = 0

    def __getitem__(self, number: int) -> Task:
        task = self.live.get(number)
        if task is not None:
            return task
        if not (holds := self._holds[number]):
            raise KeyError(number)
        return cast(Task, Ended(number, DONE, 0, None, None, holds, None))

    def __contains__(self, number: object) -> bool:
        return number in self.live or (isinstance(number, int) and self._holds[number] > 0)

    def __iter__(self) -> Iterator[int]:
        yield from self.live
        yield from self._holds

    def __len__(self) -> int:
        return len(self.live) + self._done

    def keep(self, task: Task) -> None:
        """Of a task that is DONE and held, keep what is asked about such a one, in place of its record."""
        number = task.id
        if task.inner is None and not task.depth and task.rank is None and task.priority is None:
            self._holds[number] = task.holds
            self._done += 1
            del self.live[number]
        else:
            ended = Ended(number, task.state, task.depth, task.rank, task.priority, task.holds, task.inner)
            self.live[number] = cast(Task, ended)

    def hold(self, number: int, more: int) -> Task:
        """The task of that number, which is held so many times more from now on."""
        task = self.live.get(number)
        if task is None:
            self._holds[number] += more
            return self[number]
        task.holds += more
        return task

    def let_go(self, number: int) -> Task | None:
        """One hold fewer; gives back the task if it was the last and the task has ended: it is in the table no more."""
        task = self.live.get(number)
        if task is None:
            ended = self[number]
            self._holds[number] = ended.holds - 1
            if ended.holds > 1:
                return None
            self._done -= 1
            return ended
        task.holds -= 1
        if task.holds or task.state < DONE:
            return None
        del self.live[number]
        return task

    def shrink(self) -> None:
        """Give back the room of records that are gone."""
        shrink(self.live)
