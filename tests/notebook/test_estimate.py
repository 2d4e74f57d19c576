"""How long a flow still takes, and which tasks decide it."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.states import State
from nbflow.notebook.estimate import (
    Left,
    Pace,
    Paces,
    critical_path,
    longest_way,
    paces_of,
    remaining,
    time_left,
)
from nbflow.wire.rows import Part, Progress, TaskRow
from tests.notebook.graphs import EPOCH, done, flows, row

SECONDS = {"load": 2.0, "score": 1.0, "a <b> & 'c'": 0.5, "name " * 12: 4.0}


def expected(row: TaskRow) -> float | None:
    return SECONDS.get(row.app)


def seconds_left(rows: list[TaskRow], workers: int, now: float = EPOCH) -> float:
    left = time_left(rows, expected, now, workers)
    assert left is not None
    assert not left.least
    return left.seconds


@given(flows(), st.integers(1, 50), st.floats(0, 100))
def test_the_time_left_is_as_long_as_the_longest_way_and_more_workers_never_make_it_longer(
    rows: list[TaskRow], workers: int, later: float
) -> None:
    now = EPOCH + later
    left = seconds_left(rows, workers, now)
    assert left >= 0
    unended = [row for row in rows if not row.state.ended]
    for each in unended:
        if not any(row.parent == each.id for row in rows):
            assert left >= (remaining(each, expected(each), now) or 0) - 1e-9
    assert left <= seconds_left(rows, 1, now) + 1e-9
    assert seconds_left(rows, workers + 1, now) <= left + 1e-9
    everything = sum(SECONDS[each.app] for each in unended)
    assert left <= everything + 1e-9


@given(flows())
def test_nothing_is_left_once_all_have_ended(rows: list[TaskRow]) -> None:
    ended = [msgspec.structs.replace(row, state=State.DONE) for row in rows]
    assert time_left(ended, lambda _: None, EPOCH, 1) == Left(0.0)


@given(flows(), st.floats(0, 100))
def test_the_critical_path_leads_along_needs_and_calls(rows: list[TaskRow], later: float) -> None:
    path = critical_path(rows, expected, EPOCH + later)
    assert bool(path) == bool(rows)
    assert len(set(path)) == len(path)
    by_id = {row.id: row for row in rows}
    for before, after in itertools.pairwise(path):
        need, task = rows[before], rows[after]
        over = [need.id]  # a task called inside another ends before whoever needs that one begins
        while (caller := by_id[over[-1]].parent) is not None:
            over.append(caller)
        assert task.parent == need.id or set(over) & set(task.needs)


def test_the_longest_way_counts_the_ways_of_a_diamond_once() -> None:
    rows = [row(1, "load"), row(2, "score", [1]), row(3, "score", [1]), row(4, "score", [2, 3])]
    assert longest_way(rows, [1.0, 5.0, 2.0, 1.0]) == (7.0, [0, 1, 3])
    assert longest_way(rows, [1.0, 2.0, 5.0, 1.0]) == (7.0, [0, 2, 3])


def test_work_is_shared_among_workers_but_a_chain_is_not() -> None:
    wide = [row(task, "score") for task in range(1, 9)]
    assert [seconds_left(wide, workers) for workers in (1, 2, 8, 80)] == [8.0, 4.0, 1.0, 1.0]
    chain = [row(task, "score", [task - 1] if task > 1 else []) for task in range(1, 9)]
    assert seconds_left(chain, 80) == 8.0


def test_who_needs_a_task_waits_for_what_that_one_has_called() -> None:
    rows = [
        row(1, "load", state=State.RUNNING, started=EPOCH),
        row(2, "score", [1]),
        row(3, "score", parent=1),
        row(4, "score", [3], parent=1),
    ]
    assert seconds_left(rows, 80) == 3.0, "3, 4, then 2; the caller has no time of its own"
    assert critical_path(rows, expected, EPOCH) == [0, 2, 3, 1]


def test_a_running_task_takes_the_rest_of_its_time_and_what_it_says_of_itself_counts_first() -> None:
    running = {"state": State.RUNNING, "started": EPOCH}
    assert seconds_left([row(1, "load", **running)], 1, EPOCH + 0.5) == 1.5
    assert seconds_left([row(1, "load", **running)], 1, EPOCH + 9) == 0.0
    told = row(1, "load", **running, progress=Progress(0.25, "fitting"))
    assert seconds_left([told], 1, EPOCH + 9) == 27.0
    counting = row(1, "load", **running, progress=Progress(None, "7"))
    assert seconds_left([counting], 1, EPOCH + 0.5) == 1.5


def test_nothing_is_said_before_there_is_ground_for_it() -> None:
    unknown = [row(task, "new") for task in range(1, 4)]
    assert time_left(unknown, expected, EPOCH, 1) is None
    assert time_left([*unknown, row(4, "load")], expected, EPOCH, 1) is None
    mostly = [row(1, "new"), row(2, "load"), row(3, "load")]
    assert time_left(mostly, expected, EPOCH, 1) == Left(4.0, least=True)


def measured(*rows: TaskRow, earlier: dict[str, Pace] | None = None) -> Paces:
    paces = Paces(earlier or {})
    known: dict[int, TaskRow] = {}
    for each in rows:
        paces.update([each], known.get)
        known[each.id] = each
    return paces


def test_a_pace_is_the_mean_of_what_has_ended_well_each_task_once() -> None:
    first, second = done(1, "fit", ended=EPOCH + 2), done(2, "fit", ended=EPOCH + 5)
    paces = measured(first, second, first)
    assert paces.of(row(9, "fit")) == 2.0
    assert paces.of(row(9, "other")) is None


def test_what_tells_nothing_of_the_app_is_not_measured() -> None:
    none: list[dict[str, Any]] = [{"recalled": True}, {"state": State.FAILED}, {"started": 0.0}]
    for fields in none:
        assert measured(done(1, "fit", **fields)).here == {}
    caller = done(1, "fit")
    assert measured(row(2, "inner", parent=1), caller).here == {}


def test_an_item_of_a_sweep_is_measured_and_a_part_takes_as_long_as_its_items() -> None:
    part = done(1, "fit", ended=EPOCH + 1 + 10, part=Part(1, 0, 5, 10))
    paces = measured(part)
    assert paces.here["fit"].mean == 2.0
    assert paces.of(row(2, "fit", part=Part(1, 5, 4, 10))) == 8.0


def test_earlier_flows_count_until_this_one_has_measured() -> None:
    paces = measured(earlier={"fit": Pace(3, 7.0)})
    assert paces.of(row(1, "fit")) == 7.0
    paces.update([done(1, "fit")], lambda task: None)
    assert paces.of(row(2, "fit")) == 1.0


def test_what_other_cells_have_measured_counts_more_than_earlier_flows() -> None:
    took = {"started": EPOCH, "ended": EPOCH + 4}
    rows = [
        done(1, "score", **took),
        done(2, "join", **took),
        done(3, "leaf", parent=2, **took),
        row(4, "fit"),
    ]
    known = paces_of({each.id: each for each in rows}, {"score": Pace(9, 1.0), "fit": Pace(9, 2.0)})
    assert {app: pace.mean for app, pace in known.items()} == {"score": 4.0, "leaf": 4.0, "fit": 2.0}


def test_news_are_told_once() -> None:
    paces = measured(done(1, "fit"))
    assert paces.take_news() == {"fit": Pace(1, 1.0)}
    assert paces.take_news() == {}
    assert paces.here == {"fit": Pace(1, 1.0)}
