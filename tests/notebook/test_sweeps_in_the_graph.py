"""The parts of a sweep in the picture: one block, its items counted by state, and the errors of those that failed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.states import State
from nbflow.notebook.board import Board
from nbflow.notebook.marks import MARKS, ended, mark_of, tally_of
from nbflow.notebook.panel import panel
from nbflow.notebook.saved import html
from nbflow.notebook.still import still, svg
from nbflow.notebook.view import build
from nbflow.wire.rows import Part, TaskDetails, TaskRow
from tests.notebook.graphs import EPOCH, done, row

FAILED = {"failed": 2, "skipped": 1, "note": "item 7: ValueError: no, and 1 more"}


def part(task: int, first: int, count: int, make: Any = done, **fields: Any) -> TaskRow:
    """A task of a sweep of 100 items, whose first task is 1."""
    found: TaskRow = make(task, "score", part=Part(1, first, count, 100), **fields)
    return found


def swept() -> list[TaskRow]:
    """One that went well, one with faults, one that runs, and a task that has nothing to do with it."""
    return [
        part(1, 0, 5),
        part(2, 5, 20, **FAILED),
        part(3, 25, 30, row, state=State.RUNNING, attempt=1, worker=1, started=EPOCH),
        done(4, "score"),
    ]


def test_the_tasks_of_a_sweep_are_one_block_however_few_they_are() -> None:
    scene = build("flow", swept())
    assert [(node.tasks, node.title) for node in scene.nodes] == [
        ([0, 1, 2], "score · 100 items"),
        ([3], "score"),
    ]
    block, pill = scene.nodes
    assert block.cell
    assert block.items == 100
    assert not pill.cell
    (alone,) = build("flow", swept()[:1]).nodes
    assert alone.cell, "a block of one cell"


def test_two_sweeps_of_one_app_are_two_blocks_and_do_not_fold_what_is_beside_them() -> None:
    others = [part(n, 0, 5) for n in range(1, 40)]
    again = [done(n, "score", part=Part(50, 0, 5, 7)) for n in range(50, 90)]
    scene = build("flow", [*others, *again, *[done(n, "load") for n in range(100, 105)]])
    assert [node.title for node in scene.nodes[:2]] == ["score · 100 items", "score · 7 items"]
    assert [len(node.tasks) for node in scene.nodes] == [39, 40, 1, 1, 1, 1, 1]


def test_items_count_in_the_place_of_their_tasks() -> None:
    board = Board()
    board.update(swept())
    assert board.counts == {"done": 5 + 17 + 1, "running": 30, "failed": 2, "cancelled": 1}
    assert not board.at_rest
    board.update([part(3, 25, 30)])
    assert board.counts == {"done": 5 + 17 + 1 + 30, "failed": 2, "cancelled": 1}
    assert board.at_rest


def test_a_lost_task_counts_as_the_one_item_that_is_lost_with_it() -> None:
    board = Board()
    board.update([part(1, 0, 50, state=State.FAILED)])
    assert board.counts == {"failed": 1}


def test_a_cell_with_failed_items_is_marked_as_failed() -> None:
    assert MARKS[mark_of(part(1, 0, 20, **FAILED))].word == "failed"
    assert MARKS[mark_of(part(1, 0, 20))].word == "done"


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.sampled_from(list(State)), st.integers(0, 3), st.integers(0, 3)),
        max_size=12,
    )
)
def test_the_counts_are_those_of_the_newest_rows(changes: list[tuple[int, State, int, int]]) -> None:
    board, newest = Board(), {}
    for task, state, failed, skipped in changes:
        newest[task] = part(task, 10 * task, 10, state=state, failed=failed, skipped=skipped)
        board.update([newest[task]])
    tally = [0] * len(MARKS)
    for one in newest.values():
        for mark, count in tally_of(one, mark_of(one)):
            tally[mark] += count
    assert board.tally == tally
    assert board.at_rest == (bool(newest) and not any(n for m, n in enumerate(tally) if not ended(m)))


def test_the_panel_tells_the_items_and_the_errors_of_those_that_failed() -> None:
    lines = [f"item {n}: ValueError: no" for n in (7, 9)]
    details = TaskDetails(2, "Traceback of item 7", "", [], "def score(): ...\n", "f", 1, "f", 1, lines)
    rows = swept()
    told = panel(rows[1], rows, details, EPOCH)
    facts = [(fact.label, fact.text) for fact in told.facts]
    assert facts[:3] == [
        ("items", "20 of 100, from item 5 on: 17 done, 2 failed, 1 cancelled"),
        ("failed", "item 7: ValueError: no"),
        ("failed", "item 9: ValueError: no"),
    ]
    assert told.error == "item 7: ValueError: no, and 1 more"
    assert told.result == ""
    assert told.traceback == "Traceback of item 7"


def test_the_still_picture_counts_items() -> None:
    picture = still("flow", swept(), EPOCH + 60)
    assert 'alt="flow: 56 tasks, 23 done, 30 running, 2 failed, 1 cancelled"' in html(picture)
    assert "score · 100 items" in svg(picture)
