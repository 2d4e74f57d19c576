"""What one cell has submitted: which tasks are its own, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest

from nbflow.core.states import State
from nbflow.notebook.batch import Batch, Notice, Told, home_of
from nbflow.notebook.board import Board
from nbflow.notebook.estimate import Pace
from nbflow.notebook.line_still import bundle
from nbflow.notebook.timeleft import TimeLeft
from nbflow.wire.rows import Part, Progress, TaskRow
from tests.notebook.graphs import EPOCH, done, row

INNER = 1 << 32  # numbers from here on are given by workers


def running(task: int, **fields: Any) -> TaskRow:
    return row(task, **{"state": State.RUNNING, "attempt": 1, "worker": 1, "started": EPOCH, **fields})


def failed(task: int, note: str, **fields: Any) -> TaskRow:
    return row(
        task, state=State.FAILED, attempt=1, worker=1, started=EPOCH, ended=EPOCH + 3, note=note, **fields
    )


def batch_of(*rows: TaskRow, last: int | None = 99) -> Batch:
    batch = Batch(1, EPOCH)
    batch.last = last
    for each in rows:
        batch.take(each)
    return batch


def told(batch: Batch, now: float = EPOCH + 10, pending: bool = False, complete: bool = True) -> Told:
    return batch.told(now, pending, complete)


class HandSweep:
    """A sweep that is moved by hand."""

    def __init__(self, number: int, **counts: int) -> None:
        self.number = number
        self.alone: set[int] = set()
        self.states = {State[name.upper()]: count for name, count in counts.items()}

    def done(self) -> bool:
        return not (self.states.get(State.WAITING) or self.states.get(State.RUNNING))

    def counts(self) -> Mapping[State, int]:
        return self.states


# ---------------------------------------------------------------- whose tasks


def test_a_cells_tasks_are_those_numbered_while_it_ran_and_what_these_have_called() -> None:
    first, second = Batch(1, EPOCH), Batch(4, EPOCH)
    first.last = 3
    rows = {each.id: each for each in (
        row(1), row(3), row(4), row(INNER, parent=3), row(INNER + 1, parent=INNER), row(INNER + 2, parent=4),
        row(INNER + 9, parent=INNER + 8),
    )}  # fmt: skip
    known: dict[int, Batch | None] = {}
    homes = [home_of(each, [first, second], known, rows) for each in rows.values()]
    assert homes == [first, first, second, first, first, second, None]
    assert home_of(rows[INNER + 1], [second], {}, rows) is None


def test_a_chunk_that_is_sent_late_belongs_to_the_cell_of_its_sweep() -> None:
    first, second = Batch(1, EPOCH), Batch(2, EPOCH)
    first.last = 1
    late = row(7, part=Part(1, 100, 50, 200))
    assert home_of(late, [first, second], {}, {7: late}) is first


def test_a_chain_of_calls_of_any_length_is_followed() -> None:
    batch = Batch(1, EPOCH)
    rows = {1: row(1)} | {INNER + n: row(INNER + n, parent=INNER + n - 1 if n else 1) for n in range(20_000)}
    assert home_of(rows[INNER + 19_999], [batch], {}, rows) is batch


# ---------------------------------------------------------------- what is told


def test_counts_and_fraction_follow_the_newest_rows() -> None:
    batch = batch_of(done(1), running(2, progress=Progress(0.5, "")), row(3), row(4))
    assert told(batch).counts == {"done": 1, "running": 1, "waiting": 2}
    assert told(batch).fraction == pytest.approx(1.5 / 4)
    for task in (2, 3, 4):
        batch.take(done(task))
    now = told(batch)
    assert (now.counts, now.fraction, now.running) == ({"done": 4}, 1.0, False)


def test_items_of_a_sweep_are_counted_as_the_sweep_says_and_not_twice() -> None:
    sweep = HandSweep(2, waiting=60, running=20, done=20)
    batch = batch_of()
    batch.sweeps.append(sweep)
    sweep.alone = {8}
    batch.look()
    for each in (
        done(1),
        done(2, part=Part(2, 0, 20, 100)),
        running(3, part=Part(2, 20, 20, 100)),
        running(8),
    ):
        batch.take(each)
    assert told(batch).counts == {"done": 21, "running": 20, "waiting": 60}
    sweep.states = {State.DONE: 99, State.FAILED: 1}
    batch.take(done(8))
    assert told(batch).counts == {"done": 100, "failed": 1}
    assert not told(batch).running


def test_a_sweep_inside_a_task_is_counted_by_the_rows_of_its_chunks() -> None:
    batch = batch_of(running(1), running(INNER, parent=1, part=Part(INNER, 0, 50, 100)))
    assert told(batch).counts == {"running": 51}


def test_futures_that_have_not_ended_keep_it_going_though_no_row_says_so() -> None:
    batch = batch_of(done(1))
    assert told(batch, pending=True).running
    assert told(batch, pending=True).notice is None
    assert not told(batch).running


class Clock:
    """Seconds, moved by hand."""

    now = EPOCH

    def __call__(self) -> float:
        return self.now


def timing(clock: Clock, **known: Any) -> Callable[[Board], TimeLeft]:
    """What makes the time left by this clock; it costs nothing."""
    return partial(TimeLeft, clock=clock, wall=clock, spent=lambda: 0.0, **known)


def test_the_time_left_comes_from_how_long_the_apps_of_the_cell_took_here_or_earlier() -> None:
    clock = Clock()
    batch = Batch(1, EPOCH, timing(clock, earlier=lambda: {"report": Pace(3, 5.0)}, workers=lambda: 2))
    batch.last = 99

    def left(*rows: TaskRow) -> float | None:
        for each in rows:
            batch.take(each)
        clock.now += 1
        return told(batch, clock.now).left

    scores = [row(number, "score") for number in range(2, 6)]
    assert left(*scores) is None, "nobody knows how long one takes"
    assert left(row(2, "score", state=State.DONE, attempt=1, worker=1, started=EPOCH, ended=EPOCH + 4)) == 6.0
    assert left(row(6, "report", [3, 4, 5])) == pytest.approx(9.0), (
        "the longest way: a score, then the report"
    )
    half = row(
        3, "score", state=State.RUNNING, attempt=1, worker=1, started=EPOCH, progress=Progress(0.5, "")
    )
    assert left(half) == pytest.approx(9.0)
    assert left(row(7, "score"), row(8, "score"), row(9, "score")) == pytest.approx((5 * 4 + 5 + 5) / 2)


def test_what_the_cell_waits_for_in_other_cells_counts_to_the_time_left_as_long_as_it_goes_on() -> None:
    clock = Clock()
    flow = {
        1: row(1, "load"),
        2: row(2, "clean", [1]),
        3: row(3, "unrelated"),
        4: row(4, "report", [2]),
    }
    known = {app: Pace(1, 10.0) for app in ("load", "clean", "unrelated", "report")}
    batch = Batch(4, EPOCH, timing(clock, earlier=lambda: known, workers=lambda: 4, beyond=flow))
    batch.last = 4
    batch.take(flow[4])

    def left() -> float | None:
        clock.now += 1
        return told(batch, clock.now).left

    assert left() == 30.0
    flow[1] = done(1)
    assert left() == 20.0, "though no task of the cell has changed"
    flow[2] = done(2)
    assert left() == 10.0


def test_what_is_left_of_a_sweep_is_told_in_proportion_once_there_is_evidence() -> None:
    batch = batch_of(running(1))
    sweep = HandSweep(1, waiting=4)
    batch.sweeps.append(sweep)
    assert told(batch).left is None
    sweep.states = {State.DONE: 1, State.WAITING: 3}
    assert told(batch, EPOCH + 10).left == pytest.approx(10 * 4 / 1)


def test_time_stands_still_when_all_has_ended() -> None:
    batch = batch_of(done(1))
    assert told(batch, EPOCH + 500).elapsed == told(batch, EPOCH + 900).elapsed == pytest.approx(2)
    assert told(batch).left is None


def test_what_running_tasks_say_is_told_of_the_first_of_them() -> None:
    batch = batch_of(running(1, app="load"))
    assert told(batch).says == ""
    batch.take(running(2, app="fit", progress=Progress(0.5, "epoch: 1 of 2")))
    assert told(batch).says == "fit: epoch: 1 of 2"
    batch.take(running(3, app="fit", progress=Progress(None, "7")))
    assert told(batch).says == "fit: epoch: 1 of 2 (and 1 more)"


# ---------------------------------------------------------------- what is said once


def test_the_end_is_noticed_when_the_cell_and_all_rows_are_there() -> None:
    batch = batch_of(done(1), done(2), last=None)
    assert told(batch).notice is None, "the cell may submit more"
    batch.last = 2
    assert told(batch, complete=False).notice is None
    assert told(batch).notice == Notice(True, "2 tasks, 2 done, in 3.0 s")


def test_the_first_failure_is_noticed_at_once_and_nothing_after_it() -> None:
    batch = batch_of(running(1), running(2), last=None)
    batch.take(failed(2, "ValueError: no such file"))
    first = told(batch, complete=False).notice
    assert first == Notice(False, "task 2 `app` failed: ValueError: no such file")
    batch.take(failed(1, "KeyError: 'x'"))
    batch.last = 2
    assert told(batch).notice == first


def test_an_item_that_failed_is_noticed_as_well() -> None:
    batch = batch_of()
    batch.sweeps.append(HandSweep(1, running=10))
    batch.take(done(1, part=Part(1, 0, 10, 10), failed=1, note="item 3: ValueError: x"))
    assert told(batch).notice == Notice(False, "task 1 `app` failed: item 3: ValueError: x")


def test_what_was_cancelled_is_an_end_that_is_not_good() -> None:
    batch = batch_of(done(1), row(2, state=State.CANCELLED, ended=EPOCH + 2))
    assert told(batch).notice == Notice(False, "2 tasks, 1 done, 1 cancelled, in 2.0 s")


# ---------------------------------------------------------------- as it stays


def test_an_end_that_somebody_goes_on_after_is_told_no_more() -> None:
    cancelled = row(1, state=State.CANCELLED, attempt=1, worker=1, started=EPOCH, ended=EPOCH + 3)
    batch = batch_of(cancelled, done(2))
    assert told(batch).notice == Notice(False, "2 tasks, 1 done, 1 cancelled, in 3.0 s")
    batch.take(running(1, attempt=2))
    assert told(batch).notice is None
    batch.take(failed(1, "ValueError: odd"))
    notice = told(batch).notice
    assert notice is not None
    assert "ValueError: odd" in notice.text


def test_the_still_line_tells_the_same_in_html_and_text_and_lets_no_markup_through() -> None:
    batch = batch_of(done(1), failed(2, "<script>alert(1)</script> & \x1b[31mred"))
    shown = bundle(told(batch))
    assert shown["text/plain"] == "nbflow: 2 tasks, 1 done, 1 failed"
    assert "<script" not in shown["text/html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; red" in shown["text/html"]
    assert "1 done" in shown["text/html"]


def test_a_good_end_is_told_by_the_counts_alone() -> None:
    shown = bundle(told(batch_of(done(1))))["text/html"]
    assert "1 done" in shown
    assert "1 task," not in shown


def test_a_failure_that_was_tried_again_with_success_is_told_no_more() -> None:
    batch = batch_of(failed(1, "ValueError: no"), failed(2, "KeyError: 'x'"), last=2)
    assert told(batch).notice == Notice(False, "task 1 `app` failed: ValueError: no")
    batch.take(running(1))
    assert told(batch).notice == Notice(False, "task 2 `app` failed: KeyError: 'x'"), "that one still stands"
    batch.take(running(2))
    assert told(batch).notice is None
    batch.take(done(1))
    batch.take(done(2))
    assert told(batch).notice == Notice(True, "2 tasks, 2 done, in 3.0 s")


def test_the_time_left_is_told_anew_when_there_are_other_workers() -> None:
    board, workers, clock = Board(), [0], [0.0]
    time_left = TimeLeft(
        board,
        lambda: {"score": Pace(1, 2.0)},
        lambda: workers[0],
        lambda: clock[0],
        lambda: EPOCH,
        lambda: 0.0,
    )
    rows = [row(task, app="score") for task in range(1, 11)]
    time_left.changed(rows)
    board.update(rows)
    alone = time_left.left()
    workers[0], clock[0] = 2, 1.0
    both = time_left.left()
    assert alone is not None
    assert both is not None
    assert (round(alone.seconds), round(both.seconds)) == (20, 10)
