"""A task that has too much memory ends with an error that has the figures; its neighbours do not notice."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import nbflow
from nbflow import Config, DataFlowKernel, ProcessExecutor, Retry, State, WorkerLost, python_app
from nbflow.errors import MemoryLimitExceeded
from nbflow.wire.rows import TaskRow, WorkerRow
from tests.attempts import attempts
from tests.gates import Gate, stand_at

MB = 1_000_000
LIMIT = 80 * MB
TOO_MUCH = 120 * MB


@pytest.fixture(scope="module")
def limited() -> Iterator[DataFlowKernel]:
    """Two workers that may have 80 MB each."""
    nbflow.clear()
    yield nbflow.load(Config(executors=[ProcessExecutor(max_workers=2, memory_limit="80 MB")]))
    nbflow.clear()


@python_app
def grow(size: int, gate: Gate, log: str = os.devnull) -> int:
    """Have so many bytes, and stand at the gate with them."""
    with open(log, "a") as file:
        file.write("x")
    data = b"x" * size
    return stand_at(gate, len(data))


def test_the_task_beyond_the_limit_is_ended_with_its_figures_and_its_neighbour_is_not(
    limited: DataFlowKernel, gate: Gate
) -> None:
    modest = grow(20 * MB, gate)
    gate.wait_for(1)
    for _ in range(3):
        greedy = grow(TOO_MUCH, gate)
        error = greedy.exception(30)
        assert type(error) is MemoryLimitExceeded
        assert LIMIT < error.used < 2 * TOO_MUCH
        assert error.limit == LIMIT
        assert "`grow` was ended: its worker's process had " in str(error)
        assert "more than the memory_limit of 80 MB of executor 'processes'" in str(error)
    gate.let_through()
    assert modest.result(30) == 20 * MB
    assert limited.details(modest.tid).failures == []


def test_what_its_child_processes_have_counts(limited: DataFlowKernel) -> None:
    @python_app
    def starts_one() -> int:
        code = f"data = b'x' * {TOO_MUCH}\nimport time\ntime.sleep(1000)"
        return subprocess.run([sys.executable, "-c", code], check=True).returncode

    error = starts_one().exception(30)
    assert type(error) is MemoryLimitExceeded
    assert error.used > LIMIT
    assert "its worker's 2 processes had" in str(error)


def test_a_task_that_waits_for_others_is_ended_too(limited: DataFlowKernel, gate: Gate) -> None:
    @python_app
    def waits() -> int:
        data = b"x" * TOO_MUCH
        return grow(1, gate).result() + len(data)

    waiting = waits()
    assert type(waiting.exception(30)) is MemoryLimitExceeded
    gate.let_through()


def test_it_is_tried_again_where_that_is_among_the_errors_to_try_again_after(
    limited: DataFlowKernel, gate: Gate, log: Path
) -> None:
    for on, times in ((MemoryLimitExceeded, 3), (Exception, 3), (WorkerLost, 1), (OSError, 1)):
        log.write_text("")
        again = python_app(retries=Retry(2, on=on))(grow.__wrapped__)
        with pytest.raises(MemoryLimitExceeded):
            again(TOO_MUCH, gate, str(log)).result(30)
        assert attempts(log) == times, on


class Eye:
    """Sees what memory the workers have."""

    def __init__(self, beyond: int) -> None:
        self.beyond = beyond
        self.seen = threading.Semaphore(0)

    def workers_changed(self, rows: Sequence[WorkerRow]) -> None:
        if any(row.memory > self.beyond for row in rows):
            self.seen.release()

    def tasks_changed(self, rows: Sequence[TaskRow]) -> None: ...

    def flow_closed(self) -> None: ...


def test_what_forked_processes_share_counts_once(limited: DataFlowKernel, gate: Gate) -> None:
    @python_app
    def forks(gate: Gate) -> int:
        data = b"x" * (40 * MB)
        child = os.fork()
        if not child:
            try:
                stand_at(gate, 0)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        return len(data)

    limited.watch()
    eye = Eye(LIMIT)
    limited.feed.subscribe(eye)
    future = forks(gate)
    assert eye.seen.acquire(timeout=30)
    assert eye.seen.acquire(timeout=30)
    limited.feed.unsubscribe(eye)
    gate.let_through()
    assert future.result(30) == 40 * MB


def test_the_status_tells_what_each_worker_has(limited: DataFlowKernel, gate: Gate) -> None:
    future = grow(40 * MB, gate)
    gate.wait_for(1)
    here = next(row for row in limited.workers() if row.task == future.tid)
    assert 40 * MB < here.memory < 80 * MB
    gate.let_through()
    future.result(30)


def test_workers_stand_before_the_notebook_when_the_system_looks_for_one_to_end(
    limited: DataFlowKernel,
) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux can be told whom to end first")

    @python_app
    def own() -> tuple[int, int]:
        code = "print(open('/proc/self/oom_score_adj').read())"
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        return int(Path("/proc/self/oom_score_adj").read_text()), int(child.stdout)

    ours = int(Path("/proc/self/oom_score_adj").read_text())
    assert own().result(30) == (min(1000, ours + 300), min(1000, ours + 300))
    scheduler = limited.status().pid
    assert int(Path(f"/proc/{scheduler}/oom_score_adj").read_text()) == ours


def test_an_idle_worker_that_keeps_too_much_is_replaced_and_no_task_is_blamed(nothing_loaded: None) -> None:
    @python_app
    def keeps() -> int:
        import builtins

        builtins.kept_by_a_test = b"x" * (55 * MB)  # type: ignore[attr-defined]
        return os.getpid()

    with nbflow.load(Config(executors=[ProcessExecutor(max_workers=1, memory_limit="100 MB")])) as flow:
        for _ in range(3):
            first = keeps().result(30)
            end = os.pidfd_open(first)
            assert select.select([end], [], [], 30)[0], "it ends"
            os.close(end)
        assert flow.counts()[State.FAILED] == 0
