"""The end of a pool (test_concurrent_futures/test_shutdown.py of Python 3.13), and of the flow that it started.

Not stated here, because it does not apply: what becomes of a pool's own threads and processes. They are the flow's,
and end with it.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nbflow import Config, DataFlowKernel, State
from nbflow.concurrent import NbflowPoolExecutor
from tests.concurrent.conftest import WORKERS
from tests.gates import Gate, stand_at, wait_until


class Ended(threading.Event):
    """Set when a flow has ended."""

    def __init__(self, flow: DataFlowKernel) -> None:
        super().__init__()
        flow.feed.subscribe(self)

    def tasks_changed(self, rows: object) -> None:
        pass

    def flow_closed(self) -> None:
        self.set()


def test_leaving_the_block_waits_for_the_tasks_and_ends_the_flow(config: Config) -> None:
    with NbflowPoolExecutor(config) as pool:
        values = pool.map(abs, range(-5, 5))
        future = pool.submit(len, "abc")
    assert pool.dfk.closed
    assert future.done()
    assert future.result() == 3
    assert list(values) == [5, 4, 3, 2, 1, 0, 1, 2, 3, 4]


def test_big_values_can_be_read_after_the_end(config: Config) -> None:
    with NbflowPoolExecutor(config) as pool:
        values = pool.map(bytes, [1_000_000, 2_000_000])
        future = pool.submit(bytes, 3_000_000)
    assert [len(value) for value in values] == [1_000_000, 2_000_000]
    assert len(future.result()) == 3_000_000


def test_after_the_end_calls_are_refused(own_pool: NbflowPoolExecutor) -> None:
    own_pool.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        own_pool.submit(pow, 2, 5)
    with pytest.raises(RuntimeError, match="shut down"):
        own_pool.map(pow, [2], [5])
    own_pool.shutdown()  # once more does no harm
    assert repr(own_pool).endswith("closed>")


def test_a_flow_that_was_ended_by_itself_refuses_in_the_same_way(own_pool: NbflowPoolExecutor) -> None:
    own_pool.dfk.cleanup()
    with pytest.raises(RuntimeError, match="takes no more calls"):
        own_pool.submit(pow, 2, 5)


def test_without_waiting_the_flow_ends_after_its_last_task(own_pool: NbflowPoolExecutor, gate: Gate) -> None:
    ended = Ended(own_pool.dfk)
    futures = [own_pool.submit(stand_at, gate, n) for n in range(5)]
    own_pool.shutdown(wait=False)
    assert not own_pool.dfk.closed
    with pytest.raises(RuntimeError, match="shut down"):
        own_pool.submit(pow, 2, 5)
    gate.let_through(5)
    assert ended.wait(30)
    assert [future.result(0) for future in futures] == list(range(5))


def test_cancelling_withdraws_what_has_not_begun(own_pool: NbflowPoolExecutor, gate: Gate) -> None:
    running = [own_pool.submit(stand_at, gate, n) for n in range(WORKERS)]
    gate.wait_for(WORKERS)
    queued = [own_pool.submit(stand_at, gate, n) for n in range(50)]
    own_pool.shutdown(wait=False, cancel_futures=True)
    wait_until(own_pool.dfk, 50, State.CANCELLED)
    assert all(future.cancelled() for future in queued)
    gate.let_through(WORKERS)
    own_pool.shutdown()
    assert [future.result(0) for future in running] == list(range(WORKERS))


def test_only_the_pools_own_tasks_are_cancelled(flow: DataFlowKernel, gate: Gate) -> None:
    pool, other = NbflowPoolExecutor(dfk=flow), NbflowPoolExecutor(dfk=flow)
    running = [other.submit(stand_at, gate, n) for n in range(WORKERS)]
    gate.wait_for(WORKERS)
    mine, others = pool.submit(abs, -1), other.submit(abs, -1)
    pool.shutdown(cancel_futures=True)
    assert mine.cancelled()
    assert not others.done()
    gate.let_through(WORKERS)
    other.shutdown()
    assert others.result(0) == 1
    assert all(future.done() for future in running)


def test_a_call_that_was_cancelled_just_before_does_not_hold_up_the_end(own_pool: NbflowPoolExecutor) -> None:
    assert own_pool.submit(int).result(20) == 0
    own_pool.submit(int).cancel()
    own_pool.shutdown()


def test_a_pool_that_is_let_go_ends_its_flow_after_the_last_task(config: Config, gate: Gate) -> None:
    pool = NbflowPoolExecutor(config)
    ended = Ended(pool.dfk)
    values = pool.map(abs, range(-5, 0))
    future = pool.submit(stand_at, gate, 7)
    del pool
    gc.collect()
    gate.let_through()
    assert ended.wait(30)
    assert future.result(0) == 7
    assert list(values) == [5, 4, 3, 2, 1]


# ---------------------------------------------------------------- the end of the program

BEGIN = """
from nbflow import Config, ProcessExecutor, ThreadExecutor
from nbflow.concurrent import NbflowPoolExecutor
from pathlib import Path

def write(path, need=None):
    Path(path).write_text("apple")

pool = NbflowPoolExecutor(Config(executors=[EXECUTOR(max_workers=1)]))
"""


def run(directory: Path, code: str, executor: str = "ProcessExecutor") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGIN.replace("EXECUTOR", executor) + code],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.parametrize("executor", ["ProcessExecutor", "ThreadExecutor"])
@pytest.mark.parametrize("last", ["", "pool.shutdown(wait=False)", "del pool"])
def test_the_program_ends_after_the_tasks(tmp_path: Path, last: str, executor: str) -> None:
    code = f"first = pool.submit(write, 'a'); pool.submit(write, 'b', first)\n{last}"
    ended = run(tmp_path, code, executor)
    if executor == "ThreadExecutor" and "tasks that have not begun are lost" in ended.stderr:
        pytest.skip("this Python lets no thread begin once the program's end has")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "b").read_text() == "apple"


def test_the_tasks_of_a_pool_on_a_flow_are_waited_for_as_well(tmp_path: Path) -> None:
    ended = run(tmp_path, "NbflowPoolExecutor(dfk=pool.dfk).submit(write, 'a', pool.submit(abs, 1))")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "a").read_text() == "apple"


def test_a_call_at_the_very_end_is_refused(tmp_path: Path) -> None:
    ended = run(
        tmp_path, "import atexit; atexit.register(lambda: pool.submit(abs, 1)); pool.submit(abs, 1).result()"
    )
    assert "RuntimeError: the pool was shut down" in ended.stderr


def test_in_a_forked_child_a_pool_neither_takes_calls_nor_is_waited_for(tmp_path: Path) -> None:
    code = """
import os, sys, warnings
warnings.simplefilter("ignore")  # of forking beside threads
future = pool.submit(write, "a")
with pool:
    if not os.fork():
        try:
            pool.submit(write, "b")
        except RuntimeError as error:
            print(error)
        sys.exit()
    os.wait()
"""
    ended = run(tmp_path, code)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "belongs to the process that this one was forked from" in ended.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
