"""The columns of the table and the timeline: what is told of each task, and when it was ready."""

from __future__ import annotations

from array import array
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.states import State
from nbflow.notebook.columns import MOST_NOTES, MOST_RUNS, MOST_TRANSFERS, Columns
from nbflow.wire.rows import Run, TaskRow, Transfer
from tests.notebook.graphs import EPOCH, done, flows, row


def told(columns: Columns, name: str) -> list[int]:
    """A column as numbers; a time is milliseconds after the start, -1 = not yet."""
    if name == "app":
        return list(array("H", columns.fixed().app))
    record: Any = columns.fixed() if name == "submitted" else columns.moving()
    numbers = list(array("I", getattr(record, name)))
    return (
        [number - 1 for number in numbers] if name in ("submitted", "ready", "started", "ended") else numbers
    )


def test_each_fact_has_a_column_and_each_task_a_place() -> None:
    columns = Columns(EPOCH)
    columns.update(
        [
            done(1, "load", detail="path='x'", started=EPOCH + 0.5, ended=EPOCH + 2, peak=3 << 20),
            row(2, "score", [1], submitted=EPOCH + 0.25),
            row(3, "load", state=State.RUNNING, started=EPOCH + 1, attempt=2, worker=7),
        ]
    )
    assert columns.fixed().apps == ["load", "score"]
    assert told(columns, "app") == [0, 1, 0]
    assert columns.fixed().details == ["path='x'", "", ""]
    assert told(columns, "submitted") == [0, 250, 0]
    assert told(columns, "started") == [500, -1, 1000]
    assert told(columns, "ended") == [2000, -1, -1]
    assert told(columns, "worker") == [1, 0, 7]
    assert told(columns, "attempt") == [1, 0, 2]
    assert told(columns, "peak") == [3 << 10, 0, 0]


def test_a_task_is_ready_since_the_end_of_its_last_need() -> None:
    columns = Columns(EPOCH)
    columns.update([row(1), row(2), row(3, needs=[1, 2])])
    assert told(columns, "ready") == [0, 0, -1]
    columns.update([done(1, ended=EPOCH + 4)])
    assert told(columns, "ready") == [0, 0, -1], "one need has not ended"
    columns.update([done(2, ended=EPOCH + 3)])
    assert told(columns, "ready") == [0, 0, 4000], "nothing was told of the task itself"


def test_a_need_that_nobody_knows_has_ended_long_ago() -> None:
    columns = Columns(EPOCH)
    columns.update([row(5, needs=[1], submitted=EPOCH + 1)])
    assert told(columns, "ready") == [1000]


def test_what_never_changes_is_made_anew_only_for_a_new_task() -> None:
    columns = Columns(EPOCH)
    columns.update([row(1)])
    fixed = columns.fixed()
    columns.update([done(1)])
    assert columns.fixed() is fixed
    columns.update([row(2)])
    assert columns.fixed() is not fixed


def test_errors_are_told_of_those_that_went_wrong_and_of_the_first_only() -> None:
    columns = Columns(EPOCH)
    wrong = {"state": State.FAILED, "note": "ValueError: no\nsuch kernel " + "x" * 500}
    columns.update([done(1, note="42"), row(2, **wrong), row(3, state=State.WAITING, note="of an attempt")])
    assert list(columns.moving().notes) == ["1"]
    assert columns.moving().notes["1"].startswith("ValueError: no such kernel xx")
    assert len(columns.moving().notes["1"]) <= 120
    columns.update([row(task, **wrong) for task in range(10, 10 + 2 * MOST_NOTES)])
    assert len(columns.moving().notes) == MOST_NOTES


def test_a_task_that_is_tried_again_has_no_error_and_no_end() -> None:
    columns = Columns(EPOCH)
    columns.update([done(1, state=State.FAILED, note="ValueError: no")])
    columns.update([row(1, state=State.RUNNING, started=EPOCH + 5, attempt=2)])
    assert columns.moving().notes == {}
    assert told(columns, "ended") == [-1]


def test_of_a_task_whose_values_were_long_on_their_way_it_is_told_in_milliseconds() -> None:
    columns = Columns(EPOCH)
    columns.update([done(1), done(2, transfer=Transfer(0.0204, 0.0))])
    assert columns.moving().transfers == {"1": (20, 0)}
    columns.update([row(2, state=State.RUNNING, started=EPOCH + 5, attempt=2)])
    assert columns.moving().transfers == {}
    columns.update([done(number, transfer=Transfer(1.0, 1.0)) for number in range(1, MOST_TRANSFERS + 9)])
    assert len(columns.moving().transfers) == MOST_TRANSFERS


def test_the_runs_of_a_task_that_was_tried_again_are_told_in_milliseconds() -> None:
    columns = Columns(EPOCH)
    failed = Run(2, EPOCH + 1, EPOCH + 1.5, State.FAILED)
    columns.update([done(1), row(2, attempt=2, runs=(failed, Run(1, EPOCH + 2, 0.0, None)))])
    assert columns.moving().runs == {"1": [(2, 1000, 1500, State.FAILED), (1, 2000, -1, -1)]}
    columns.update([row(number, runs=(failed,)) for number in range(2, MOST_RUNS + 9)])
    assert len(columns.moving().runs) == MOST_RUNS


@given(flows(), st.data())
def test_what_came_piece_by_piece_tells_the_same_as_all_at_once(
    rows: list[TaskRow], data: st.DataObject
) -> None:
    rows = [msgspec.structs.replace(row, ended=EPOCH + row.id if row.state.ended else 0.0) for row in rows]
    early = [
        msgspec.structs.replace(row, state=State.WAITING, ended=0.0) if data.draw(st.booleans()) else row
        for row in rows
    ]
    slowly, at_once = Columns(EPOCH), Columns(EPOCH)
    slowly.update(early)
    for each in data.draw(st.permutations(rows)):
        slowly.update([each])
    at_once.update(rows)
    assert slowly.fixed() == at_once.fixed()
    assert slowly.moving() == at_once.moving()
