"""What ended without a value goes on: which tasks may, what they wait for then, and what is kept for that."""

from __future__ import annotations

import pytest

from nbflow.core import events as ev
from nbflow.core.again import Hindrance, Obstacle, chosen, failed
from nbflow.core.instructions import Forget, Launch, Recall, Revive, Settle
from nbflow.core.machine import Machine
from nbflow.core.retry import Terms
from nbflow.core.states import MOVES, State
from nbflow.core.task import Step


def machine(*calls: ev.Event) -> Machine:
    """A machine with one worker, and these calls made."""
    made = Machine(validate=True)
    made.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p"), *calls], 0.0)
    return made


def kinds(step: Step) -> list[str]:
    return [f"{type(i).__name__} {i.task}" for i in step.instructions if hasattr(i, "task")]


def test_only_what_has_its_value_is_never_left() -> None:
    assert [state for state in State if not MOVES[state]] == [State.DONE]
    for state in (State.FAILED, State.SKIPPED, State.CANCELLED):
        assert MOVES[state] == {State.WAITING}


def test_it_is_launched_with_the_next_attempt_and_settled_once_more() -> None:
    flow = machine(ev.Submitted(1, "a"))
    flow.handle([ev.Failed(1, 1, 1)], 1.0)
    step = flow.handle([ev.RetryRequested((1,))], 2.0)
    assert step.instructions == [Revive(1), Launch(1, 2, 1)]
    assert [change.state for change in step.changes] == [State.WAITING, State.RUNNING]
    step = flow.handle([ev.Succeeded(1, 1, 1, 0.1), ev.Succeeded(1, 2, 1, 0.1)], 3.0)
    (settled,) = (i for i in step.instructions if isinstance(i, Settle))
    assert [(change.state, change.attempt) for change in settled.story] == [
        (State.WAITING, 1),
        (State.RUNNING, 2),
        (State.DONE, 2),
    ]


def test_its_terms_are_those_of_a_fresh_call() -> None:
    flow = machine(ev.Submitted(1, "a", terms=Terms(1)))
    flow.handle([ev.Failed(1, 1, 1)], 1.0)
    flow.handle([ev.Failed(1, 2, 1)], 2.0)
    assert flow.tasks[1].state is State.FAILED
    flow.handle([ev.RetryRequested((1,))], 3.0)
    flow.handle([ev.Failed(1, 3, 1)], 4.0)
    assert flow.tasks[1].state is State.RUNNING
    flow.handle([ev.Failed(1, 4, 1)], 5.0)
    assert flow.tasks[1].state is State.FAILED


def test_the_memo_is_asked_again() -> None:
    flow = machine(ev.Submitted(1, "a", cached=True))
    flow.handle([ev.Recalled(1, False)], 1.0)
    flow.handle([ev.Failed(1, 1, 1)], 2.0)
    assert Recall(1) in flow.handle([ev.RetryRequested((1,))], 3.0).instructions


def test_needs_are_kept_as_long_as_somebody_holds_what_ended_without_a_value_and_no_longer() -> None:
    flow = machine(ev.Submitted(1, "a"), ev.Submitted(2, "b", (1,)), ev.Submitted(3, "c", (2,)))
    flow.handle([ev.Succeeded(1, 1, 1, 0.1), ev.Released((1,))], 1.0)
    assert "Forget 1" not in kinds(flow.handle([ev.Failed(2, 1, 1)], 2.0))
    assert kinds(flow.handle([ev.Released((2,))], 3.0)) == [], "what was skipped for it holds it"
    assert flow.handle([ev.Released((3,))], 4.0).instructions == [Forget(3), Forget(2), Forget(1)]


def test_nobodys_failure_keeps_nothing() -> None:
    flow = machine(ev.Submitted(1, "a"), ev.Submitted(2, "b", (1,)))
    flow.handle([ev.Succeeded(1, 1, 1, 0.1), ev.Released((1, 2))], 1.0)
    assert kinds(flow.handle([ev.Failed(2, 1, 1)], 2.0)) == ["Settle 2", "Forget 2", "Forget 1"]


def test_what_was_skipped_waits_again_for_the_need_that_is_tried_again_with_it() -> None:
    flow = machine(ev.Submitted(1, "a"), ev.Submitted(2, "b", (1,)), ev.Submitted(3, "c", (2,)))
    flow.handle([ev.Failed(1, 1, 1)], 1.0)
    assert chosen(flow.tasks, [1], dependants=True) == ([1, 2, 3], {})
    flow.handle([ev.RetryRequested((3, 2, 1))], 2.0)  # in any order
    assert [flow.tasks[n].unmet for n in (1, 2, 3)] == [0, 1, 1]
    flow.handle([ev.Succeeded(1, 2, 1, 0.1)], 3.0)
    flow.handle([ev.Succeeded(2, 1, 1, 0.1)], 4.0)
    assert flow.tasks[3].state is State.RUNNING


def test_what_was_skipped_alone_is_refused_and_the_root_named() -> None:
    flow = machine(ev.Submitted(1, "a"), ev.Submitted(2, "b", (1,)), ev.Submitted(3, "c", (2,)))
    flow.handle([ev.Failed(1, 1, 1)], 1.0)
    assert chosen(flow.tasks, [3], dependants=True) == ([], {3: Obstacle(Hindrance.NEED, 1)})
    flow.handle([ev.RetryRequested((1,))], 2.0)
    flow.handle([ev.Succeeded(1, 2, 1, 0.1)], 2.5)
    assert chosen(flow.tasks, [3], dependants=False) == ([], {3: Obstacle(Hindrance.NEED, 2)}), (
        "1 goes well by now"
    )
    assert chosen(flow.tasks, [3, 2], dependants=False) == ([3, 2], {})


