"""When a task was on which worker: told of those for which the row's own beginning, end and worker do not tell it."""

from __future__ import annotations

import pytest

from nbflow.core.instructions import Change, Why
from nbflow.core.states import State
from nbflow.scheduler import history
from nbflow.scheduler.history import MOST_ATTEMPTS, NO_FUNCTION, Job
from nbflow.wire.rows import Run

WAITING, RUNNING, DONE, FAILED, CANCELLED = (
    State.WAITING,
    State.RUNNING,
    State.DONE,
    State.FAILED,
    State.CANCELLED,
)


def job(started: float = 0.0, ended: float = 0.0) -> Job:
    """Of which the worker has said when it began and ended."""
    return Job(7, "f", None, (), "", 0, NO_FUNCTION, 0.5, None, started=started, ended=ended)


def story(*moves: tuple[State, Why, int, int]) -> list[Change]:
    """A second between one and the next; (state, why, attempt, worker)."""
    return [
        Change(7, state, float(at), attempt, worker, why, None)
        for at, (state, why, attempt, worker) in enumerate(moves, 1)
    ]


BEGAN = (RUNNING, Why.ATTEMPT, 1, 4)
FAILS = (WAITING, Why.ATTEMPT, 1, 4)
AGAIN = (RUNNING, Why.ATTEMPT, 2, 5)


@pytest.mark.parametrize(
    "moves",
    [
        (),
        (BEGAN,),
        (BEGAN, (DONE, Why.ATTEMPT, 1, 4)),
        (
            (State.RECALLING, Why.ATTEMPT, 0, 0),
            (WAITING, Why.RECALLED, 0, 0),
            BEGAN,
            (DONE, Why.ATTEMPT, 1, 4),
        ),
        ((WAITING, Why.RETURNED, 1, 4),),
    ],
)
def test_of_most_tasks_none_are_told(moves: tuple[tuple[State, Why, int, int], ...]) -> None:
    assert history.row(job(1.25, 1.75), story(*moves)).runs == ()


def test_a_failed_attempt_is_told_while_the_next_one_is_awaited() -> None:
    assert history.row(job(), story(BEGAN, FAILS)).runs == (Run(4, 1.0, 2.0, FAILED),)


def test_the_last_run_is_as_the_worker_has_measured_it_and_stands_as_its_task_does() -> None:
    assert history.row(job(), story(BEGAN, FAILS, AGAIN)).runs == (
        Run(4, 1.0, 2.0, FAILED),
        Run(5, 3.0, 0.0, None),
    )
    ends = (DONE, Why.ATTEMPT, 2, 5)
    assert history.row(job(3.25, 3.75), story(BEGAN, FAILS, AGAIN, ends)).runs[-1] == Run(5, 3.25, 3.75, None)


def test_what_was_given_back_before_it_began_was_on_no_worker() -> None:
    moves = (BEGAN, FAILS, AGAIN, (WAITING, Why.RETURNED, 2, 5))
    assert history.row(job(), story(*moves)).runs == (Run(4, 1.0, 2.0, FAILED),)


def test_the_body_of_a_join_leaves_its_worker_before_the_join_ends() -> None:
    moves = (BEGAN, (WAITING, Why.JOINED, 1, 4))
    assert history.row(job(), story(*moves)).runs == (Run(4, 1.0, 2.0, None),)
    assert history.row(job(), story(*moves, (DONE, Why.JOINED, 1, 4))).runs == (Run(4, 1.0, 2.0, None),)


def test_a_cancelled_run_that_somebody_wants_again_is_told_as_cancelled() -> None:
    moves = (BEGAN, (CANCELLED, Why.ASKED, 1, 4), (WAITING, Why.RETRIED, 1, 4), AGAIN)
    assert history.row(job(), story(*moves)).runs == (Run(4, 1.0, 2.0, CANCELLED), Run(5, 4.0, 0.0, None))


def test_of_very_many_the_last_are_told() -> None:
    moves = [move for attempt in range(1, 100) for move in ((RUNNING, Why.ATTEMPT, attempt, attempt), FAILS)]
    told = history.row(job(), story(*moves)).runs
    assert [run.worker for run in told] == list(range(100 - MOST_ATTEMPTS, 100))
