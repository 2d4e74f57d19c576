"""Memory that a task has freed is there for the next one, and goes back to the system when the worker rests."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbflow import Config, DataFlowKernel, ProcessExecutor, clear, load, python_app
from nbflow.values import heap

SIZE = 48 << 20  # bytes: more than glibc keeps by itself
pytestmark = pytest.mark.skipif(heap._glibc() is None, reason="another C library")


@pytest.fixture
def one_worker() -> Iterator[DataFlowKernel]:
    yield load(Config([ProcessExecutor(max_workers=1)]))
    clear()


@python_app
def variables() -> tuple[dict[str, str], str]:
    """What a task finds set, and a program that it starts."""
    told = {name: value for name, value in os.environ.items() if name.startswith("MALLOC_")}
    printed = subprocess.run(["printenv"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return told, "\n".join(line for line in printed.splitlines() if line.startswith("MALLOC_"))


@python_app
def fresh_pages() -> int:
    """How many pages of the system's a large block takes that is freed again."""

    def faults() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    before = faults()
    block = b"x" * SIZE
    del block
    return faults() - before


@python_app
def private_memory() -> tuple[int, int]:
    """The worker, and its memory in bytes."""
    return os.getpid(), memory_of(os.getpid())


def memory_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024


def test_what_a_task_has_freed_serves_the_next_one(one_worker: DataFlowKernel) -> None:
    assert fresh_pages().result(30) > SIZE // 8192
    assert fresh_pages().result(30) < SIZE // 40960


def test_a_worker_that_rests_gives_back_what_is_free(one_worker: DataFlowKernel) -> None:
    pid, before = private_memory().result(30)
    fresh_pages().result(30)
    deadline = time.monotonic() + 60
    while memory_of(pid) > before + SIZE // 4:
        assert time.monotonic() < deadline, "it keeps what it does not need"
        time.sleep(0.01)


def test_an_executor_with_little_memory_keeps_nothing() -> None:
    with load(Config([ProcessExecutor(max_workers=1, memory_limit="200 MB")])):
        fresh_pages().result(30)
        assert fresh_pages().result(30) > SIZE // 8192
    clear()


@pytest.mark.parametrize("setting", heap._OF_THE_USER)
def test_who_has_set_the_heap_is_obeyed(setting: str) -> None:
    assert heap.settings(1 << 30, {"PATH": "/bin"})
    assert heap.settings(1 << 30, {"PATH": "/bin", setting: ""}) == {}


def test_what_an_executor_sets_counts() -> None:
    told = {"MALLOC_TRIM_THRESHOLD_": "1000000"}
    with load(Config([ProcessExecutor(max_workers=1, environment=told)])):
        assert variables().result(30) == (told, "MALLOC_TRIM_THRESHOLD_=1000000")
        fresh_pages().result(30)
        assert fresh_pages().result(30) > SIZE // 8192
    clear()


def test_neither_tasks_nor_what_they_start_see_how_the_worker_was_told(one_worker: DataFlowKernel) -> None:
    assert variables().result(30) == ({}, "")
