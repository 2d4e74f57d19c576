"""When the client is told that tasks have ended: it is not woken for each of many that it does not wait for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nbflow.core.states import State
from nbflow.scheduler.ends import Ends
from nbflow.wire.messages import Settled, Warned
from nbflow.wire.outcomes import Inline


class Bench:
    """A client that has been told of the end of one task since it spoke last, while two others go on."""

    def __init__(self) -> None:
        self.client: Any = SimpleNamespace(outgoing=[])
        self.counts = [0] * len(State)
        self.counts[State.RUNNING] = 2
        self.ends = Ends(self.client, self.counts)
        self.tell(1)
        self.send()

    def tell(self, task: int) -> None:
        self.ends.tell(Settled(task, Inline(b"")))

    def send(self) -> None:
        self.ends.sent()
        self.client.outgoing.clear()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_ends_of_many_tasks_are_told_together(bench: Bench) -> None:
    bench.tell(2)
    assert bench.ends.may_wait
    bench.tell(3)
    assert bench.ends.may_wait
    assert [settled.id for settled in bench.client.outgoing] == [2, 3]


def test_a_client_that_has_spoken_is_told_of_the_next_end_at_once(bench: Bench) -> None:
    bench.ends.heard()
    bench.tell(2)
    assert not bench.ends.may_wait
    bench.send()
    bench.tell(3)
    assert bench.ends.may_wait


def test_the_end_of_the_last_task_is_told_at_once(bench: Bench) -> None:
    bench.counts[State.RUNNING] = 0
    bench.counts[State.DONE] = 3
    bench.tell(2)
    assert not bench.ends.may_wait


def test_the_end_of_the_call_that_was_made_last_is_told_at_once(bench: Bench) -> None:
    """Somebody goes step by step, while many other tasks end."""
    bench.ends.heard()
    bench.ends.newest = 9
    bench.tell(2)
    bench.send()
    bench.tell(3)
    assert bench.ends.may_wait
    bench.tell(9)
    assert not bench.ends.may_wait
    assert [settled.id for settled in bench.client.outgoing] == [3, 9]


def test_an_end_does_not_hold_up_another_message(bench: Bench) -> None:
    bench.tell(2)
    bench.client.outgoing.append(Warned("the disk is full"))
    assert not bench.ends.may_wait
    bench.send()
    bench.client.outgoing.append(Warned("the disk is full"))
    assert not bench.ends.may_wait


def test_a_client_that_nothing_is_to_be_told_is_sent_nothing_later(bench: Bench) -> None:
    assert not bench.ends.may_wait
