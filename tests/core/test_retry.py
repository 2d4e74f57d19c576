"""What becomes of a task whose attempt gave nothing: when it is tried again, what that costs, what its story says."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core import events as ev
from nbflow.core.instructions import Abort, Change, Judge, Launch, Note, Settle, Why
from nbflow.core.machine import Machine
from nbflow.core.retry import Terms
from nbflow.core.states import State
from nbflow.core.story import tell
from nbflow.core.task import Step

EVER = st.floats(0, 1e300)


def running(terms: Terms, *, judged: bool = False, walltime: float = 0.0) -> Machine:
    """A machine whose only worker has begun its only task, number 1, at 0 s."""
    machine = Machine(judged=judged, validate=True)
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p")], 0.0)
    machine.handle([ev.Submitted(1, "a", terms=terms, walltime=walltime)], 0.0)
    return machine


def said(step: Step, kind: type) -> list[object]:
    return [instruction for instruction in step.instructions if type(instruction) is kind]


def ends(step: Step) -> list[tuple[State, Why]]:
    return [(i.state, i.why) for i in step.instructions if isinstance(i, Settle)]


# ---------------------------------------------------------------- the arithmetic


def test_each_pause_is_the_one_before_times_the_factor_up_to_the_longest() -> None:
    terms = Terms(9, delay=1.0, factor=3.0, longest=10.0)
    assert [terms.pause(n) for n in range(1, 6)] == [1.0, 3.0, 9.0, 10.0, 10.0]


@given(EVER, st.floats(1, 1e300), EVER, st.integers(1, 10_000))
def test_a_pause_is_never_longer_than_the_longest_whatever_the_numbers(
    delay: float, factor: float, longest: float, failures: int
) -> None:
    terms = Terms(1, delay, factor, longest)
    assert 0.0 <= terms.pause(failures) <= longest
    assert not math.isnan(terms.pause(failures))
    assert terms.pause(failures) <= terms.pause(failures + 1)
    assert delay or not terms.pause(failures)


# ---------------------------------------------------------------- back-off


def test_a_task_waits_for_its_next_attempt_and_the_host_is_told_until_when() -> None:
    machine = running(Terms(2, delay=2.0))
    step = machine.handle([ev.Failed(1, 1, 1)], 10.0)
    assert said(step, Note) == [Note(1, 1, 1, Why.ATTEMPT)]
    assert not said(step, Launch)
    assert step.wake_at == 12.0
    assert machine.tasks[1].state is State.WAITING
    assert not said(machine.handle([ev.Ticked()], 11.9), Launch)
    assert said(machine.handle([ev.Ticked()], 12.0), Launch) == [Launch(1, 2, 1)]
    assert machine.handle([ev.Failed(1, 2, 1)], 13.0).wake_at == 17.0


def test_without_a_delay_the_next_attempt_is_launched_in_the_same_step() -> None:
    machine = running(Terms(1))
    step = machine.handle([ev.Failed(1, 1, 1)], 1.0)
    assert said(step, Launch) == [Launch(1, 2, 1)]
    assert ends(machine.handle([ev.Failed(1, 2, 1)], 2.0)) == [(State.FAILED, Why.ATTEMPT)]


def test_a_task_that_waits_for_its_next_attempt_can_be_cancelled_and_is_not_launched_any_more() -> None:
    machine = running(Terms(2, delay=2.0))
    machine.handle([ev.Failed(1, 1, 1)], 0.0)
    assert ends(machine.handle([ev.CancelRequested(1)], 1.0)) == [(State.CANCELLED, Why.ASKED)]
    step = machine.handle([ev.Ticked()], 2.0)
    assert not step.instructions
    assert step.wake_at is None


def test_a_worker_is_free_for_others_while_a_task_waits_for_its_next_attempt() -> None:
    machine = running(Terms(1, delay=60.0))
    step = machine.handle([ev.Failed(1, 1, 1), ev.Submitted(2, "b")], 0.0)
    assert said(step, Launch) == [Launch(2, 1, 1)]


def test_a_walltime_counts_from_the_beginning_of_an_attempt_and_not_of_the_wait_for_a_worker() -> None:
    machine = running(Terms(0))
    assert machine.handle([ev.Submitted(2, "b", walltime=5.0)], 1.0).wake_at is None
    assert machine.handle([ev.Succeeded(1, 1, 1, 10.0)], 10.0).wake_at == 15.0


def test_the_walltime_of_a_failed_attempt_does_not_end_the_next_one() -> None:
    machine = running(Terms(1), walltime=5.0)
    machine.handle([ev.Failed(1, 1, 1)], 4.0)
    assert not said(machine.handle([ev.Ticked()], 5.0), Abort)
    assert said(machine.handle([ev.Ticked()], 9.0), Abort) == [Abort(1)]


def test_walltimes_of_tasks_that_have_ended_are_not_kept() -> None:
    machine = Machine(validate=False)
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p")], 0.0)
    for n in range(1, 10_000):
        machine.handle([ev.Submitted(n, "a", walltime=3600.0)], 0.0)
        machine.handle([ev.Succeeded(n, 1, 1, 0.001), ev.Released((n,))], 0.0)
    assert len(machine.timers) < 100
    assert not machine.tasks


# ---------------------------------------------------------------- after what


@pytest.mark.parametrize("covered", [True, False])
def test_a_lost_worker_counts_if_the_terms_say_so(covered: bool) -> None:
    machine = running(Terms(1, lost=covered))
    step = machine.handle([ev.WorkerLost(1)], 1.0)
    assert ends(step) == ([] if covered else [(State.FAILED, Why.LOST)])
    assert bool(said(step, Note)) == covered


@pytest.mark.parametrize("covered", [True, False])
def test_a_walltime_that_is_over_counts_if_the_terms_say_so(covered: bool) -> None:
    machine = running(Terms(1, timeout=covered), walltime=1.0)
    machine.handle([ev.Ticked()], 1.0)
    step = machine.handle([ev.WorkerLost(1)], 1.1)
    assert ends(step) == ([] if covered else [(State.FAILED, Why.TIMEOUT)])


def test_an_error_that_does_not_count_ends_the_task() -> None:
    machine = running(Terms(5))
    assert ends(machine.handle([ev.Failed(1, 1, 1, may_retry=False)], 1.0)) == [(State.FAILED, Why.ATTEMPT)]


def test_the_body_of_a_join_is_tried_again_and_a_failed_inner_task_is_not() -> None:
    machine = running(Terms(1))
    machine.handle([ev.Failed(1, 1, 1)], 0.0)
    machine.handle([ev.Submitted(2, "inner"), ev.Joined(1, 2, 1, (2,))], 0.0)
    step = machine.handle([ev.Failed(2, 1, 1)], 0.0)
    assert ends(step) == [(State.FAILED, Why.ATTEMPT), (State.FAILED, Why.NEED)]


@pytest.mark.parametrize(
    "attempt_ends",
    [ev.Failed(1, 1, 1), ev.WorkerLost(1), ev.Joined(1, 1, 1, ())],
    ids=["fails", "lost", "joins"],
)
@pytest.mark.parametrize("doomed_before", [False, True])
def test_a_task_that_is_to_be_cancelled_gets_no_other_attempt(
    attempt_ends: ev.Event, doomed_before: bool
) -> None:
    machine = running(Terms(5), walltime=1.0)
    if doomed_before:
        machine.handle([ev.Ticked()], 1.0)
    machine.handle([ev.CancelRequested(1)], 1.0)
    assert ends(machine.handle([attempt_ends], 1.0)) == [(State.CANCELLED, Why.ASKED)]


# ---------------------------------------------------------------- judged failures


def test_a_failure_is_judged_and_costs_what_the_answer_says() -> None:
    machine = running(Terms(1), judged=True)
    step = machine.handle([ev.Failed(1, 1, 1)], 1.0)
    assert step.instructions == [Note(1, 1, 1, Why.ATTEMPT), Judge(1, 1, 0.0)]
    assert said(machine.handle([ev.Judged(1, 1, 0.5)], 2.0), Launch) == [Launch(1, 2, 1)]
    machine.handle([ev.Failed(1, 2, 1)], 3.0)
    assert said(machine.handle([ev.Judged(1, 2, 0.5)], 4.0), Launch) == [Launch(1, 3, 1)]
    machine.handle([ev.Failed(1, 3, 1)], 5.0)
    assert ends(machine.handle([ev.Judged(1, 3, 0.1)], 6.0)) == [(State.FAILED, Why.ATTEMPT)]


def test_a_failure_that_costs_nothing_is_forgiven_even_without_retries() -> None:
    machine = running(Terms(0), judged=True)
    machine.handle([ev.Failed(1, 1, 1)], 1.0)
    assert said(machine.handle([ev.Judged(1, 1, 0.0)], 2.0), Launch) == [Launch(1, 2, 1)]


def test_a_judge_who_cannot_say_ends_the_task() -> None:
    machine = running(Terms(5), judged=True)
    machine.handle([ev.Failed(1, 1, 1)], 1.0)
    assert ends(machine.handle([ev.Judged(1, 1, 0.0, refused=True)], 2.0)) == [(State.FAILED, Why.JUDGED)]


def test_a_lost_worker_and_a_walltime_are_judged_too() -> None:
    machine = running(Terms(1), judged=True, walltime=1.0)
    assert said(machine.handle([ev.WorkerLost(1)], 0.5), Note) == [Note(1, 1, 1, Why.LOST)]
    machine.handle([ev.WorkerJoined(2, "p"), ev.Judged(1, 1, 0.0)], 1.0)
    machine.handle([ev.Ticked()], 2.0)
    assert said(machine.handle([ev.WorkerLost(2)], 2.0), Note) == [Note(1, 2, 2, Why.TIMEOUT)]
    assert ends(machine.handle([ev.Judged(1, 2, 2.0)], 3.0)) == [(State.FAILED, Why.TIMEOUT)]


def test_an_error_that_does_not_count_is_not_judged() -> None:
    machine = running(Terms(5), judged=True)
    assert not said(machine.handle([ev.Failed(1, 1, 1, may_retry=False)], 1.0), Judge)


def test_an_answer_that_comes_twice_or_after_a_cancellation_changes_nothing() -> None:
    machine = running(Terms(5, delay=1.0), judged=True)
    machine.handle([ev.Failed(1, 1, 1)], 0.0)
    machine.handle([ev.Judged(1, 1, 1.0)], 0.0)
    assert not machine.handle([ev.Judged(1, 1, 1.0, refused=True)], 0.0).changes
    machine.handle([ev.Ticked()], 1.0)
    machine.handle([ev.Failed(1, 2, 1)], 1.0)
    assert not machine.handle([ev.Judged(1, 1, 0.0)], 1.0).changes
    machine.handle([ev.CancelRequested(1)], 1.0)
    assert not machine.handle([ev.Judged(1, 2, 0.0)], 1.0).changes


# ---------------------------------------------------------------- priorities


def launched(machine: Machine, *events: ev.Event) -> list[int]:
    """The tasks in the order in which the only worker gets them, one after the other."""
    order = []
    step = machine.handle(events, 0.0)
    while launches := [i for i in step.instructions if isinstance(i, Launch)]:
        order += [launch.task for launch in launches]
        step = machine.handle([ev.Succeeded(i.task, i.attempt, i.worker, 1.0) for i in launches], 0.0)
    return order


def test_the_lowest_priority_runs_first_and_equal_ones_in_the_order_of_their_calls() -> None:
    priorities = [None, 2.0, 1.0, None, 1.0, -3.5, 2.0]
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(9, "p"), ev.Submitted(100, "first")], 0.0)
    calls = [ev.Submitted(n, "a", priority=priority) for n, priority in enumerate(priorities)]
    assert launched(machine, *calls, ev.Succeeded(100, 1, 9, 1.0)) == [5, 2, 4, 1, 6, 0, 3]


@given(st.lists(st.sampled_from([None, 1.0, 2.0])))
def test_tasks_run_in_the_order_of_priority_then_of_call(priorities: list[float | None]) -> None:
    machine = Machine(validate=True)
    calls = [ev.Submitted(n, "a", priority=priority) for n, priority in enumerate(priorities)]
    machine.handle([ev.ExecutorAdded("p", 1), *calls], 0.0)
    # the sort is stable
    expected = sorted(range(len(priorities)), key=lambda n: math.inf if (p := priorities[n]) is None else p)
    assert launched(machine, ev.WorkerJoined(1, "p")) == expected


def test_what_a_dead_worker_had_not_begun_comes_before_its_equals() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p"), ev.Submitted(1, "a")], 0.0)
    machine.handle([ev.Submitted(n, "a", priority=1.0) for n in (2, 3, 4)], 0.0)
    step = machine.handle([ev.Succeeded(1, 1, 1, 0.00001)], 0.0)  # the app looks short: all are sent ahead
    assert len(said(step, Launch)) == 3
    machine.handle([ev.Submitted(5, "a", priority=1.0), ev.WorkerLost(1)], 0.0)
    assert launched(machine, ev.WorkerJoined(2, "p")) == [3, 4, 5]  # 2 had begun, and failed


# ---------------------------------------------------------------- the story


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"until": 3.0}, "ValueError: no", "attempt 1 failed: ValueError: no; again in 2 s"),
        ({"until": 1.0}, "ValueError: no", "attempt 1 failed: ValueError: no; again at once"),
        ({}, "ValueError: no", "attempt 1 failed: ValueError: no; the retry handler is asked"),
        ({"why": Why.LOST, "until": 1.0}, "", "attempt 1 failed: the worker was lost; again at once"),
        ({"why": Why.JUDGED, "until": 3.25}, "", "the retry handler has answered: again in 2.25 s"),
        ({"why": Why.RECALLED}, "", "not in the memo"),
        ({"why": Why.RETURNED}, "", "given back before it began"),
        ({"state": State.FAILED}, "ValueError: no", "failed: ValueError: no"),
        ({"state": State.FAILED}, "", "failed"),
    ],
)
def test_the_story_tells_each_attempt_and_its_error(
    change: dict[str, object], error: str, words: str
) -> None:
    plain: dict[str, object] = {"state": State.WAITING, "why": Why.ATTEMPT, "until": 0.0}
    told = Change(task=1, at=1.0, attempt=1, worker=1, root=None, **{**plain, **change})  # type: ignore[arg-type]
    assert tell(told, error) == words
