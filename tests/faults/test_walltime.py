"""A walltime ends a task whatever it is at, with what it has started and called; it is no loss of a worker."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow import DataFlowKernel, WorkerLost, bash_app, errors, python_app
from tests.faults.processes import HANG, alive
from tests.faults.workers import roll_call
from tests.gates import Gate, stand_at


def sleep() -> None:
    import time

    time.sleep(1000)


def be_deaf() -> None:
    import signal
    import time

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(1000)


def compute_in_c() -> None:
    sum(range(10**15))  # never lets another thread run


@pytest.mark.parametrize("body", [sleep, be_deaf, compute_in_c])
@pytest.mark.parametrize("retries", [0, 1])
def test_a_task_is_ended_whatever_it_is_at(shared_flow: DataFlowKernel, body: Any, retries: int) -> None:
    future = python_app(walltime=0.3, retries=retries)(body)()
    error = future.exception(HANG)
    assert type(error) is errors.AppTimeout
    assert not isinstance(error, WorkerLost)
    failures = shared_flow.details(future.tid).failures
    assert [line.split(":")[0] for line in failures] == ["AppTimeout"] * (retries + 1)
    assert python_app(lambda: 1)().result(HANG) == 1


def test_a_command_is_ended_with_what_has_left_its_process_group(shared_flow: DataFlowKernel) -> None:
    @bash_app(walltime=0.5)
    def command() -> str:
        return "trap '' TERM; (setsid sleep 1000 &) ; sleep 1000"

    assert isinstance(command().exception(HANG), errors.AppTimeout)
    about = shared_flow.status()
    assert alive(shared_flow.run_id) <= {about.pid, *(row.pid for row in about.workers)}


def test_a_task_that_waits_for_others_is_ended_with_them(flow: DataFlowKernel, gate: Gate) -> None:
    @python_app
    def inner() -> None:
        stand_at(gate, None)

    @python_app(walltime=0.3)
    def outer() -> None:
        inner().result()

    assert isinstance(outer().exception(HANG), errors.AppTimeout)
    assert len(roll_call(gate, 2)) == 2, "nobody stands at the gate for it any more"
