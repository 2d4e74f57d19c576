"""Workers under test: which are there, that they are idle, and that a task is with one of them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence

import psutil

from nbflow import AppFuture, DataFlowKernel, State, python_app
from nbflow.wire.rows import TaskRow
from tests.faults.processes import HANG
from tests.gates import Gate, stand_at


def roll_call(gate: Gate, count: int) -> list[int]:
    """The processes of so many workers, which are idle now, or about to be."""

    @python_app
    def here() -> int:
        return stand_at(gate, os.getpid())

    futures = [here() for _ in range(count)]
    gate.wait_for(count)  # each at a worker of its own
    gate.let_through(count)
    return [future.result(HANG) for future in futures]


def wait_until_running(flow: DataFlowKernel, *futures: AppFuture) -> None:
    """Wait until these tasks run, as far as the flow knows."""
    _wait_for_rows(flow, futures, lambda row: row.state is State.RUNNING)


def wait_until_tried_again(flow: DataFlowKernel, *futures: AppFuture) -> None:
    """Wait until these tasks have failed and wait for another attempt."""
    _wait_for_rows(flow, futures, lambda row: row.state is State.WAITING and row.attempt > 0)


def _wait_for_rows(
    flow: DataFlowKernel, futures: Sequence[AppFuture], wanted: Callable[[TaskRow], bool]
) -> None:
    missing = {future.tid for future in futures}
    none_missing = threading.Event()

    class Eye:
        def tasks_changed(self, rows: Sequence[TaskRow]) -> None:
            missing.difference_update(row.id for row in rows if wanted(row))
            if not missing:
                none_missing.set()

        def flow_closed(self) -> None:
            pass

    flow.watch()
    flow.feed.subscribe(Eye())
    assert none_missing.wait(HANG), f"tasks {missing} do not come so far"


def stop(pid: int) -> None:
    """Stop a process; returns when it does nothing any more."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + HANG
    while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.001)  # nobody but its parent can wait for that
