"""The scheduler is killed: every future ends and says so, workers end whatever they are at, and load() works again."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import signal
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

import nbflow
from nbflow import AppFuture, Config, DataFlowKernel, ProcessExecutor, errors, python_app
from tests.faults.processes import Driver, Traces, kill, traces_of, wait_for_end
from tests.gates import Gate, stand_at

TIMES = 3  # in a row


@python_app
def wait_at(gate: Gate) -> None:
    stand_at(gate, None)


@python_app
def add(x: int, y: int = 1) -> int:
    return x + y


@python_app
def hold_the_interpreter(gate: Gate) -> int:
    """In C code that never lets another thread of the process run."""
    with open(gate.arrivals, "wb", buffering=0) as file:
        file.write(b".")
    return 3 ** (10**9)


@python_app
def leave_children(gate: Gate) -> None:
    """Two children that ignore what can be ignored, one of them in a session of its own."""
    for new_session in (False, True):
        subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                f"trap '' TERM INT HUP; printf . > {gate.arrivals}; while :; do sleep 1000; done",
            ],
            start_new_session=new_session,
        )
    stand_at(gate, None)


def lose_scheduler(flow: DataFlowKernel, number: int = signal.SIGKILL) -> Traces:
    traces = traces_of(flow)
    kill(traces.scheduler, number)
    return traces


def test_every_pending_future_says_so_and_the_next_flow_works_many_times_in_a_row(gate: Gate) -> None:
    nbflow.clear()
    killed = 0
    for n in range(TIMES):
        flow = nbflow.load(Config([ProcessExecutor(max_workers=2)]))
        assert add(n).result(30) == n + 1
        futures = [wait_at(gate) for _ in range(4)]
        gate.wait_for(2)
        futures += [add(future) for future in futures for _ in range(100)]
        traces = lose_scheduler(flow)
        killed += 1
        for future in futures:
            error = future.exception(30)
            assert isinstance(error, errors.SchedulerLost)
            assert "SIGKILL" in str(error)
        assert flow.closed
        traces.assert_gone()
    assert killed == TIMES
    nbflow.clear()


def test_workers_end_whatever_they_are_at_with_what_they_have_started(
    flow: DataFlowKernel, gate: Gate
) -> None:
    futures = [hold_the_interpreter(gate), leave_children(gate)]
    gate.wait_for(4)
    traces = lose_scheduler(flow)
    assert all(isinstance(future.exception(30), errors.SchedulerLost) for future in futures)
    traces.assert_gone()


def test_workers_that_are_stopped_end_as_well(flow: DataFlowKernel, gate: Gate) -> None:
    futures = [wait_at(gate) for _ in range(2)]
    gate.wait_for(2)
    traces = traces_of(flow)
    for pid in traces.workers:
        kill(pid, signal.SIGSTOP)
    kill(traces.scheduler)
    wait_for_end(traces.workers)
    assert all(isinstance(future.exception(30), errors.SchedulerLost) for future in futures)
    traces.assert_gone()


def test_everybody_who_waits_is_told(flow: DataFlowKernel, gate: Gate) -> None:
    futures = [wait_at(gate) for _ in range(6)]
    gate.wait_for(2)
    called = threading.Event()
    futures[5].add_done_callback(lambda _: called.set())

    async def awaited() -> BaseException | None:
        try:
            await futures[0]
        except errors.SchedulerLost as error:
            return error
        return None

    def first_of_all() -> BaseException | None:
        return next(concurrent.futures.as_completed(futures[1:3])).exception()

    def all_of_them() -> BaseException | None:
        return concurrent.futures.wait(futures[3:5]).done.pop().exception()

    def current() -> BaseException | None:
        flow.wait_for_current_tasks()
        return futures[5].exception(0)

    ways = [
        futures[0].exception,
        first_of_all,
        all_of_them,
        current,
        lambda: asyncio.run(awaited()),
    ]
    with concurrent.futures.ThreadPoolExecutor(len(ways)) as pool:
        began = threading.Barrier(len(ways) + 1)

        def wait_in(way: object) -> BaseException | None:
            began.wait()
            return way()  # type: ignore[operator, no-any-return]

        told = [pool.submit(wait_in, way) for way in ways]
        began.wait()
        lose_scheduler(flow)
        assert [type(one.result(30)) for one in told] == [errors.SchedulerLost] * len(ways)
    assert called.wait(30)


def test_a_future_that_has_its_value_keeps_it_however_big_and_unread(flow: DataFlowKernel) -> None:
    ones, small, both = (
        python_app(lambda: np.ones(100_000))(),
        add(1),
        nbflow.join_app(lambda: [python_app(np.zeros)(100_000), add(2)])(),
    )
    flow.wait_for_current_tasks(30)
    traces = lose_scheduler(flow)
    traces.assert_gone()
    assert small.result(0) == 2
    assert float(ones.result(0).sum()) == 100_000
    assert both.result(0)[0].shape == (100_000,)


def test_who_cleans_up_meanwhile_returns_when_the_socket_is_closed_too(
    flow: DataFlowKernel, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    future = wait_at(gate)
    gate.wait_for()
    connection = flow._connection
    let_go, is_at_it, returned = connection._let_go, threading.Event(), threading.Event()

    def let_go_late() -> None:
        is_at_it.set()
        returned.wait(0.3)
        let_go()

    monkeypatch.setattr(connection, "_let_go", let_go_late)
    lose_scheduler(flow)
    assert isinstance(future.exception(30), errors.SchedulerLost)
    assert is_at_it.wait(30)
    flow.cleanup()
    closed = connection._channel.fileno() == -1
    returned.set()
    assert closed


def test_calls_made_while_the_scheduler_dies_are_refused_or_end(nothing_loaded: None) -> None:
    """None hangs: the one that is made at the very moment when the flow ends, either."""
    for _ in range(TIMES):
        with DataFlowKernel(Config([ProcessExecutor(max_workers=1)])) as flow:
            bound = python_app(data_flow_kernel=flow)(abs)
            bound(1).result(30)
            traces = traces_of(flow)
            calls: list[AppFuture] = []
            refused = 0

            def call() -> None:
                nonlocal refused
                try:
                    while True:
                        calls.append(bound(1))  # noqa: B023 - it ends before the next round
                except errors.FlowClosed:
                    refused += 1

            callers = [threading.Thread(target=call) for _ in range(3)]
            for caller in callers:
                caller.start()
            kill(traces.scheduler)
            for caller in callers:
                caller.join(30)
            assert refused == 3
            for future in calls:
                assert isinstance(future.exception(30), (errors.SchedulerLost, type(None)))


ALONE = """
flow = nbflow.load(Config([ProcessExecutor(max_workers=2)]))
futures = [python_app(lambda: 3 ** 10**9)(), python_app(lambda: time.sleep(1000))()]
tell_traces(flow)
sys.stdin.readline()
"""


def test_workers_end_when_driver_and_scheduler_are_killed_at_once(tmp_path: Path) -> None:
    for _ in range(TIMES):
        with Driver(ALONE, tmp_path) as driver:
            traces = driver.hear_traces()
            os.kill(traces.scheduler, signal.SIGSTOP)  # so that neither sees the other one die
            os.kill(driver.pid, signal.SIGKILL)
            driver.wait()
            os.kill(traces.scheduler, signal.SIGKILL)
            wait_for_end([traces.scheduler, *traces.workers])
