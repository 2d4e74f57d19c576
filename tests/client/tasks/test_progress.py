"""How far a task has come, as it says: told to whoever watches, at a bounded pace; nothing outside of a task."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import nbflow
from nbflow import AppFuture, DataFlowKernel, join_app, python_app
from nbflow.client.tasks.bars import Reader, bar_of_tqdm
from nbflow.client.tasks.progress import EVERY, Saying
from nbflow.wire.rows import Progress, TaskRow
from tests.gates import Gate, stand_at


class Eye:
    """Keeps all that the feed has told of how far tasks have come."""

    def __init__(self, flow: DataFlowKernel) -> None:
        self.rows: list[TaskRow] = []
        self._news = threading.Condition()
        self._flow = flow
        flow.watch()
        flow.feed.subscribe(self)

    def tasks_changed(self, rows: Sequence[TaskRow]) -> None:
        with self._news:
            self.rows += rows
            self._news.notify_all()

    def flow_closed(self) -> None:
        pass

    def said(self, task: int) -> list[Progress]:
        return [row.progress for row in self.rows if row.id == task and row.progress is not None]

    def wait_for(self, good: Callable[[TaskRow], bool]) -> TaskRow:
        """The first row like this."""
        with self._news:
            assert self._news.wait_for(lambda: any(map(good, self.rows)), 30), self.rows[-5:]
            return next(filter(good, self.rows))

    def wait_for_text(self, future: AppFuture, text: str) -> TaskRow:
        return self.wait_for(
            lambda row: row.id == future.tid and row.progress is not None and row.progress.text == text
        )


@pytest.fixture
def eye(each_flow: DataFlowKernel) -> Iterator[Eye]:
    found = Eye(each_flow)
    yield found
    each_flow.feed.unsubscribe(found)


@python_app
def says(fraction: float, text: str, gate: Gate) -> None:
    nbflow.progress(fraction, text)
    stand_at(gate, None)


def test_what_a_task_says_is_in_its_row_while_it_runs_and_not_after(eye: Eye, gate: Gate) -> None:
    future = says(0.25, "loading", gate)
    row = eye.wait_for_text(future, "loading")
    assert row.progress == Progress(0.25, "loading")
    gate.let_through()
    future.result(30)
    assert eye.wait_for(lambda row: row.id == future.tid and row.state.ended).progress is None


def test_of_a_burst_the_last_word_is_told_and_few_before_it(eye: Eye, gate: Gate) -> None:
    @python_app
    def burst(gate: Gate) -> float:
        began = time.monotonic()
        for number in range(20_001):
            nbflow.progress(number / 20_000, f"{number}")
        took = time.monotonic() - began
        return stand_at(gate, took)

    future = burst(gate)
    eye.wait_for_text(future, "20000")
    gate.let_through()
    assert len(eye.said(future.tid)) <= future.result(30) / EVERY + 3


def test_track_counts_what_is_done_and_knows_how_far_it_is_where_there_is_a_length(
    eye: Eye, gate: Gate
) -> None:
    @python_app
    def through(gate: Gate) -> list[int]:
        gone = []
        for item in nbflow.track([1, 2, 3, 4], text="fitting"):
            gone.append(item)
            if item == 4:
                stand_at(gate, None)
        return gone

    future = through(gate)
    assert eye.wait_for_text(future, "fitting: 3 of 4").progress == Progress(0.75, "fitting: 3 of 4")
    gate.let_through()
    assert future.result(30) == [1, 2, 3, 4]


def test_track_of_what_has_no_length_shows_a_count_unless_it_is_told_the_total(eye: Eye, gate: Gate) -> None:
    @python_app
    def through(total: int | None, gate: Gate) -> None:
        for item in nbflow.track((number for number in range(9)), total):
            if item == 2:
                stand_at(gate, None)

    futures = [through(None, gate), through(4, gate)]
    assert eye.wait_for_text(futures[0], "2").progress == Progress(None, "2")
    assert eye.wait_for_text(futures[1], "2 of 4").progress == Progress(0.5, "2 of 4")
    gate.let_through(2)
    assert [future.result(30) for future in futures] == [None, None], "more than was said does no harm"


def test_a_task_called_inside_another_speaks_for_itself(eye: Eye, gate: Gate) -> None:
    @join_app
    def outer(gate: Gate) -> AppFuture:
        return says(0.5, "inside", gate)

    future = outer(gate)
    row = eye.wait_for(lambda row: row.progress == Progress(0.5, "inside"))
    assert row.parent == future.tid
    gate.let_through()
    future.result(30)


def test_the_next_attempt_begins_without_what_the_last_one_said(
    each_flow: DataFlowKernel, gate: Gate
) -> None:
    eye = Eye(each_flow)

    @python_app(retries=1)
    def fails_once(gate: Gate, log: str) -> None:
        if not os.path.exists(log):
            open(log, "x").close()
            nbflow.progress(0.9, "first")
            stand_at(gate, None)
            raise ValueError
        stand_at(gate, None)

    future = fails_once(gate, f"{gate.arrivals}.log")
    eye.wait_for_text(future, "first")
    gate.wait_for()
    gate.let_through()
    gate.wait_for()
    row = eye.wait_for(lambda row: row.id == future.tid and row.attempt == 2)
    assert row.progress is None
    gate.let_through()
    future.result(30)
    each_flow.feed.unsubscribe(eye)


def test_a_bar_of_tqdm_is_progress(eye: Eye, gate: Gate) -> None:
    pytest.importorskip("tqdm")

    @python_app
    def bars(gate: Gate) -> None:
        from tqdm.std import trange

        for number in trange(4, desc="epochs", mininterval=0):
            for _ in trange(3, leave=False, mininterval=0):
                pass
            if number == 3:
                stand_at(gate, None)

    future = bars(gate)
    assert eye.wait_for_text(future, "epochs: 3 of 4").progress == Progress(0.75, "epochs: 3 of 4")
    gate.let_through()
    future.result(30)


def test_who_speaks_is_not_overruled_by_the_bars_it_draws(eye: Eye, gate: Gate) -> None:
    pytest.importorskip("tqdm")

    @python_app
    def both(gate: Gate) -> None:
        from tqdm.std import trange

        nbflow.progress(0.1, "own")
        for number in trange(4, mininterval=0):
            if number == 3:
                nbflow.progress(0.2, "own again")
                stand_at(gate, None)

    future = both(gate)
    eye.wait_for_text(future, "own again")
    gate.let_through()
    future.result(30)
    assert {said.text for said in eye.said(future.tid)} <= {"own", "own again"}


def test_whatever_is_said_is_one_legible_line(eye: Eye, gate: Gate) -> None:
    future = says(1, "\x1b[31mone\ntwo\x00\ud800" + "x" * 10_000, gate)
    row = eye.wait_for(lambda row: row.id == future.tid and row.progress is not None)
    gate.let_through()
    future.result(30)
    assert row.progress is not None
    assert row.progress.text.startswith("one two␀\ufffd")
    assert len(row.progress.text) == 200


def test_outside_of_a_task_nothing_happens(each_flow: DataFlowKernel) -> None:
    nbflow.progress(0.5, "nobody hears it")
    assert list(nbflow.track(range(3))) == [0, 1, 2]


def test_outside_of_a_task_no_flow_is_needed_and_little_is_loaded() -> None:
    program = (
        "import sys, nbflow; nbflow.progress(0.5); assert list(nbflow.track([1])) == [1]; "
        "assert not {'nbflow.client.flow.kernel', 'nbflow.client.calls', 'asyncio', 'tqdm'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_child_that_a_task_forks_speaks_for_nobody(eye: Eye, gate: Gate) -> None:
    @python_app
    def forks(gate: Gate) -> int:
        child = os.fork()
        if not child:
            try:
                nbflow.progress(0.5, "the child")
            finally:
                os._exit(0)
        code = os.waitpid(child, 0)[1]
        nbflow.progress(0.6, "the parent")
        return stand_at(gate, code)

    future = forks(gate)
    eye.wait_for_text(future, "the parent")
    gate.let_through()
    assert future.result(30) == 0
    assert [said.text for said in eye.said(future.tid)] == ["the parent"]


@pytest.mark.parametrize("fraction", [0, 1, 0.5, True, Fraction(1, 3), np.float32(0.25), np.int64(1)])
def test_a_fraction_is_any_real_number_from_0_to_1(eye: Eye, gate: Gate, fraction: Any) -> None:
    future = says(fraction, repr(fraction), gate)
    row = eye.wait_for_text(future, repr(fraction))
    gate.let_through()
    future.result(30)
    assert row.progress == Progress(pytest.approx(float(fraction)), repr(fraction))
    nbflow.progress(fraction)  # outside of a task nobody is told, and nothing is refused


@pytest.mark.parametrize(
    "fraction", [-0.1, 1.01, 40, float("nan"), float("inf"), "0.5", None, 1j, Decimal("0.5"), [0]]
)
def test_what_is_no_fraction_is_refused_by_name(fraction: Any) -> None:
    with pytest.raises(ValueError, match=r"progress\(fraction\) is a number from 0 to 1, not ") as found:
        nbflow.progress(fraction)
    assert repr(fraction) in str(found.value)


def test_what_is_no_text_total_or_iterable_is_refused_before_the_first_item() -> None:
    with pytest.raises(TypeError, match=r"progress\(text=...\) is a str, not 5"):
        nbflow.progress(0.5, 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"track\(text=...\) is a str, not None"):
        nbflow.track([], text=None)  # type: ignore[arg-type]
    for total in (-1, 2.5, True, "3"):
        with pytest.raises(ValueError, match=rf"track\(total=...\) is a whole number .* not {total!r}"):
            nbflow.track([], total)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"track\(\) goes through a list or another iterable, not 5"):
        nbflow.track(5)  # type: ignore[arg-type]


def test_what_an_ended_task_has_said_is_not_taken_for_the_next_ones() -> None:
    saying = Saying()
    saying.note(1, 0.5, "a")
    assert saying.take(2) is None
    saying.note_bar(2, 0.1, "b")
    assert (saying.take(2), saying.take(2)) == (Progress(0.1, "b"), None)


@pytest.mark.parametrize(
    ("text", "bar"),
    [
        ("\r 62%|██████▏   | 38/61 [00:01<00:00, 20.1it/s]", (0.62, "38 of 61")),
        ("\rfit a: b: 100%|###| 1.2M/1.2M [00:01<00:00]", (1.0, "fit a: b: 1.2M of 1.2M")),
        ("\r38it [00:01, 30.7it/s]", (None, "38")),
        ("\rread: 38 rows [00:01, 30.7 rows/s]", (None, "read: 38")),
        ("\rdownloading 3", None),
        ("100% | 3/4 [", None),
    ],
)
def test_a_bar_is_read_from_what_is_printed(text: str, bar: Any) -> None:
    assert Reader().read(text) == bar


def test_an_inner_bar_is_not_taken_for_the_whole() -> None:
    reader = Reader()
    outer, inner = (f"\r 50%|##  | {count}/4 [00:00<00:00]" for count in (2, 3))
    assert [bool(reader.read(text)) for text in (outer, "\n", inner, "\x1b[A", outer)] == [
        True,
        False,
        False,
        False,
        True,
    ]


def test_bars_of_the_process_are_found_whatever_draws_them_and_old_ones_are_not() -> None:
    tqdm = pytest.importorskip("tqdm.std")
    before = time.time()
    with open(os.devnull, "w") as nowhere, tqdm.tqdm(total=8, file=nowhere, desc="all") as bar:
        bar.update(2)
        assert bar_of_tqdm(before) == (0.25, "all: 2 of 8")
        assert bar_of_tqdm(bar.start_t + 1) is None
    assert bar_of_tqdm(before) is None
