"""What waits behind a task that takes long is taken back as soon as another worker is idle, and asked for once."""

from __future__ import annotations

from nbflow.core import events as ev
from nbflow.core.instructions import Launch, TakeBack
from nbflow.core.machine import Machine
from nbflow.core.placement import PATIENCE
from nbflow.core.task import Step

SHORT = 0.0005  # seconds


def two_queues() -> Machine:
    """Two workers with ten short tasks each, 2 to 11 and 12 to 21, begun at time 0."""
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 2), ev.Submitted(1, "a")], 0.0)
    machine.handle([ev.WorkerJoined(1, "p"), ev.WorkerJoined(2, "p")], 0.0)
    machine.handle([ev.Succeeded(1, 1, machine.tasks[1].worker, SHORT)], 0.0)
    machine.handle([ev.Submitted(n, "a") for n in range(2, 22)], 0.0)
    assert [len(machine.desks[worker].queue) for worker in (1, 2)] == [10, 10]
    return machine


def end_all_of(machine: Machine, worker: int, now: float) -> Step:
    return machine.handle([ev.Succeeded(n, 1, worker, SHORT) for n in machine.desks[worker].queue], now)


def taken_back(step: Step) -> list[TakeBack]:
    return [i for i in step.instructions if isinstance(i, TakeBack)]


def test_where_the_task_has_run_for_long_it_is_asked_for_when_the_other_worker_becomes_idle() -> None:
    machine = two_queues()
    (_, *behind) = machine.desks[1].queue
    step = end_all_of(machine, 2, 2 * PATIENCE)
    assert taken_back(step) == [TakeBack(1, tuple(behind))]


def test_else_when_it_has_run_for_long() -> None:
    machine = two_queues()
    step = end_all_of(machine, 2, PATIENCE / 2)
    assert not taken_back(step)
    assert step.wake_at == PATIENCE
    assert taken_back(machine.handle([ev.Ticked()], step.wake_at))


def test_what_happens_elsewhere_meanwhile_does_not_put_it_off() -> None:
    machine = two_queues()
    machine.handle([ev.ExecutorAdded("q", 1), ev.WorkerJoined(3, "q")], 0.0)
    step = end_all_of(machine, 2, PATIENCE / 2)
    number, now = 100, PATIENCE / 2
    while not (asked := taken_back(step)):
        number, now = number + 1, now + PATIENCE / 10
        assert now < 2 * PATIENCE
        step = machine.handle([ev.Submitted(number, "b", executors=("q",))], now)
        machine.handle([ev.Succeeded(number, 1, 3, SHORT)], now)
    assert [take.worker for take in asked] == [1]


def test_it_is_asked_for_once() -> None:
    machine = two_queues()
    step = end_all_of(machine, 2, 2 * PATIENCE)
    (asked,) = taken_back(step)
    for n in range(3, 6):
        assert not taken_back(machine.handle([ev.Ticked()], n * PATIENCE))
    step = machine.handle([ev.Returned(1, asked.tasks)], 6 * PATIENCE)
    assert next(i.worker for i in step.instructions if isinstance(i, Launch)) == 2


def test_a_clock_that_is_set_back_does_not_put_it_off() -> None:
    machine = two_queues()
    step = end_all_of(machine, 2, PATIENCE / 2)
    assert step.wake_at is not None
    step = machine.handle([ev.Ticked()], PATIENCE / 2 - 3600.0)
    assert step.wake_at is not None
    assert step.wake_at <= PATIENCE / 2 - 3600.0 + PATIENCE
