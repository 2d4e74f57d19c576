"""A task that lacks nothing but what a worker is about to run is sent behind it, and is never run without it."""

from __future__ import annotations

from nbflow.core import events as ev
from nbflow.core.instructions import Instruction, Launch, Settle, TakeBack
from nbflow.core.machine import Machine
from nbflow.core.placement import BEHIND
from nbflow.core.retry import Terms
from nbflow.core.states import State
from nbflow.core.task import Step

SHORT = 0.00001  # seconds


def measured(workers: int = 1, **options: int) -> Machine:
    """A machine that knows how short an app's tasks are: the first one has just ended, on worker 1."""
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", workers, **options)], 0.0)  # type: ignore[arg-type]
    machine.handle([ev.Submitted(1, "a"), *(ev.WorkerJoined(n + 1, "p") for n in range(workers))], 0.0)
    launched = machine.desks[1].head or machine.desks[workers].head
    assert launched == 1
    machine.handle([ev.Succeeded(1, 1, machine.tasks[1].worker, SHORT)], 0.0)
    return machine


def launches(step: Step) -> list[Instruction]:
    return [i for i in step.instructions if isinstance(i, Launch)]


def settled(step: Step) -> dict[int, State]:
    return {i.task: i.state for i in step.instructions if isinstance(i, Settle)}


def test_a_chain_goes_to_one_worker_at_once() -> None:
    machine = measured(workers=2)
    step = machine.handle([ev.Submitted(n, "a", (n - 1,)) for n in range(2, 6)], 0.1)
    first = launches(step)[0]
    assert isinstance(first, Launch)
    assert launches(step) == [Launch(n, 1, first.worker) for n in range(2, 6)]
    for n in range(2, 6):
        assert settled(machine.handle([ev.Succeeded(n, 1, first.worker, SHORT)], 0.1)) == {n: State.DONE}


def test_a_link_called_later_follows_as_well() -> None:
    machine = measured()
    machine.handle([ev.Submitted(2, "a")], 0.1)
    assert launches(machine.handle([ev.Submitted(3, "a", (2, 1))], 0.1)) == [Launch(3, 1, 1)]


def test_what_lacks_several_tasks_of_one_worker_follows_the_last_of_them() -> None:
    machine = measured()
    machine.handle([ev.Submitted(n, "a") for n in (2, 3, 4, 5)], 0.1)
    assert launches(machine.handle([ev.Submitted(6, "a", (2, 3, 1))], 0.1)) == [Launch(6, 1, 1)]
    assert not launches(machine.handle([ev.Submitted(7, "a", (2, 3, 4, 5, 6))], 0.1))  # too many to look at


def test_what_lacks_tasks_of_several_workers_waits_for_them() -> None:
    machine = measured(workers=2)
    step = machine.handle([ev.Submitted(2, "a"), ev.Submitted(3, "a")], 0.1)
    (two, three) = (launch.worker for launch in launches(step))  # type: ignore[attr-defined]
    assert two != three
    assert not launches(machine.handle([ev.Submitted(4, "a", (2, 3))], 0.1))
    assert not launches(machine.handle([ev.Succeeded(2, 1, two, SHORT)], 0.1))
    assert len(launches(machine.handle([ev.Succeeded(3, 1, three, SHORT)], 0.1))) == 1


def test_what_was_never_measured_or_may_be_recalled_or_runs_elsewhere_does_not_follow() -> None:
    machine = measured()
    machine.handle([ev.ExecutorAdded("q", 1), ev.WorkerJoined(2, "q"), ev.Submitted(2, "a")], 0.1)
    calls = [
        ev.Submitted(3, "b", (2,)),
        ev.Submitted(4, "a", (2,), cached=True),
        ev.Submitted(5, "a", (2,), ("q",)),
    ]
    assert not launches(machine.handle(calls, 0.1))


def test_of_several_that_wait_for_a_task_one_follows_while_other_workers_are_idle() -> None:
    machine = measured(workers=2)
    step = machine.handle([ev.Submitted(2, "a"), *(ev.Submitted(n, "a", (2,)) for n in (3, 4, 5))], 0.1)
    (head, follower) = launches(step)
    assert isinstance(head, Launch)
    assert follower == Launch(3, 1, head.worker)
    step = machine.handle([ev.Succeeded(2, 1, head.worker, SHORT)], 0.1)
    assert {launch.worker for launch in launches(step)} == {1, 2}  # type: ignore[attr-defined]


def test_no_more_follows_than_a_worker_is_sent_ahead() -> None:
    machine = measured()
    step = machine.handle([ev.Submitted(n, "a", (n - 1,)) for n in range(2, 2002)], 0.1)
    assert 100 < len(launches(step)) <= 1000
    machine.handle([ev.ExecutorAdded("long", 1), ev.WorkerJoined(2, "long")], 0.2)
    machine.handle([ev.Submitted(5000, "long", executors=("long",))], 0.2)
    machine.handle([ev.Succeeded(5000, 1, 2, 1.0), ev.Submitted(5001, "long", executors=("long",))], 0.2)
    assert not launches(machine.handle([ev.Submitted(5002, "long", (5001,), ("long",))], 0.2))


