"""A task for a process whose need stays in the client's process: it is launched when the bytes have come."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nbflow.core import events as ev
from nbflow.core import instructions as do
from nbflow.core.states import State
from nbflow.scheduler.ends import Ends
from nbflow.scheduler.hands import Hands
from nbflow.scheduler.history import NO_FUNCTION, Job
from nbflow.scheduler.jobs import Jobs
from nbflow.wire import messages as msg
from nbflow.wire.outcomes import Failure, Held, Inline

HELD = Held(5)
FAILURE = Failure(b"", "CannotPickle", "a lock cannot travel", "")


class Bench:
    """Hands with a client and two workers that only listen. Task 2 needs task 1, whose value is held."""

    def __init__(self) -> None:
        self.client = SimpleNamespace(outgoing=[])
        self.sent: dict[int, list[Any]] = {1: [], 2: []}
        workers = {
            number: SimpleNamespace(threads=False, knows=set(), send=sent.append)
            for number, sent in self.sent.items()
        }
        self.events: list[ev.Event] = []
        submit = msg.Submit(2, "f", "python", b"", Inline(b""), (1,), "", None, (), None, None, b"", (), ())
        jobs = Jobs()
        jobs.add(Job(1, "f", None, (), "", 0, NO_FUNCTION, 0.0, None, outcome=HELD))
        jobs.add(Job(2, "f", None, (1,), "", 0, NO_FUNCTION, 0.0, submit))
        for number in (3, 4):  # which need nothing
            plain = msg.Submit(
                number, "f", "python", b"", Inline(b""), (), "", None, (), None, None, b"", (), ()
            )
            jobs.add(Job(number, "f", None, (), "", 0, NO_FUNCTION, 0.0, plain))
        setup = msg.Configure([], "", [], [], [], b"", True)
        staff: Any = SimpleNamespace(workers=workers, get=workers.get)
        client: Any = self.client
        self.hands = Hands(
            client,
            Ends(client, []),
            lambda worker: None,
            setup,
            jobs,
            staff,
            self.events.append,
            lambda fd, callback: None,
        )
        self.hands.exports.used = True

    def runs(self, worker: int) -> list[msg.Run]:
        return [message for message in self.sent[worker] if isinstance(message, msg.Run)]

    def do(self, instruction: do.Instruction) -> None:
        self.hands.carry[type(instruction)](instruction)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_value_is_asked_for_once_and_the_task_goes_out_with_its_bytes(bench: Bench) -> None:
    bench.do(do.Launch(2, 1, 1))
    assert bench.client.outgoing == [msg.Export(5)]
    assert not bench.runs(1)
    bench.hands.exports.answered(5, Inline(b"bytes"))
    assert [run.values for run in bench.runs(1)] == [[Inline(b"bytes")]]


def test_a_launch_to_a_worker_that_is_lost_is_not_carried_out(bench: Bench) -> None:
    bench.do(do.Launch(2, 1, 1))
    bench.hands.gone(1)  # the value is still on its way
    bench.do(do.Launch(2, 1, 2))
    bench.hands.exports.answered(5, Inline(b"bytes"))
    assert not bench.runs(1)
    assert len(bench.runs(2)) == 1


def test_a_task_that_is_taken_back_while_it_waits_has_not_begun(bench: Bench) -> None:
    bench.do(do.Launch(2, 1, 1))
    bench.do(do.TakeBack(1, (2,)))
    assert bench.events == [ev.Returned(1, (2,))]
    bench.hands.exports.answered(5, Inline(b"bytes"))
    assert not bench.runs(1)


def test_a_value_that_cannot_travel_fails_the_task_without_another_attempt(bench: Bench) -> None:
    bench.do(do.Launch(2, 1, 1))
    bench.hands.exports.answered(5, FAILURE)
    assert bench.events == [ev.Failed(2, 1, 1, False)]
    assert not bench.runs(1)


def test_what_is_launched_behind_it_waits_as_well_and_the_order_stays(bench: Bench) -> None:
    for task in (3, 2, 4):
        bench.do(do.Launch(task, 1, 1))
    assert [run.id for run in bench.runs(1)] == [3]
    bench.hands.exports.answered(5, Inline(b"bytes"))
    assert [run.id for run in bench.runs(1)] == [3, 2, 4]


def test_what_stands_behind_one_that_is_taken_back_goes_on(bench: Bench) -> None:
    for task in (2, 3, 4):
        bench.do(do.Launch(task, 1, 1))
    bench.do(do.TakeBack(1, (2, 4)))
    assert bench.events == [ev.Returned(1, (2, 4))]
    assert [run.id for run in bench.runs(1)] == [3]
    bench.do(do.Launch(4, 1, 1))
    assert [run.id for run in bench.runs(1)] == [3, 4]


def test_one_that_has_ended_in_the_line_is_not_sent(bench: Bench) -> None:
    for task in (2, 3):
        bench.do(do.Launch(task, 1, 1))
    bench.do(do.Settle(2, State.CANCELLED, do.Why.ASKED, None, []))
    bench.hands.exports.answered(5, Inline(b"bytes"))
    assert [run.id for run in bench.runs(1)] == [3]


def test_a_value_that_comes_when_nobody_needs_it_any_more_is_nobodys(bench: Bench) -> None:
    bench.do(do.Launch(2, 1, 1))
    bench.hands.gone(1)
    bench.hands.exports.forget(5)
    assert not bench.hands.exports.answered(5, Inline(b"bytes"))
    assert bench.hands.exports.fetch([Inline(b"")], lambda: None)
