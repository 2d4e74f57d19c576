"""A child that a task forks is never heard as the worker, runs no task, and ends."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbflow import Config, DataFlowKernel, ProcessExecutor, python_app
from tests.faults.processes import alive


@pytest.fixture(scope="module")
def one_worker() -> Iterator[DataFlowKernel]:
    with DataFlowKernel(Config([ProcessExecutor(max_workers=1)])) as flow:
        yield flow


def returns() -> str:
    """Of the child: it comes out of the task's function with a value."""
    return "the child's value"


def raises() -> str:
    raise ValueError("the child's error")


def leaves() -> str:
    sys.exit(7)


def leaves_with_words() -> str:
    sys.exit("the child's last words")


def runs_exit_handlers() -> str:
    import atexit

    atexit._run_exitfuncs()
    return "the child's value"


def prints() -> str:
    print("said by the child")
    return "the child's value"


@pytest.mark.parametrize(
    ("act", "code", "said"),
    [
        (returns, 0, ""),
        (raises, 1, "the child's error"),
        (leaves, 7, ""),
        (leaves_with_words, 1, "the child's last words"),
        (runs_exit_handlers, 0, ""),
        (prints, 0, "said by the child"),
    ],
)
def test_a_child_that_comes_out_of_the_function_ends_there(
    act: Callable[[], str], code: int, said: str, one_worker: DataFlowKernel
) -> None:
    @python_app(data_flow_kernel=one_worker)
    def fork() -> tuple[int, int] | str:
        print("once")
        print("and this", end="")
        pid = os.fork()
        if not pid:
            return act()
        return os.getpid(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    for _ in range(5):
        future = fork()
        worker, ended = future.result(30)
        assert ended == code
        output = one_worker.details(future.tid).output
        assert output.startswith("once\nand this")
        assert output.count("once") == 1
        assert said in output
        assert python_app(os.getpid, data_flow_kernel=one_worker)().result(30) == worker


def test_a_child_that_nobody_waits_for_ends_with_the_task(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def fork(value: int) -> int:
        if not os.fork():
            signal.pause()
        return value

    fork(0).result(30)
    before = alive(one_worker.run_id)
    assert [fork(n).result(30) for n in range(5)] == list(range(5))
    assert alive(one_worker.run_id) == before


def test_a_child_may_fork_again(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def fork() -> int:
        if not (pid := os.fork()):
            if grandchild := os.fork():
                os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
            sys.exit(5)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    future = fork()
    assert future.result(30) == 5
    assert one_worker.details(future.tid).output == ""


def test_a_child_of_a_thread_ends_with_it(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def fork() -> list[int]:
        codes = []

        def in_thread() -> None:
            if pid := os.fork():
                codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

        thread = threading.Thread(target=in_thread)
        thread.start()
        thread.join()
        return codes

    assert fork().result(30) == [0]


def test_a_child_forked_by_c_code_is_not_heard_either(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def fork() -> tuple[int, int] | str:
        pid = ctypes.PyDLL(None).fork()
        if not pid:
            return "the child's value"
        return os.getpid(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    for _ in range(5):
        worker, code = fork().result(30)
        assert code == 0
        assert python_app(os.getpid, data_flow_kernel=one_worker)().result(30) == worker


def by_python() -> int:
    return os.fork()


def by_c() -> int:
    """Runs none of Python's handlers."""
    return ctypes.PyDLL(None).fork()  # type: ignore[no-any-return]


@pytest.mark.parametrize("make", [by_python, by_c])
def test_a_call_in_a_child_is_refused_with_the_reason(
    make: Callable[[], int], one_worker: DataFlowKernel, tmp_path: Path
) -> None:
    @python_app
    def inner() -> int:
        return 1

    @python_app(data_flow_kernel=one_worker)
    def fork(path: Path) -> int:
        before = inner()
        if pid := make():
            os.waitpid(pid, 0)
            return before.result() + inner().result()
        said = []
        for act in (lambda: inner().result(), before.result, before.cancel):
            try:
                act()
            except Exception as error:
                said.append(f"{type(error).__name__}: {error}")
        path.write_text("\n".join(said))
        return 0

    assert fork(tmp_path / "said").result(30) == 2
    said = (tmp_path / "said").read_text().splitlines()
    assert len(said) == 3
    assert all(line.startswith("FlowClosed: ") and "forked child" in line for line in said)


def test_multiprocessing_by_fork_works(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def use() -> list[int]:
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return pool.map(abs, [-1, 2, -3])

    for _ in range(5):
        future = use()
        assert future.result(30) == [1, 2, 3]
        assert one_worker.details(future.tid).output == ""
