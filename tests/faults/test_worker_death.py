"""The death of a worker costs one attempt of the one task that it ran, and its error says what happened."""

from __future__ import annotations

import concurrent.futures
import ctypes
import os
import pickle
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from nbflow import AppFuture, DataFlowKernel, WorkerLost, errors, join_app, python_app
from nbflow.core.starts import TRIES
from tests.faults import deaths
from tests.faults.processes import HANG, alive, wait_for_end
from tests.faults.workers import roll_call, stop, wait_until_running
from tests.gates import Gate, stand_at


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


def test_where_the_output_went_to_files_the_error_names_them(flow: DataFlowKernel, tmp_path: Path) -> None:
    @python_app
    def dies(stdout: Any = None, stderr: Any = None) -> None:
        print("said to a file")
        os.kill(os.getpid(), signal.SIGKILL)

    out, err = str(tmp_path / "out"), str(tmp_path / "err")
    error = dies(stdout=out, stderr=(err, "w")).exception(HANG)
    assert isinstance(error, WorkerLost)
    assert f"`dies`, whose output is in {out!r} and {err!r}" in str(error)
    assert Path(out).read_text() == "said to a file\n"
    error = dies(stdout=out).exception(HANG)
    assert f"`dies`, whose output is in {out!r}" in str(error)


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


# ---------------------------------------------------------------- ways to die

HOW = {
    "SIGKILL": -signal.SIGKILL,
    "SIGTERM": -signal.SIGTERM,
    "SIGSEGV": -signal.SIGSEGV,
    "SIGABRT": -signal.SIGABRT,
    "overflow": -signal.SIGSEGV,
    "exit": 7,
    "unpickling": 7,
    "pickling": 7,
    "pickling an error": 7,
}


@pytest.mark.parametrize(
    ("way", "retries"), [*((way, 0) for way in HOW), ("SIGKILL", 2), ("unpickling", 1), ("pickling", 1)]
)
def test_each_way_to_die_costs_the_attempts_of_the_one_task_and_harms_no_other(
    shared_flow: DataFlowKernel, way: str, retries: int, log: Path, tmp_path: Path
) -> None:
    others_log = tmp_path / "others"

    @python_app
    def other(n: int) -> int:
        deaths.note(str(others_log))
        return n

    app = python_app(retries=retries)(deaths.die)
    argument = deaths.DiesWhenUnpickled(str(log)) if way == "unpickling" else None
    others = [other(n) for n in range(10)]
    future = app(way, str(log), argument)
    others += [other(n) for n in range(10, 20)]
    error = future.exception(HANG)
    assert type(error) is WorkerLost
    assert (error.exitcode, error.task_id) == (HOW[way], future.tid)
    assert [each.result(HANG) for each in others] == list(range(20))
    assert deaths.attempts(log) == retries + 1
    assert len(shared_flow.details(future.tid).failures) == retries + 1
    assert deaths.attempts(others_log) == 20, "each once"


def test_a_task_that_dies_once_succeeds_with_a_retry(shared_flow: DataFlowKernel, log: Path) -> None:
    @python_app(retries=1)
    def dies_once() -> str:
        deaths.note(str(log))
        if deaths.attempts(log) == 1:
            os._exit(1)
        return "done"

    assert dies_once().result(HANG) == "done"


def test_the_socket_of_a_dead_worker_that_a_child_still_has_keeps_nobody_waiting(
    shared_flow: DataFlowKernel, gate: Gate
) -> None:
    """Five times: the child is made by C's fork, which runs none of Python's handlers, in a session of its own."""

    @python_app
    def leaves_a_child() -> None:
        if not ctypes.CDLL(None).fork():
            os.setsid()
            signal.pause()
        os.kill(os.getpid(), signal.SIGKILL)

    for _ in range(5):
        assert isinstance(leaves_a_child().exception(HANG), WorkerLost)
    assert (
        not alive(shared_flow.run_id)
        - {row.pid for row in shared_flow.workers()}
        - {shared_flow.status().pid}
    )


def test_a_task_that_closes_what_is_not_its_own_ends_its_worker(shared_flow: DataFlowKernel) -> None:
    @python_app
    def closes_all() -> None:
        os.closerange(3, 1 << 20)
        signal.pause()

    error = closes_all().exception(HANG)
    assert isinstance(error, WorkerLost)
    assert "has closed its connection to the scheduler" in str(error)


def test_a_task_that_dies_while_it_waits_for_others_and_the_body_of_a_join(
    shared_flow: DataFlowKernel, gate: Gate
) -> None:
    @python_app
    def held() -> str:
        return stand_at(gate, "value")

    @python_app
    def waits() -> str:
        import threading

        future = held()
        gate_passed = threading.Timer(0.2, os._exit, (5,))  # it waits by then, or is about to
        gate_passed.start()
        return str(future.result())

    error = waits().exception(HANG)
    assert isinstance(error, WorkerLost)
    gate.wait_for(1)
    gate.let_through(1)  # nobody has asked for the end of what it has called

    @join_app
    def joins() -> AppFuture:
        future = held()
        os._exit(5 if future else 0)

    assert isinstance(joins().exception(HANG), WorkerLost)
    gate.let_through(1)
    assert python_app(lambda: 1)().result(HANG) == 1


def test_what_the_dead_have_printed_is_in_the_panel_too(shared_flow: DataFlowKernel) -> None:
    @python_app
    def says() -> None:
        print("before the end")
        os._exit(3)

    future = says()
    assert isinstance(future.exception(HANG), WorkerLost)
    assert "before the end" in shared_flow.details(future.tid).output


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
        with pytest.raises(concurrent.futures.TimeoutError):
            future.result(1.0)  # several tries
    finally:
        resource.prlimit(scheduler, resource.RLIMIT_NOFILE, limits)
    assert future.result(HANG) not in pids
