"""The death of a worker costs one attempt of the one task that it ran, and its error says what happened."""

from __future__ import annotations

import concurrent.futures
import os
import pickle
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from nbflow import DataFlowKernel, WorkerLost, errors, python_app
from nbflow.core.starts import TRIES
from tests.faults.processes import HANG, wait_for_end
from tests.faults.workers import roll_call, stop, wait_until_running
from tests.gates import Gate


def test_the_error_has_every_fact_and_says_them_in_one_sentence(flow: DataFlowKernel) -> None:
    @python_app
    def dies() -> int:
        print("the last line")
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    workers = {row.pid for row in flow.workers()}
    future = dies()
    error = future.exception(30)
    assert type(error) is WorkerLost
    assert error.task_id == future.tid
    assert error.pid in workers
    assert (error.exitcode, error.signal) == (-signal.SIGKILL, "SIGKILL")
    assert error.output == "the last line"
    assert f"(process {error.pid}) was killed by SIGKILL while it ran task" in str(error)
    assert str(error).endswith("`dies`; its last words: the last line")


def test_a_task_that_had_been_sent_to_a_worker_and_not_begun_runs_elsewhere_uncounted(
    flow: DataFlowKernel, gate: Gate, tmp_path: Path
) -> None:
    """Five times in a row: the workers are stopped, so that they get a task each and begin none."""
    log = tmp_path / "log"

    @python_app
    def note(n: int) -> int:
        with log.open("a") as file:
            file.write("x")
        return n

    killed = set()
    for n in range(5):
        pids = roll_call(gate, 2)
        for pid in pids:
            stop(pid)
        futures = [note(n), note(n)]
        wait_until_running(flow, *futures)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert [future.result(30) for future in futures] == [n, n]
        assert all(flow.details(future.tid).failures == [] for future in futures)
        killed.update(pids)
    assert len(killed) == 10
    assert len(log.read_text()) == 10, "each ran once"


def test_the_errors_of_a_lost_attempt_travel_whole() -> None:
    lost = WorkerLost("text", task_id=1, pid=2, exitcode=-11, output="said", memory="much")
    again = pickle.loads(pickle.dumps(lost))
    assert (str(again), vars(again), again.signal) == ("text", vars(lost), "SIGSEGV")
    exceeded = errors.MemoryLimitExceeded("text", used=3, limit=2)
    again = pickle.loads(pickle.dumps(exceeded))
    assert (str(again), again.used, again.limit) == ("text", 3, 2)
    assert str(WorkerLost("text alone")) == "text alone"


# ---------------------------------------------------------------- pools


def test_all_workers_killed_at_once_ten_times_in_a_row(flow: DataFlowKernel, gate: Gate) -> None:
    @python_app
    def double(n: int) -> int:
        return 2 * n

    killed: set[int] = set()
    for n in range(10):
        pids = roll_call(gate, 2)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        killed.update(pids)
        assert [double(k).result(HANG) for k in range(n, n + 3)] == [2 * k for k in range(n, n + 3)]
    assert len(killed) == 20


def test_workers_killed_again_and_again_before_they_are_ready_do_not_end_the_flow(
    flow: DataFlowKernel, gate: Gate
) -> None:
    """More often than any pool gives up after, if they end by themselves."""
    roll_call(gate, 2)
    killed: set[int] = set()
    while len(killed) < 2 * TRIES + 2:
        for row in flow.workers():
            with suppress(ProcessLookupError):
                os.kill(row.pid, signal.SIGKILL)
                killed.add(row.pid)
    assert roll_call(gate, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets another process's limits be set")
def test_a_machine_that_has_no_more_processes_to_give_is_waited_for(flow: DataFlowKernel, gate: Gate) -> None:
    """The scheduler may open no more files, so that it can start no process, until it may again."""
    scheduler = flow.status().pid
    limits = resource.prlimit(scheduler, resource.RLIMIT_NOFILE)
    pids = roll_call(gate, 2)
    # as many as it polls now; a process takes five to start
    resource.prlimit(scheduler, resource.RLIMIT_NOFILE, (7, limits[1]))
    try:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_for_end(pids)
        future = python_app(os.getpid)()
        assert flow.status().workers == [], "nobody can be started"
        with pytest.raises(concurrent.futures.TimeoutError):
            future.result(1.0)  # several tries
    finally:
        resource.prlimit(scheduler, resource.RLIMIT_NOFILE, limits)
    assert future.result(HANG) not in pids
