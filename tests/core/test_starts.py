"""Workers that cannot be started: what passes ends no flow, and what lasts lets no task wait for ever."""

from __future__ import annotations

from nbflow.core import events as ev
from nbflow.core.instructions import Hire, Settle, Why
from nbflow.core.machine import Machine
from nbflow.core.starts import AT_ONCE, OUTSIDE, OWN, TRIES


def hires(machine: Machine, events: list[ev.Event], now: float) -> int:
    return sum(isinstance(i, Hire) for i in machine.handle(events, now).instructions)


def fail_on(machine: Machine, now: float, lasting: bool, until: float) -> tuple[float, int]:
    """Let every start fail at once until then; when the tasks were given up (0.0 = never), and how many starts."""
    step, starts = machine.handle([ev.HireFailed("p", lasting)], now), 1
    while not any(isinstance(i, Settle) for i in step.instructions):
        if step.wake_at is None or step.wake_at > until:
            return 0.0, starts
        now = step.wake_at
        step = machine.handle([ev.Ticked()], now)
        asked = sum(isinstance(i, Hire) for i in step.instructions)
        if asked:
            assert asked == 1, "one at a time"
            step, starts = machine.handle([ev.HireFailed("p", lasting)], now), starts + 1
    assert all(i.why is Why.NO_WORKERS for i in step.instructions if isinstance(i, Settle))
    return now, starts


def machine_with_a_task(*before: ev.Event) -> Machine:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1), *before, ev.Submitted(1, "a")], 0.0)
    return machine


def test_of_many_workers_a_few_start_at_once_and_the_next_when_one_is_ready() -> None:
    machine = Machine(validate=True)
    assert hires(machine, [ev.ExecutorAdded("p", AT_ONCE + 2), ev.Submitted(1, "a")], 0.0) == AT_ONCE
    assert hires(machine, [ev.WorkerJoined(1, "p")], 0.1) == 1
    assert machine.tasks[1].worker == 1, "no task waits for the rest"
    assert hires(machine, [ev.WorkerJoined(2, "p"), ev.WorkerJoined(3, "p")], 0.2) == 1
    for worker in range(4, AT_ONCE + 3):
        assert hires(machine, [ev.WorkerJoined(worker, "p")], 0.3) == 0, "every slot has one"


def test_where_none_was_ever_ready_and_each_ends_by_its_own_doing_a_few_tries_are_enough() -> None:
    given_up, starts = fail_on(machine_with_a_task(), 0.0, True, 1e6)
    assert starts == TRIES
    assert given_up < 1


def test_where_one_was_ready_before_there_is_more_patience() -> None:
    machine = machine_with_a_task(ev.WorkerJoined(1, "p"))
    machine.handle([ev.WorkerLost(1, (0, 0))], 0.0)
    given_up, starts = fail_on(machine, 0.0, True, 1e6)
    assert OWN <= given_up < OWN + 10
    assert 10 < starts < 30


def test_where_something_outside_ends_them_tasks_wait_for_minutes_and_no_process_is_started_all_the_time() -> (
    None
):
    given_up, starts = fail_on(machine_with_a_task(), 0.0, False, 1e6)
    assert OUTSIDE <= given_up < OUTSIDE + 10
    assert starts < 200


def test_all_that_were_under_way_count_as_one_failure() -> None:
    machine = Machine(validate=True)
    assert hires(machine, [ev.ExecutorAdded("p", 8), ev.Submitted(1, "a")], 0.0) == 8
    step = machine.handle([ev.HireFailed("p") for _ in range(7)], 0.1)
    assert not step.instructions, "the last one may succeed"
    assert hires(machine, [ev.WorkerJoined(1, "p")], 0.2) == 7, "it has"


def test_after_a_success_every_slot_is_manned_again() -> None:
    machine = machine_with_a_task()
    assert fail_on(machine, 0.0, False, 5.0)[0] == 0.0
    step = machine.handle([ev.Ticked()], 100.0)
    assert [type(i) for i in step.instructions] == [Hire]
    machine.handle([ev.WorkerJoined(1, "p")], 100.0)
    assert machine.tasks[1].worker == 1
    assert hires(machine, [ev.WorkerLost(1, (1, 1))], 101.0) == 1, "at once"


def test_what_is_given_up_is_tried_again_for_the_next_task_and_only_then() -> None:
    machine = machine_with_a_task()
    now, _ = fail_on(machine, 0.0, True, 1e6)
    step = machine.handle([ev.Ticked()], now + 100)
    assert (step.instructions, step.wake_at) == ([], None)
    assert hires(machine, [ev.Submitted(2, "a")], now + 200) == 1
    step = machine.handle([ev.WorkerJoined(1, "p")], now + 201)
    assert machine.tasks[2].worker == 1
    machine.handle([ev.WorkerLost(1, (2, 1)), ev.Submitted(3, "a")], now + 202)
    assert fail_on(machine, now + 203, True, now + 210)[0] == 0.0, "one was ready: there is patience again"


def test_tasks_wait_for_workers_that_are_at_work() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 2), ev.WorkerJoined(1, "p")], 0.0)
    machine.handle([ev.Submitted(1, "a"), ev.Submitted(2, "a")], 0.0)
    assert fail_on(machine, 0.0, True, 2 * OWN)[0] == 0.0
    machine.handle([ev.Blocked(1)], 2 * OWN)  # it waits, for the other one perhaps
    step = machine.handle([ev.Ticked()], 2 * OWN + 10)
    assert [type(i) for i in step.instructions] == [Hire]
    assert fail_on(machine, 2 * OWN + 10, True, 1e6)[0], "nobody is left who could end it"
