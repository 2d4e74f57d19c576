"""Nothing that has happened waits for something else to happen, though threads take turns at reading and sending."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import nbflow
from nbflow import Config, DataFlowKernel, ProcessExecutor, python_app
from tests.gates import Gate, stand_at

PATIENCE = 30.0  # seconds, far more than anything here takes


@pytest.fixture(scope="module")
def one_worker() -> Iterator[DataFlowKernel]:
    nbflow.clear()
    yield nbflow.load(Config(executors=[ProcessExecutor(max_workers=1)]))
    nbflow.clear()


@pytest.fixture
def two_workers(shared_flow: DataFlowKernel) -> DataFlowKernel:
    return shared_flow


@python_app
def quick(x: int, gate: Gate | None = None) -> int:
    return x if gate is None else stand_at(gate, x)


@python_app
def mark(path: str) -> None:
    Path(path).touch()


def computes_until(condition: Callable[[], bool]) -> bool:
    """Keep the interpreter busy until then; whether it came in time."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
    return True


def test_answers_of_short_tasks_are_heard_while_a_long_one_runs_behind_them(
    one_worker: DataFlowKernel, gate: Gate
) -> None:
    for _ in range(3):  # so that it is known to be short, and many are sent at once
        quick(0).result(PATIENCE)
    futures = [quick(n) for n in range(100)]
    last = quick(100, gate)
    gate.wait_for()
    assert [future.result(PATIENCE) for future in futures] == list(range(100))
    assert not last.done()
    gate.let_through()
    assert last.result(PATIENCE) == 100


@pytest.mark.parametrize("first", [0.0, 0.3])
def test_a_call_made_inside_a_task_begins_while_the_task_computes(
    two_workers: DataFlowKernel, tmp_path: Path, first: float
) -> None:
    def calls(path: str) -> bool:
        begun = time.monotonic()
        computes_until(lambda: time.monotonic() - begun >= first)  # long enough for nobody to expect a call
        future = mark(path)
        found = computes_until(lambda: os.path.exists(path))
        future.result()
        return found

    assert python_app(calls)(str(tmp_path / "mark")).result(2 * PATIENCE)


def test_a_callback_runs_after_a_thread_has_taken_one_result_after_the_other(
    two_workers: DataFlowKernel, gate: Gate
) -> None:
    heard = threading.Event()
    last = quick(-1, gate)
    last.add_done_callback(lambda _: heard.set())
    gate.wait_for()
    for future in [quick(n) for n in range(100)]:
        future.result(PATIENCE)
    gate.let_through()
    assert heard.wait(PATIENCE)


def test_a_thread_that_waits_hears_of_its_task_after_another_one_has_read_for_itself(
    two_workers: DataFlowKernel, gate: Gate
) -> None:
    last = quick(-1, gate)
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(last.result(PATIENCE)))
    gate.wait_for()
    futures = [quick(n) for n in range(100)]
    futures[0].result(PATIENCE)
    thread.start()
    for future in futures[1:]:
        future.result(PATIENCE)
    gate.let_through()
    thread.join(PATIENCE)
    assert found == [-1]
