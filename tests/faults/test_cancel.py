"""`cancel()` tells the truth: what was queued never runs, what ran is dead, and nobody else pays for it."""

from __future__ import annotations

import concurrent.futures
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow import (
    AppFuture,
    Config,
    DataFlowKernel,
    File,
    State,
    ThreadExecutor,
    join_app,
    python_app,
)
from nbflow.concurrent import NbflowPoolExecutor
from tests.faults import deaths
from tests.faults.processes import HANG, alive
from tests.faults.workers import roll_call, stop, wait_until_running, wait_until_tried_again
from tests.gates import Gate, stand_at


def test_cancelling_one_of_many_short_tasks_harms_no_other(flow: DataFlowKernel, tmp_path: Path) -> None:
    """Whether the one that is cancelled runs, waits, or has just ended: the others run, and run once."""
    log = tmp_path / "log"

    @python_app
    def short(n: int) -> int:
        import time

        time.sleep(0.001)
        with log.open("a") as file:
            file.write(f"{n}\n")
        return n

    cancelled = 0
    for first in range(0, 1000, 50):
        futures = [short(n) for n in range(first, first + 50)]
        futures[18].result(HANG)
        victim = futures[19 + first // 50 % 10]  # it waits, runs, is next, or has just ended
        was = victim.cancel()
        cancelled += was
        for n, future in enumerate(futures, first):
            assert (future.exception(HANG) is None and future.result() == n) if future is not victim else True
        assert victim.cancelled() == was
    ran = log.read_text().split()
    assert cancelled, "else nothing was shown"
    assert len(ran) == len(set(ran)), "none ran twice"


def test_a_task_that_waits_for_a_worker_never_runs(flow: DataFlowKernel, gate: Gate, log: Path) -> None:
    @python_app
    def note_it() -> None:
        deaths.note(str(log))

    blockers = [python_app(stand_at)(gate, n) for n in range(2)]
    gate.wait_for(2)
    waiting = [note_it() for _ in range(20)]
    assert all(future.cancel() for future in waiting)
    assert all(future.cancel() for future in waiting), "twice says the same"
    gate.let_through(2)
    assert [future.result(HANG) for future in blockers] == [0, 1]
    assert deaths.attempts(log) == 0


def test_a_running_task_is_dead_with_all_that_it_has_started_before_true_is_returned(
    flow: DataFlowKernel, gate: Gate
) -> None:
    """Five times: a task in C code, with a child in a session of its own that ignores signals, and a grandchild."""

    @python_app
    def runs() -> None:
        deaf = f"trap '' TERM INT HUP; sleep 1000 & printf . > {gate.arrivals}; sleep 1000; sleep 1000"
        subprocess.Popen(["bash", "-c", deaf], start_new_session=True)
        stand_at(gate, None)
        time.sleep(1000)

    killed = set()
    for _ in range(5):
        future = runs()
        gate.wait_for(2)
        before = {row.pid for row in flow.workers()}
        assert len(alive(flow.run_id)) > 3
        assert future.cancel() is True
        left = alive(flow.run_id)
        after = {row.pid for row in flow.workers()}
        killed |= before - after
        assert len(before - after) == 1
        assert len(after) == 2, "it is replaced"
        assert left <= after | {flow.status().pid}, "nothing is left of it"
    assert len(killed) == 5


def test_without_waiting_it_is_asked_for_and_comes(flow: DataFlowKernel, gate: Gate) -> None:
    future = python_app(stand_at)(gate, 1)
    gate.wait_for(1)
    assert future.cancel(wait=False) is True
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(HANG)
    assert future.cancelled()
    done = python_app(lambda: 1)()
    assert done.result(HANG) == 1
    assert (done.cancel(wait=False), done.cancel(), done.result()) == (False, False, 1)


def test_dependants_end_as_cancelled_by_their_need_and_name_it(flow: DataFlowKernel, gate: Gate) -> None:
    head = python_app(stand_at)(gate, 1)
    links = [head]
    for _ in range(5):
        links.append(python_app(lambda value: value)(links[-1]))
    gate.wait_for(1)
    assert head.cancel()
    for link in links[1:]:
        with pytest.raises(concurrent.futures.CancelledError):
            link.result(HANG)
        assert link.cancelled()
    assert flow.counts()[State.CANCELLED] == 6


def test_the_file_of_a_task_is_cancelled_with_it(flow: DataFlowKernel, gate: Gate, tmp_path: Path) -> None:
    @python_app
    def writes(outputs: Any = ()) -> None:
        stand_at(gate, None)

    future = writes(outputs=[File(str(tmp_path / "out"))])
    gate.wait_for(1)
    assert future.outputs[0].cancel() is True
    assert future.cancelled()
    assert future.outputs[0].cancelled()


def test_a_join_is_cancelled_with_the_tasks_that_it_has_called(flow: DataFlowKernel, gate: Gate) -> None:
    @python_app
    def inner() -> None:
        stand_at(gate, None)

    @join_app
    def joins() -> list[AppFuture]:
        return [inner(), inner()]

    future = joins()
    gate.wait_for(2)
    assert future.cancel()
    assert roll_call(gate, 2), "the workers are free again"
    assert flow.counts()[State.CANCELLED] == 3


def test_a_task_is_cancelled_with_the_tasks_that_it_has_called_and_waits_for(
    flow: DataFlowKernel, gate: Gate
) -> None:
    @python_app
    def inner() -> None:
        stand_at(gate, None)

    @python_app
    def outer() -> None:
        waits = [inner(), inner()]
        waits[0].result()

    future = outer()
    gate.wait_for(2)
    assert future.cancel()
    assert roll_call(gate, 2), "the workers are free again"
    assert flow.counts()[State.CANCELLED] == 3


def test_a_task_that_waits_for_its_next_attempt_or_for_an_equal_call_can_be_cancelled(
    flow: DataFlowKernel, gate: Gate, log: Path
) -> None:
    @python_app(retries=nbflow.Retry(3, delay=1000))
    def fails() -> None:
        deaths.note(str(log))
        raise ValueError

    @python_app(cache=True)
    def once(n: int) -> int:
        return stand_at(gate, n)

    failing = fails()
    first = once(1)
    gate.wait_for(1)
    equal = once(1)
    wait_until_tried_again(flow, failing)
    assert failing.cancel()
    assert equal.cancel()
    assert not first.done()
    gate.let_through(1)
    assert first.result(HANG) == 1
    assert deaths.attempts(log) == 1


def test_the_first_of_equal_calls_is_cancelled_and_the_next_one_runs(
    flow: DataFlowKernel, gate: Gate
) -> None:
    @python_app(cache=True)
    def once(n: int) -> int:
        return stand_at(gate, n)

    first = once(1)
    gate.wait_for(1)
    equal = once(1)
    assert first.cancel()
    gate.wait_for(1)
    gate.let_through(1)
    assert equal.result(HANG) == 1


def test_cancelling_what_waits_for_a_future_of_another_library(flow: DataFlowKernel) -> None:
    foreign: concurrent.futures.Future[int] = concurrent.futures.Future()
    future = python_app(lambda value: value)(foreign)
    assert future.cancel()
    assert not foreign.cancelled(), "it is not the flow's"
    also = python_app(lambda value: value)(foreign)
    assert foreign.cancel()
    foreign.set_running_or_notify_cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        also.result(HANG)


def test_a_callback_and_a_task_may_cancel(flow: DataFlowKernel, gate: Gate) -> None:
    future = python_app(stand_at)(gate, 1)
    gate.wait_for(1)
    answer: concurrent.futures.Future[bool] = concurrent.futures.Future()
    python_app(lambda: 1)().add_done_callback(lambda _: answer.set_result(future.cancel()))
    assert answer.result(HANG) is True

    @python_app
    def inner() -> None:
        stand_at(gate, None)

    @python_app
    def outer() -> tuple[bool, bool]:
        called = inner()
        gate.wait_for(1)
        return called.cancel(), called.cancelled()

    assert outer().result(HANG) == (True, True)


def test_false_if_and_only_if_the_value_stands(flow: DataFlowKernel) -> None:
    """Cancelled at any moment of a short life, a hundred times."""
    quick = python_app(lambda n: n)
    answers = []
    for n in range(100):
        future = quick(n)
        for _ in range(n * 20):
            pass  # a little later each time
        answers.append(future.cancel())
        if answers[-1]:
            with pytest.raises(concurrent.futures.CancelledError):
                future.result(HANG)
        else:
            assert future.result(HANG) == n
        assert future.cancelled() is answers[-1]


def test_a_task_that_was_sent_to_a_stopped_worker_is_cancelled(flow: DataFlowKernel, gate: Gate) -> None:
    for pid in roll_call(gate, 2):
        stop(pid)
    futures = [python_app(lambda: 1)() for _ in range(2)]
    wait_until_running(flow, *futures)
    assert [future.cancel() for future in futures] == [True, True]
    assert len(roll_call(gate, 2)) == 2


def test_the_futures_of_a_pool_keep_the_contract_of_the_standard_library(
    flow: DataFlowKernel, gate: Gate
) -> None:
    pool = NbflowPoolExecutor(dfk=flow)
    future = pool.submit(stand_at, gate, 1)
    gate.wait_for(1)
    called: list[Any] = []
    future.add_done_callback(called.append)
    assert future.cancel()
    assert concurrent.futures.wait([future], HANG).done == {future}
    assert list(concurrent.futures.as_completed([future])) == [future]
    assert (future.cancelled(), future.done(), future.running()) == (True, True, False)
    with pytest.raises(concurrent.futures.CancelledError):
        future.exception()
    pool.shutdown()
    assert called == [future]


def test_nothing_that_a_cancelled_task_on_a_thread_still_does_is_heard(tmp_path: Path, gate: Gate) -> None:
    nbflow.clear()
    with DataFlowKernel(Config([ThreadExecutor(max_workers=1)])):
        release = threading.Event()
        reached = threading.Event()
        seen = []

        @python_app
        def on_a_thread() -> int:
            try:
                reached.set()
                release.wait(HANG)
                while True:
                    seen.append(1)
            finally:
                seen.append(2)

        future = on_a_thread()
        assert reached.wait(HANG)
        assert future.cancel() is True
        assert python_app(lambda: 5)().result(HANG) == 5, "another thread has taken its place"
        release.set()
        assert future.cancelled()
