"""Whoever begins to watch a flow with many tasks gets their rows in slices, in their order."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from nbflow.scheduler.loop import Scheduler
from nbflow.scheduler.telling import AT_ONCE
from nbflow.wire.channel import Port
from nbflow.wire.messages import Configure, Define, FromClient, Rows, Status, Submit, Survey, Watch
from nbflow.wire.outcomes import Inline

DEFINE = Define(b"d", b"", True, "", "", 0, {})
OLD = AT_ONCE + 10


def call(number: int) -> Submit:
    return Submit(number, "f", "python", b"d", Inline(b""), (), "", None, ("none",), None, None, b"", (), ())


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    """Its tasks all fail at once: there is no executor. Most of them are packed by now."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        port: Port[FromClient] = Port(ours, FromClient)
        scheduler = Scheduler(port, Configure([], "", [], [], [], b"", False))
        scheduler.take([DEFINE, *map(call, range(1, OLD + 1))])
        scheduler.decide()
        scheduler.client.outgoing.clear()
        yield scheduler


def rows(scheduler: Scheduler) -> list[list[int]]:
    """The tasks whose rows are on their way, batch by batch."""
    batches = [[row.id for row in said.rows] for said in scheduler.client.outgoing if isinstance(said, Rows)]
    scheduler.client.outgoing.clear()
    return batches


def test_they_come_in_slices_and_before_what_has_changed_since(scheduler: Scheduler) -> None:
    scheduler.take([Watch(), call(OLD + 1)])
    scheduler.decide()
    told = []
    for _ in range(3):
        scheduler.telling._not_before = 0.0  # it is time
        scheduler.telling.tell()
        told += rows(scheduler)
    assert [len(batch) for batch in told] == [AT_ONCE, 10, 1]
    assert [number for batch in told for number in batch] == list(range(1, OLD + 2))


def test_nothing_comes_before_it_is_time_and_nothing_to_who_does_not_watch(scheduler: Scheduler) -> None:
    scheduler.telling._not_before = 0.0
    scheduler.telling.tell()
    assert not rows(scheduler)
    scheduler.take([Watch()])
    scheduler.telling.tell()
    scheduler.telling._not_before = time.time() + 1000
    scheduler.telling.tell()
    assert [len(batch) for batch in rows(scheduler)] == [AT_ONCE]


def test_who_asks_how_the_flow_stands_has_had_all_of_them_by_then(scheduler: Scheduler) -> None:
    scheduler.take([Watch(), Survey()])
    assert isinstance(scheduler.client.outgoing[-1], Status)
    assert [len(batch) for batch in rows(scheduler)] == [AT_ONCE, 10]
