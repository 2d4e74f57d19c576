"""While many tasks wait, a worker has the next one at hand; where few do, each goes to whoever is idle first."""

from __future__ import annotations

import pytest

from nbflow.core import events as ev
from nbflow.core.instructions import Launch
from nbflow.core.machine import Machine
from nbflow.core.placement import NEXT
from nbflow.core.task import Step


def two_workers(took: float) -> Machine:
    """Two idle workers, and an app whose tasks are known to take so long. Its first call was number 1."""
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 2), ev.Submitted(1, "a")], 0.0)
    machine.handle([ev.WorkerJoined(1, "p"), ev.WorkerJoined(2, "p")], 0.0)
    machine.handle([ev.Succeeded(1, 1, machine.tasks[1].worker, took)], 0.0)
    return machine


def machine_with(waiting: int, took: float) -> tuple[Machine, Step]:
    """Two such workers, and so many more calls of the app: what comes of them."""
    machine = two_workers(took)
    return machine, machine.handle([ev.Submitted(n, "a") for n in range(2, 2 + waiting)], 1.0)


def launched(step: Step) -> list[int]:
    """How many tasks went to each worker."""
    workers = [i.worker for i in step.instructions if isinstance(i, Launch)]
    return [workers.count(1), workers.count(2)]


@pytest.mark.parametrize(
    ("waiting", "took", "expected"),
    [(20, NEXT / 5, [2, 2]), (20, 2 * NEXT, [1, 1]), (3, NEXT / 5, [1, 1])],
)
def test_the_next_task_is_at_hand_while_many_wait_and_none_takes_long(
    waiting: int, took: float, expected: list[int]
) -> None:
    assert launched(machine_with(waiting, took)[1]) == expected


def test_a_worker_that_ends_a_task_is_given_the_next_but_one() -> None:
    machine, _ = machine_with(20, NEXT / 5)
    (first, second) = machine.desks[1].queue
    step = machine.handle([ev.Succeeded(first, 1, 1, NEXT / 5)], 1.02)
    assert launched(step) == [1, 0]
    assert machine.desks[1].head == second
