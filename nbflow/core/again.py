"""Which tasks are tried again when somebody asks for that, and what stands in the way of others.

A task that ended without a value is kept with what it needs for as long as somebody holds it. It can be tried again
once each of its needs has a value, or is tried again with it: so a task that failed may take along what it had made
skip. Pure questions about the tasks of a machine; what the answer leads to is `machine`'s subject.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from nbflow.core.states import State
from nbflow.core.task import Task
from nbflow.core.tasks import Tasks


class Hindrance(enum.IntEnum):
    """What stands in the way of another try."""

    UNKNOWN = 0  # it is not known (any more)
    GOING_ON = 1  # it has not ended
    DONE = 2  # it has its value
    ONCE = 3  # no worker runs it, or a need of it is not known any more
    NEED = 4  # a need has no value, and is not tried again with it


class Obstacle(NamedTuple):
    """Why a task is not tried again. `root`: the task that is to be tried again first, where there is one."""

    why: Hindrance
    root: int = 0


class Choice(NamedTuple):
    """What comes of a wish: the tasks that are tried again, and of the others that were named, why not."""

    again: list[int]
    refused: dict[int, Obstacle]


def again_from(task: Task) -> bool:
    """Whether another try can begin from where the task stands."""
    return task.state > State.DONE and not task.once


def failed(tasks: Tasks) -> list[int]:
    """All that failed or were skipped, and could be tried again."""
    ended = (State.FAILED, State.SKIPPED)
    return [number for number, task in tasks.live.items() if task.state in ended and not task.once]


def chosen(tasks: Tasks, wanted: Iterable[int], dependants: bool) -> Choice:
    """Which of the `wanted` tasks are tried again, with all that ended because of them if `dependants`."""
    refused: dict[int, Obstacle] = {}
    batch: dict[int, None] = {}
    for number in wanted:
        if (obstacle := _obstacle(tasks.get(number))) is None:
            batch[number] = None
        else:
            refused[number] = obstacle
    named = set(batch)
    needed_by = _needed_by(tasks)
    if dependants:
        walk = list(batch)
        for number in walk:  # grows as it is walked
            taken = [
                other for other in needed_by.get(number, ()) if other not in batch and _followed(tasks[other])
            ]
            batch.update(dict.fromkeys(taken))
            walk += taken
    left = list(batch)
    while left:
        number = left.pop()
        if number not in batch or (lack := _lack(tasks[number], tasks, batch, number in named)) is None:
            continue
        del batch[number]
        if number in named:
            refused[number] = Obstacle(Hindrance.NEED, blamed(lack, tasks))
        left += needed_by.get(number, ())
    return Choice(list(batch), refused)


def blamed(task: Task, tasks: Mapping[int, Task]) -> int:
    """Which task is to blame for the end of one that gave no value: its root, unless that one goes well by now."""
    root = task.root
    if root is None or ((other := tasks.get(root)) is not None and other.state <= State.DONE):
        return task.id
    return root


def goes_on(task: Task, tasks: Mapping[int, Task], again: Collection[int]) -> bool:
    """Whether a join need not run its body again: all that it had called has a value, or may yet have one."""
    return task.inner is not None and not any(_fruitless(tasks[n], again) for n in task.inner)


def _fruitless(inner: Task, again: Collection[int]) -> bool:
    """Whether a task gives no value, unless it is tried again; it may be about to be cancelled."""
    return inner.id not in again and (inner.state > State.DONE or inner.doom is not None)


def _obstacle(task: Task | None) -> Obstacle | None:
    if task is None:
        return Obstacle(Hindrance.UNKNOWN)
    if task.state < State.DONE:
        return Obstacle(Hindrance.GOING_ON)
    if task.state is State.DONE:
        return Obstacle(Hindrance.DONE)
    return Obstacle(Hindrance.ONCE) if task.once else None


def _needed_by(tasks: Tasks) -> dict[int, list[int]]:
    """Of what ended without a value: which others that did so needed it, or had called it as joins."""
    needed_by: dict[int, list[int]] = {}
    for task in tasks.live.values():
        if again_from(task):
            for number in (*task.needs, *(task.inner or ())):
                if tasks[number].state > State.DONE:
                    needed_by.setdefault(number, []).append(task.id)
    return needed_by


def _followed(task: Task) -> bool:
    """Whether the task ended because another one did, and not by itself or by somebody's wish."""
    return task.root is not None


def _lack(task: Task, tasks: Mapping[int, Task], batch: Collection[int], named: bool) -> Task | None:
    """A task whose value this one cannot be tried again without, and will not have.

    A join that is `named` runs its body again where it cannot go on; what it needed for that it has.
    """
    for number in task.needs:
        if number not in batch and tasks[number].state > State.DONE:
            return tasks[number]
    if not named and task.inner and not goes_on(task, tasks, batch):
        return next(other for n in task.inner if _fruitless(other := tasks[n], batch))
    return None