def test_of_many_that_wait_for_the_same_task_only_the_first_are_looked_at() -> None:
    machine = measured()
    machine.handle([ev.Promised(2, "outside"), ev.Submitted(3, "a", (2,))], 0.1)
    machine.handle([ev.Submitted(n, "a", (3,)) for n in range(4, 1004)], 0.1)
    step = machine.handle([ev.Delivered(2, State.DONE)], 0.1)
    assert launches(step) == [Launch(n, 1, 1) for n in range(3, 4 + BEHIND)]
    assert len(launches(machine.handle([ev.Succeeded(3, 1, 1, SHORT)], 0.1))) > 100


def test_when_its_need_fails_it_has_been_given_back_and_is_skipped() -> None:
    machine = measured()
    machine.handle([ev.Submitted(2, "a"), ev.Submitted(3, "a", (2,)), ev.Submitted(4, "a", (3,))], 0.1)
    step = machine.handle([ev.Returned(1, (3, 4)), ev.Failed(2, 1, 1, took=SHORT)], 0.1)
    assert settled(step) == {2: State.FAILED, 3: State.SKIPPED, 4: State.SKIPPED}
    assert not launches(step)


def test_when_its_need_is_tried_again_it_follows_again() -> None:
    machine = measured()
    calls = [ev.Submitted(2, "a", terms=Terms(1)), ev.Submitted(3, "a", (2,))]
    machine.handle(calls, 0.1)
    step = machine.handle([ev.Returned(1, (3,)), ev.Failed(2, 1, 1, took=SHORT)], 0.1)
    assert launches(step) == [Launch(2, 2, 1), Launch(3, 1, 1)]


def test_what_was_on_its_way_when_its_need_failed_ends_with_it_and_is_not_heard_of_again() -> None:
    machine = measured()
    machine.handle([ev.Submitted(2, "a"), ev.Submitted(3, "a", (2,)), ev.Submitted(4, "a", (2,))], 0.1)
    step = machine.handle([ev.Returned(1, (3,)), ev.Failed(2, 1, 1, took=SHORT)], 0.1)  # not yet 4
    assert settled(step) == {2: State.FAILED, 3: State.SKIPPED, 4: State.SKIPPED}
    assert not machine.desks[1].queue
    before = list(machine.counts)
    machine.handle([ev.Returned(1, (4,))], 0.2)
    assert machine.counts == before


def test_cancelling_its_need_cancels_it_before_it_begins() -> None:
    machine = measured()
    machine.handle([ev.Submitted(2, "a"), ev.Submitted(3, "a"), ev.Submitted(4, "a", (3,))], 0.1)
    step = machine.handle([ev.CancelRequested(3)], 0.1)
    assert TakeBack(1, (3,)) in step.instructions
    step = machine.handle([ev.Returned(1, (3, 4))], 0.1)
    assert settled(step) == {3: State.CANCELLED, 4: State.CANCELLED}


def test_what_was_cancelled_before_its_need_began_never_follows() -> None:
    machine = measured()
    machine.handle([ev.Promised(2, "outside"), *(ev.Submitted(n, "a", (n - 1,)) for n in (3, 4, 5))], 0.1)
    machine.handle([ev.CancelRequested(4)], 0.1)
    assert launches(machine.handle([ev.Delivered(2, State.DONE)], 0.1)) == [Launch(3, 1, 1)]


def test_when_the_worker_is_lost_only_what_it_ran_counts_and_the_rest_waits_for_it_again() -> None:
    machine = measured(workers=2)
    calls = [ev.Submitted(2, "a", terms=Terms(1)), *(ev.Submitted(n, "a", (n - 1,)) for n in (3, 4))]
    worker = machine.handle(calls, 0.1).instructions[0].worker  # type: ignore[attr-defined]
    step = machine.handle([ev.WorkerLost(worker, (2, 1))], 0.1)
    other = 3 - worker
    assert launches(step) == [Launch(2, 2, other), Launch(3, 1, other), Launch(4, 1, other)]


def test_what_follows_on_a_worker_that_falls_silent_waits_until_its_need_has_ended() -> None:
    machine = measured()
    machine.handle([ev.Submitted(2, "a"), ev.Submitted(3, "a", (2,))], 0.1)
    assert not launches(machine.handle([ev.Silent(1, (3,), False)], 0.2))
    step = machine.handle([ev.Answers(1), ev.Succeeded(2, 1, 1, SHORT)], 0.3)
    assert launches(step) == [Launch(3, 1, 1)]
