"""What the panel of a task offers, and what it says of why the task stands as it does and how it was tried."""

from __future__ import annotations

import msgspec
import pytest

from nbflow.core.states import State
from nbflow.notebook.acts import acts
from nbflow.notebook.panel import panel
from nbflow.notebook.verbs import Verb, understand
from nbflow.wire.rows import Attempt, TaskDetails, TaskRow
from tests.notebook.graphs import EPOCH, done, row

KEPT = TaskDetails(1, "", "", [], "def app(): ...\n", "cell", 3, "Cell In[1], line 3", 0, kept=True)
GONE = msgspec.structs.replace(KEPT, kept=False)


def offered(
    task: TaskRow, *others: TaskRow, details: TaskDetails | None = KEPT
) -> list[tuple[str, str, list[int]]]:
    return [(act.label, act.verb, act.tasks) for act in acts(task, [task, *others], details) if act.verb]


def facts(task: TaskRow, *others: TaskRow, details: TaskDetails | None = KEPT) -> dict[str, str]:
    told = panel(task, [task, *others], details, EPOCH).facts
    return {fact.label: fact.text for fact in told if fact.text}


def test_what_goes_on_can_be_cancelled() -> None:
    for state in (State.WAITING, State.RECALLING, State.RUNNING):
        assert offered(row(1, state=state), details=None) == [("Cancel", "cancel", [1])]


def test_what_failed_can_be_retried_with_what_was_skipped_for_it_if_there_is_any() -> None:
    failed, skipped = row(1, state=State.FAILED), row(2, "b", [1], state=State.SKIPPED, root=1)
    assert offered(failed) == [("Retry", "retry", [1])]
    assert offered(failed, skipped) == [("Retry", "retry", [1]), ("Retry with dependants", "retry_all", [1])]
    assert [act.main for act in acts(failed, [failed, skipped], KEPT)] == [True, False, False]
    assert acts(failed, [failed], KEPT)[-1].line == "%nbflow debug 1"
    assert offered(row(1, state=State.CANCELLED)) == [("Retry", "retry", [1])]


def test_for_what_was_skipped_the_task_that_failed_is_retried_with_all_that_follows() -> None:
    failed, skipped = row(1, "score", state=State.FAILED), row(2, "b", [1], state=State.SKIPPED, root=1)
    assert offered(skipped, failed) == [("Retry score and dependants", "retry_all", [1])]
    well = done(1, "score")
    assert offered(skipped, well) == [("Retry", "retry", [2])], "what failed has its value by now"


def test_a_join_that_failed_for_a_call_of_its_own_may_have_that_retried_or_begin_anew() -> None:
    join = row(1, "join", state=State.FAILED, root=2)
    inner = row(2, "score", parent=1, state=State.FAILED)
    assert offered(join, inner) == [
        ("Retry score and dependants", "retry_all", [2]),
        ("Retry this one", "retry", [1]),
    ]


@pytest.mark.parametrize("state", [State.FAILED, State.SKIPPED, State.CANCELLED])
def test_what_nobody_holds_offers_nothing_and_says_why(state: State) -> None:
    task = row(1, state=state)
    assert offered(task, details=GONE) == []
    assert facts(task, details=GONE)["can be retried"].startswith("no: nobody holds the future of task 1")
    assert "can be retried" not in facts(task)


def test_what_is_done_offers_nothing() -> None:
    assert offered(done(1), details=GONE) == []
    assert "can be retried" not in facts(done(1), details=GONE)


def test_every_act_is_something_that_a_page_may_say() -> None:
    for state in State:
        for act in acts(row(1, state=state), [row(1, state=state), row(2, root=1)], KEPT):
            if act.line:
                continue
            said = understand({"verb": act.verb, "key": "k", "tasks": act.tasks}, None)
            assert said is not None
            assert said.verb in (Verb.CANCEL, Verb.RETRY, Verb.RETRY_ALL)


@pytest.mark.parametrize(
    ("task", "why"),
    [
        (row(3, needs=[1, 2, 2]), "waits for 1 of 2 needs"),
        (row(3, needs=[1]), "waits for a worker"),
        (row(3, attempt=1, again=True), "waits for its next attempt"),
        (row(3, joining=True, attempt=1), "waits for the tasks that it called"),
        (row(3, state=State.RECALLING), "is looked up in the memo"),
        (row(3, state=State.SKIPPED, root=1), "a task that it needs gave no value"),
        (row(3, state=State.CANCELLED, root=1), "a task that it needs was cancelled"),
        (row(3, state=State.CANCELLED), "somebody cancelled it"),
        (done(3, recalled=True, note="recalled from task 1"), "recalled from task 1"),
    ],
)
def test_why_it_stands_so(task: TaskRow, why: str) -> None:
    assert facts(task, done(1), row(2))["why"] == why


def test_each_attempt_is_told_where_there_was_more_than_one() -> None:
    tries = [
        Attempt(1, 2, EPOCH, EPOCH + 0.5, "ValueError: no"),
        Attempt(2, 3, EPOCH + 1, 0.0, ""),
    ]
    details = msgspec.structs.replace(KEPT, attempts=tries)
    told = facts(row(1, state=State.RUNNING, attempt=2), details=details)
    assert told["attempt 1"] == "0.50 s on worker 2: ValueError: no"
    assert told["attempt 2"] == "on worker 3, still going"
    assert "attempt 1" not in facts(done(1), details=msgspec.structs.replace(KEPT, attempts=tries[:1]))
    many = [Attempt(n, 1, EPOCH, EPOCH + 1, "no") for n in range(1, 21)]
    told = facts(row(1, state=State.FAILED), details=msgspec.structs.replace(KEPT, attempts=many))
    assert [label for label in told if label.startswith("attempt")] == [f"attempt {n}" for n in range(16, 21)]
