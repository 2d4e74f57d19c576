"""A worker that is stopped, or held up by a call that lets no thread run: the others go on, and it resumes."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import pytest

import nbflow
from nbflow import Config, DataFlowKernel, ProcessExecutor, python_app
from nbflow.errors import AppTimeout
from nbflow.wire.rows import TaskRow, WorkerRow
from tests.gates import Gate, stand_at

HANG = 30  # seconds


class Eye:
    """Sees which workers respond."""

    def __init__(self, flow: DataFlowKernel) -> None:
        self._rows: dict[int, WorkerRow] = {}
        self._changed = threading.Condition()
        flow.watch()
        flow.feed.subscribe(self)

    def wait_until(self, pid: int, responding: bool) -> None:
        """Wait until this worker does, or does not."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: pid in self._rows and self._rows[pid].responding is responding, HANG
            )

    def workers_changed(self, rows: Sequence[WorkerRow]) -> None:
        with self._changed:
            self._rows = {row.pid: row for row in rows}
            self._changed.notify_all()

    def tasks_changed(self, rows: Sequence[TaskRow]) -> None: ...

    def flow_closed(self) -> None: ...


@pytest.fixture
def eye(flow: DataFlowKernel) -> Eye:
    return Eye(flow)


@python_app
def at_gate(gate: Gate, value: int) -> int:
    return stand_at(gate, value)


@python_app
def double(value: int) -> int:
    return 2 * value


def worker_of(flow: DataFlowKernel, task: int) -> int:
    """The process that runs a task."""
    return next(row.pid for row in flow.workers() if row.task == task)


def test_a_stopped_worker_shows_the_others_go_on_and_it_resumes(
    flow: DataFlowKernel, eye: Eye, gate: Gate
) -> None:
    for _ in range(2):
        future = at_gate(gate, 7)
        gate.wait_for()
        pid = worker_of(flow, future.tid)
        os.kill(pid, SIGSTOP)
        eye.wait_until(pid, responding=False)
        assert [row.responding for row in flow.workers() if row.pid == pid] == [False]
        assert [double(n).result(HANG) for n in range(20)] == [2 * n for n in range(20)]
        assert not future.done()
        os.kill(pid, SIGCONT)
        eye.wait_until(pid, responding=True)
        gate.let_through()
        assert future.result(HANG) == 7
        assert flow.details(future.tid).failures == []


@python_app
def one_of_many(number: int, log: str, halt: int, gate: Gate) -> int:
    """Stops its own worker, or holds it up, where its number is the one to do so."""
    import ctypes
    import signal

    fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{number}\n".encode())
    os.close(fd)
    if number == halt:
        with open(gate.arrivals, "wb", buffering=0) as arrivals, open(gate.permits, "rb") as permits:
            arrivals.write(b".")
            if number % 2:
                os.kill(os.getpid(), signal.SIGSTOP)
            else:  # a read through PyDLL keeps the interpreter's lock: no thread of the worker runs
                ctypes.PyDLL(None).read(permits.fileno(), ctypes.create_string_buffer(1), 1)
    return number


@pytest.mark.parametrize("halt", [5, 6], ids=["stopped", "holding the interpreter's lock"])
def test_what_is_queued_behind_a_worker_that_does_not_answer_goes_elsewhere_and_begins_once(
    flow: DataFlowKernel, gate: Gate, log: Path, halt: int
) -> None:
    for _ in range(2):
        log.write_text("")
        for _ in range(3):  # the app is known to be short from then on, and sent ahead
            for future in [one_of_many(-1, str(log), halt, gate) for _ in range(20)]:
                future.result(HANG)
        futures = [one_of_many(n, str(log), halt, gate) for n in range(200)]
        gate.wait_for()
        behind = [future for future in futures if future is not futures[halt]]
        assert [future.result(HANG) for future in behind] == [n for n in range(200) if n != halt]
        assert not futures[halt].done()
        if halt % 2:
            os.kill(worker_of(flow, futures[halt].tid), SIGCONT)
        else:
            gate.let_through()
        assert futures[halt].result(HANG) == halt
        assert [double(n).result(HANG) for n in range(50)] == [2 * n for n in range(50)]
        begun = Counter(log.read_text().split())
        assert {n: begun[str(n)] for n in range(200)} == dict.fromkeys(range(200), 1)


def test_what_is_queued_behind_a_call_that_lets_no_thread_run_is_cancelled_and_the_rest_runs(
    nothing_loaded: None, log: Path, gate: Gate
) -> None:
    log.write_text("")
    with nbflow.load(Config(executors=[ProcessExecutor(max_workers=1)], exit_mode="wait")):
        for future in [one_of_many(-1, str(log), 6, gate) for _ in range(60)]:
            future.result(HANG)
        log.write_text("")
        futures = [one_of_many(n, str(log), 6, gate) for n in range(20)]
        gate.wait_for()
        assert futures[15].cancel()
        assert futures[10].cancel()
        assert not futures[6].done()
        gate.let_through()
        kept = [n for n in range(20) if n not in (10, 15)]
        assert [futures[n].result(HANG) for n in kept] == kept
    assert Counter(log.read_text().split()) == dict.fromkeys(map(str, kept), 1)


def test_answers_from_before_a_call_that_lets_no_thread_run_come_and_its_walltime_ends_it(
    nothing_loaded: None, log: Path, gate: Gate
) -> None:
    with nbflow.load(Config(executors=[ProcessExecutor(max_workers=1)])):
        for future in [one_of_many(-1, str(log), 6, gate) for _ in range(300)]:
            future.result(HANG)
        futures = [one_of_many(n, str(log), 6, gate, walltime=1) for n in range(20)]
        gate.wait_for()
        assert [futures[n].result(HANG) for n in range(6)] == list(range(6))
        with pytest.raises(AppTimeout):
            futures[6].result(HANG)
        assert [futures[n].result(HANG) for n in range(7, 20)] == list(range(7, 20))


def test_a_task_that_was_sent_to_a_stopped_worker_runs_elsewhere_also_where_it_was_the_only_one(
    nothing_loaded: None, log: Path, gate: Gate
) -> None:
    log.write_text("")
    with nbflow.load(Config(executors=[ProcessExecutor(max_workers=1)], exit_mode="wait")) as flow:
        assert double(1).result(HANG) == 2
        (only,) = (row.pid for row in flow.workers())
        os.kill(only, SIGSTOP)
        assert one_of_many(3, str(log), 0, gate).result(HANG) == 3
        os.kill(only, SIGCONT)
        assert double(2).result(HANG) == 4
    assert log.read_text().split() == ["3"]


def test_the_task_of_a_stopped_worker_can_be_cancelled_and_its_walltime_ends_it(
    flow: DataFlowKernel, gate: Gate
) -> None:
    future = at_gate(gate, 1)
    gate.wait_for()
    os.kill(worker_of(flow, future.tid), SIGSTOP)
    assert future.cancel()
    assert future.cancelled()
    timed = python_app(walltime=1)(at_gate.__wrapped__)(gate, 1)
    gate.wait_for()
    os.kill(worker_of(flow, timed.tid), SIGSTOP)
    assert type(timed.exception(HANG)) is AppTimeout
