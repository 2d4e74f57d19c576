"""What a task prints is kept, head and tail, and never fills disk or memory, nor makes the task wait or fail."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

import nbflow
from nbflow import Config, DataFlowKernel, ProcessExecutor, bash_app, python_app
from nbflow.scheduler import outputs
from nbflow.scheduler.history import NO_FUNCTION, Job
from nbflow.wire import printed
from nbflow.wire.excerpt import HALF
from tests.gates import Gate, stand_at


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataFlowKernel]:
    directory = str(tmp_path_factory.mktemp("runs"))
    with DataFlowKernel(Config([ProcessExecutor(max_workers=1)], run_dir=directory)) as flow:
        python_app(os.getpid, data_flow_kernel=flow)().result(30)  # the worker is there
        yield flow


def log_of(flow: DataFlowKernel) -> Path:
    """The file into which the only worker prints."""
    (log,) = Path(flow.run_dir).glob("worker-*.log")
    return log


def wait_until(holds: Callable[[], bool]) -> None:
    """Look again and again; the test is ended where it never holds."""
    while not holds():
        select.select([], [], [], 0.01)


def by_print(lines: int) -> None:
    for n in range(lines):
        print(f"{n:<999}")


def by_descriptor(lines: int) -> None:
    for n in range(lines):
        os.write(1, b"%-999d\n" % n)


def by_c(lines: int) -> None:
    libc = ctypes.CDLL(None)
    for n in range(lines):
        libc.dprintf(2, b"%-999d\n", n)


def by_child(lines: int) -> None:
    subprocess.run(["awk", f'BEGIN {{ for (n = 0; n < {lines}; n++) printf "%-999d\\n", n }}'], check=True)


@pytest.mark.parametrize("write", [by_print, by_descriptor, by_c, by_child])
def test_of_50_mb_head_and_tail_are_kept_and_the_rest_is_counted(
    write: Callable[[int], None], one_worker: DataFlowKernel
) -> None:
    future = python_app(write, data_flow_kernel=one_worker)(50_000)
    assert future.result(50) is None
    output = one_worker.details(future.tid).output
    head, told, tail = output.partition("\n... 49000000 bytes left out ...\n")
    assert told
    assert [int(line) for line in head.splitlines()] == list(range(500))
    assert [int(line) for line in tail.splitlines()] == list(range(49_500, 50_000))
    after = python_app(print, data_flow_kernel=one_worker)("next")
    after.result(30)
    assert one_worker.details(after.tid).output == "next\n"


def test_an_endless_printer_does_not_fill_the_disk_and_can_be_cancelled(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def print_for_ever() -> None:
        while True:
            print("x" * 10_000)

    log = log_of(one_worker)
    future = print_for_ever()

    def long_and_small() -> bool:
        about = log.stat()
        return about.st_size > 300_000_000 and about.st_blocks * 512 < 100_000_000

    wait_until(long_and_small)
    assert future.cancel()
    assert not log.exists()


def test_who_prints_may_hold_the_interpreter_all_the_time(one_worker: DataFlowKernel, gate: Gate) -> None:
    @python_app(data_flow_kernel=one_worker)
    def hold(gate: Gate) -> int:
        command = f"yes 2>/dev/null | head -c 40000000; echo . > {gate.arrivals}; head -c 1 {gate.permits}"
        return int(ctypes.PyDLL(None).system(command.encode()))

    python_app(os.getpid, data_flow_kernel=one_worker)().result(30)
    log = log_of(one_worker)
    future = hold(gate)
    gate.wait_for()
    wait_until(lambda: log.stat().st_blocks * 512 < 20_000_000)
    gate.let_through()
    assert future.result(30) == 0
    # with the byte that it read at the gate
    assert "\n... 39000001 bytes left out ...\n" in one_worker.details(future.tid).output


@pytest.mark.usefixtures("each_flow")
def test_a_command_does_not_fill_the_disk_wherever_it_runs() -> None:
    @bash_app
    def much() -> str:
        """Goes on until the disk has most of what was printed back."""
        return """
            yes 2>/dev/null | head -c 40000000
            while [ $(stat -L -c %b /proc/$$/fd/1) -gt 20000 ]; do sleep 0.01; done
        """

    flow = nbflow.dfk()
    future = much()
    assert future.result(50) == 0
    assert "\n... 39000000 bytes left out ...\n" in flow.details(future.tid).output


def test_a_print_for_which_there_is_no_room_fails_no_task(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def much() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        print("begin")
        for _ in range(100):
            print("x" * 99)
        print("end", file=sys.stderr)
        return "value"

    for _ in range(3):
        future = much()
        assert future.result(30) == "value"
        output = one_worker.details(future.tid).output
        assert output.startswith("begin\n")
        assert output.endswith(
            f"\n... {6 + 100 * 100 + 4 - 2000} bytes could not be kept, the disk is full ...\n"
        )


def test_a_file_that_the_user_named_is_not_limited_and_its_errors_are_the_users(
    one_worker: DataFlowKernel, tmp_path: Path
) -> None:
    @python_app(data_flow_kernel=one_worker)
    def say(limit: int) -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        for _ in range(3000):
            print("x" * 999)

    say(5_000_000, stdout=tmp_path / "out").result(30)
    assert (tmp_path / "out").stat().st_size == 3_000_000
    error = say(1_000_000, stdout=tmp_path / "short").exception(30)
    assert isinstance(error, OSError)
    assert error.errno == errno.EFBIG


def test_whatever_is_printed_comes_out_as_text(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def say() -> None:
        os.write(1, b"\xff\xfe\0 \x1b[31m\r")
        print("\ud800 \u202e")
        for percent in range(0, 101, 10):
            print(f"\r{percent} %", end="", flush=True)

    future = say()
    future.result(30)
    output = one_worker.details(future.tid).output
    assert output.startswith("��\0 \x1b[31m\r\\ud800 \u202e\n\r0 %\r10 %")
    assert output.endswith("\r100 %")


def test_of_a_running_task_the_end_is_told(one_worker: DataFlowKernel, gate: Gate) -> None:
    @python_app(data_flow_kernel=one_worker)
    def work(gate: Gate) -> None:
        print("x" * 2_000_000 + "the end")
        stand_at(gate, 0)

    future = work(gate)
    gate.wait_for()
    wait_until(lambda: one_worker.details(future.tid).output != "")
    output = one_worker.details(future.tid).output
    assert output.endswith("xthe end\n")
    assert output.startswith("... 1980008 bytes left out ...\nx")
    gate.let_through()
    future.result(30)
    assert one_worker.details(future.tid).output.startswith("x" * HALF)


# ---------------------------------------------------------------- what is kept of it


def test_many_long_outputs_take_bounded_memory(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def shout() -> None:
        print("begin" + "x" * 2_000_000 + "end")

    futures = [shout() for _ in range(150)]
    for future in futures:
        future.result(50)
    first, last = (one_worker.details(future.tid).output for future in (futures[0], futures[-1]))
    assert len(first) < 5_000
    assert first.startswith("begin")
    assert first.endswith("end\n")
    assert "characters are not kept any more" in first
    assert len(last) > 2 * HALF
    assert psutil.Process(one_worker.status().pid).memory_info().rss < 150_000_000


def test_the_oldest_outputs_lose_their_middle_first() -> None:
    kept = outputs.Outputs(budget=3 * 10_000)
    jobs = [Job(n, "app", None, [], "", 0, NO_FUNCTION, 0.0, None) for n in range(5)]
    for job in jobs:
        kept.keep(job, "a" * 5000 + "b" * 5000)
    kept.keep(jobs[2], "short")
    kept.keep(jobs[0], "c" * 10_000)
    assert [len(job.output) for job in jobs] == [10_000, 4000 + 47, 5, 10_000, 10_000]
    assert jobs[1].output == "a" * 2000 + "\n... 6000 characters are not kept any more ...\n" + "b" * 2000


@pytest.mark.parametrize("holes", [True, False])
def test_a_long_log_keeps_head_and_tail_whatever_the_file_system_can_do(
    holes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not holes:
        monkeypatch.setattr(printed, "_punch_hole", lambda *_: False)
    path = tmp_path / "log"
    with path.open("a+b") as file:
        log = printed.Log(os.dup(file.fileno()))
        for most in (20_000_000, 30_000_000):  # twice: another task begins with an empty log
            os.truncate(path, 0)
            log.trim()
            for n in range(most // 1000):
                os.write(file.fileno(), b"%-999d\n" % n)
                if n % 1000 == 0:
                    log.trim()
            log.trim()
            assert path.stat().st_blocks * 512 < 7_000_000
            text = path.read_text()
            assert text.startswith(f"{0:<999}\n{1:<999}\n")
            assert [int(line) for line in text[-HALF:].splitlines()] == list(
                range(most // 1000 - 500, most // 1000)
            )
            if holes:
                assert len(text) == most
            else:
                begin = text.index("\n... ") + len("\n... ")
                left_out = int(text[begin : text.index(" bytes left out")])
                assert begin < HALF
                assert len(text) + left_out - len(f"\n... {left_out} bytes left out ...\n") == most
        log.close()