def test_dependants_that_lack_another_need_or_were_withdrawn_by_somebody_stay() -> None:
    calls = [
        ev.Submitted(1, "a"),
        ev.Submitted(2, "a"),
        ev.Submitted(3, "b", (1, 2)),
        ev.Submitted(4, "b", (1,)),
    ]
    flow = machine(*calls, ev.Submitted(5, "b", (1,)))
    flow.handle([ev.CancelRequested(5), ev.Failed(1, 1, 1)], 1.0)
    flow.handle([ev.Failed(2, 1, 1)], 2.0)
    assert chosen(flow.tasks, [1], dependants=True).again == [1, 4]
    assert chosen(flow.tasks, [1, 2], dependants=True).again == [1, 2, 3, 4]
    assert sorted(failed(flow.tasks)) == [1, 2, 3, 4]


def test_what_was_skipped_while_another_need_went_on_counts_that_one_once() -> None:
    flow = machine(ev.Submitted(1, "a"), ev.Submitted(2, "a"), ev.Submitted(3, "b", (1, 2)))
    flow.handle([ev.Failed(1, 1, 1)], 1.0)
    flow.handle([ev.RetryRequested((1, 3))], 2.0)
    flow.handle([ev.Succeeded(2, 1, 1, 0.1)], 3.0)
    assert flow.tasks[3].unmet == 1
    assert flow.tasks[3].state is State.WAITING


def test_what_cannot_be_tried_again_and_why() -> None:
    flow = machine(
        ev.Submitted(1, "a"), ev.Promised(2, "outside"), ev.Submitted(3, "a"), ev.Submitted(4, "b", (99,))
    )
    flow.handle([ev.Succeeded(1, 1, 1, 0.1), ev.Delivered(2, State.FAILED)], 1.0)
    assert chosen(flow.tasks, [1, 2, 3, 4, 5], dependants=True) == (
        [],
        {
            1: Obstacle(Hindrance.DONE),
            2: Obstacle(Hindrance.ONCE),
            3: Obstacle(Hindrance.GOING_ON),
            4: Obstacle(Hindrance.ONCE),
            5: Obstacle(Hindrance.UNKNOWN),
        },
    )
    before = flow.counts[:]
    step = flow.handle([ev.RetryRequested((1, 2, 3, 4, 5))], 2.0)
    assert flow.counts == before, "and nothing changed"
    assert not step.instructions


@pytest.fixture
def join() -> Machine:
    """A join, 1, that has called 2, which failed, and 3, which is done."""
    flow = machine(ev.Submitted(1, "join"))
    inner = [ev.Submitted(2, "a", parent=1), ev.Submitted(3, "a", parent=1)]
    flow.handle([*inner, ev.Joined(1, 1, 1, (2, 3)), ev.Released((2, 3))], 1.0)
    flow.handle([ev.Failed(2, 1, 1)], 2.0)
    flow.handle([ev.Succeeded(3, 1, 1, 0.1)], 3.0)
    assert flow.tasks[1].state is State.FAILED
    return flow


def test_a_join_waits_again_for_the_call_that_is_tried_again(join: Machine) -> None:
    assert chosen(join.tasks, [2], dependants=True).again == [2, 1]
    step = join.handle([ev.RetryRequested((2, 1))], 4.0)
    assert Revive(1, joins=True) in step.instructions
    step = join.handle([ev.Succeeded(2, 2, 1, 0.1)], 5.0)
    assert join.tasks[1].state is State.DONE


def test_a_join_alone_runs_its_body_again_and_lets_its_old_calls_go(join: Machine) -> None:
    step = join.handle([ev.RetryRequested((1,))], 4.0)
    assert Revive(1) in step.instructions
    assert Launch(1, 2, 1) in step.instructions
    assert {i.task for i in step.instructions if isinstance(i, Forget)} == {2, 3}


def test_a_join_whose_calls_went_well_since_takes_their_values(join: Machine) -> None:
    join.handle([ev.RetryRequested((2,))], 4.0)
    join.handle([ev.Succeeded(2, 2, 1, 0.1)], 4.5)
    assert join.tasks[1].state is State.FAILED
    join.handle([ev.RetryRequested((1,))], 5.0)
    assert join.tasks[1].state is State.DONE


def test_one_hundred_thousand_go_on_in_one_step() -> None:
    flow = Machine()
    flow.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p"), ev.Submitted(1, "head")], 0.0)
    flow.handle([ev.Submitted(n, "link", (n - 1,)) for n in range(2, 100_001)], 0.0)
    flow.handle([ev.Failed(1, 1, 1)], 1.0)
    again = chosen(flow.tasks, [1], dependants=True).again
    assert len(again) == 100_000
    flow.handle([ev.RetryRequested(tuple(again))], 2.0)
    assert flow.counts[State.WAITING] == 99_999
    step = flow.handle([ev.Failed(1, 2, 1), ev.Released(tuple(range(1, 100_001)))], 3.0)
    assert sum(isinstance(i, Forget) for i in step.instructions) == 100_000
    assert not flow.tasks
