"""A worker that does not answer at once keeps nothing that an idle one could run, and begins none of it itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from nbflow.core import events as ev
from nbflow.core.placement import Desk
from nbflow.scheduler.silence import SOON, Silence
from nbflow.scheduler.workers import WorkerProcess
from nbflow.wire.messages import TakeBack
from nbflow.wire.outbox import Outbox, make


class Bench:
    """Worker 1, which has begun task 1; tasks 2 to 4 are queued behind it. The time is what `now` says."""

    def __init__(self) -> None:
        self.now = 100.0
        fd = make()
        self.theirs = Outbox(fd)  # the worker's end
        self.worker = WorkerProcess.__new__(WorkerProcess)
        self.worker.number = 1
        self.worker.pid = os.getpid()
        self.worker.asked = 0
        self.worker.outbox = Outbox(fd)
        os.close(fd)
        self.said: list[Any] = []
        self.worker.port = SimpleNamespace(outgoing=self.said, unpack=lambda content: [])  # type: ignore[assignment]
        self.worker._had_begun = None
        desk = Desk(1, "processes")
        for number in (1, 2, 3, 4):
            desk.queue[number] = 0.0
        self.events: list[ev.Event] = []
        self.called_off: list[int] = []
        tasks: Any = {number: SimpleNamespace(attempt=1) for number in desk.queue}
        self.silence = Silence(self, {1: desk}, tasks)
        self.theirs.begin(1, 1)

    def hear(self, worker: Any, messages: Sequence[Any]) -> None:
        """Nothing is on its way."""

    def decide(self) -> None:
        """Nothing has happened."""

    def call_off(self, worker: int, tasks: Sequence[int]) -> None:
        self.called_off += tasks

    def emit(self, event: ev.Event) -> None:
        self.events.append(event)

    def press(self) -> None:
        self.worker.take_back([2, 3, 4])
        self.silence.press(self.worker, self.now)

    def look(self) -> None:
        assert self.silence.due is not None
        self.now = self.silence.due
        self.silence.look_at_pressed(self.now)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.theirs.close()
    made.worker.outbox.close()


def test_what_it_has_not_begun_is_taken_soon(bench: Bench) -> None:
    bench.press()
    assert bench.said == [TakeBack([2, 3, 4])]
    assert bench.silence.due == bench.now + SOON
    assert not bench.events
    bench.look()
    assert bench.events == [ev.Returned(1, (), (1,), unasked=True), ev.Silent(1, (2, 3, 4), False)]
    assert bench.called_off == [2, 3, 4]
    assert bench.said[1:] == [TakeBack([2, 3, 4])]
    assert bench.silence.due is None


def test_where_it_was_asked_for_one_it_throws_away_all_that_are_taken(bench: Bench) -> None:
    bench.worker.take_back([3])
    bench.silence.press(bench.worker, bench.now)
    bench.look()
    assert bench.said == [TakeBack([3]), TakeBack([2, 3, 4])]


def test_it_begins_nothing_more_until_it_has_answered(bench: Bench) -> None:
    assert not bench.theirs.begin(1, 1)
    bench.press()
    assert bench.theirs.must_wait
    bench.look()
    bench.silence.answered(bench.worker)
    assert bench.theirs.must_wait, "it was asked for all that was taken"
    bench.silence.answered(bench.worker)
    assert not bench.theirs.must_wait
    assert bench.events[-1] == ev.Answers(1)


def test_one_that_answers_in_time_is_taken_nothing_from(bench: Bench) -> None:
    bench.press()
    bench.silence.answered(bench.worker)
    bench.look()
    assert not bench.events
    assert not bench.theirs.must_wait


def test_one_that_goes_on_meanwhile_is_looked_at_again(bench: Bench) -> None:
    bench.press()
    assert bench.theirs.begin(2, 1), "it has written that, sees that it must not, and is about to answer"
    bench.look()
    assert not bench.events
    bench.look()
    assert bench.events[-1] == ev.Silent(1, (3, 4), False), "who knows whether the second one has begun"


def test_one_that_has_ended_is_not_looked_at(bench: Bench) -> None:
    bench.press()
    bench.silence.gone(bench.worker)
    bench.look()
    assert not bench.events


def test_one_in_doubt_already_is_not_pressed_anew(bench: Bench) -> None:
    bench.press()
    bench.look()
    bench.press()
    assert bench.silence.due is None
