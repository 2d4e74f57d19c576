"""Who waits for a task gets the interpreter soon where another thread computes; the program keeps its own interval."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbflow import DataFlowKernel, python_app
from nbflow.client.flow import turns
from tests.gates import Gate, stand_at

USUAL = 0.004


@pytest.fixture(autouse=True)
def interval() -> Iterator[None]:
    found = sys.getswitchinterval()
    sys.setswitchinterval(USUAL)
    yield
    sys.setswitchinterval(found)


def until(interval: float) -> None:
    deadline = time.monotonic() + 30
    while sys.getswitchinterval() != pytest.approx(interval, abs=1e-9):
        assert time.monotonic() < deadline, f"it is {sys.getswitchinterval()}"
        time.sleep(0.001)


def test_the_interval_is_short_while_a_thread_waits_and_the_programs_own_afterwards(
    flow: DataFlowKernel, gate: Gate
) -> None:
    future = python_app(stand_at)(gate, 1)
    waiting = threading.Thread(target=future.result)
    waiting.start()
    until(turns.SOON / 1e6)
    gate.let_through()
    waiting.join()
    until(USUAL)


def test_an_interval_that_the_program_sets_meanwhile_stays(flow: DataFlowKernel, gate: Gate) -> None:
    future = python_app(stand_at)(gate, 1)
    waiting = threading.Thread(target=future.result)
    waiting.start()
    until(turns.SOON / 1e6)
    sys.setswitchinterval(0.007)
    gate.let_through()
    waiting.join()
    until(0.007)


def test_an_interval_that_is_shorter_is_left_alone(flow: DataFlowKernel, gate: Gate) -> None:
    sys.setswitchinterval(0.0002)
    future = python_app(stand_at)(gate, 1)
    gate.let_through()
    assert future.result(30) == 1
    assert sys.getswitchinterval() == pytest.approx(0.0002, abs=1e-9)


def test_no_interval_is_worn_down_by_many_waits() -> None:
    sys.setswitchinterval(0.007)
    for _ in range(100):
        turns.shorten()
        turns.restore()
    assert sys.getswitchinterval() == pytest.approx(0.007, abs=1e-9)


def test_a_forked_child_has_the_programs_own(flow: DataFlowKernel, gate: Gate, tmp_path: Path) -> None:
    future = python_app(stand_at)(gate, 1)
    waiting = threading.Thread(target=future.result)
    waiting.start()
    until(turns.SOON / 1e6)
    if not (child := os.fork()):
        (tmp_path / "interval").write_text(str(sys.getswitchinterval()))
        os._exit(0)
    os.waitpid(child, 0)
    gate.let_through()
    waiting.join()
    assert (tmp_path / "interval").read_text() == str(USUAL)


@pytest.mark.parametrize("interval", [0.0005, 0.001, 0.01, 1.5])
def test_every_interval_that_a_program_may_set_is_its_own(flow: DataFlowKernel, interval: float) -> None:
    for before in (0.007, 0.02):
        sys.setswitchinterval(before)
        turns.shorten()
        sys.setswitchinterval(interval)
        turns.restore()
        assert sys.getswitchinterval() == pytest.approx(interval, abs=1e-9)
