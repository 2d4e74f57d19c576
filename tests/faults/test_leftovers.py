"""Processes that a task leaves behind end with it; what libraries keep of them does not harm the next task."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbflow import Config, DataFlowKernel, ProcessExecutor, ThreadExecutor, bash_app, python_app
from nbflow.client.tasks import streams
from nbflow.client.tasks.streams import TaskEnded, ThreadCapture
from nbflow.errors import AppTimeout
from tests.faults.processes import has_ended
from tests.gates import Gate, make_gate


@pytest.fixture(scope="module")
def one_worker() -> Iterator[DataFlowKernel]:
    with DataFlowKernel(Config([ProcessExecutor(max_workers=1)])) as flow:
        yield flow


SLEEPER = [sys.executable, "-c", "import sys, time; print('up', flush=True); time.sleep(1000)"]
DEAF = "import signal; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; "


def child() -> int:
    process = subprocess.Popen(SLEEPER, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process.pid


def deaf_child() -> int:
    process = subprocess.Popen([*SLEEPER[:2], DEAF + SLEEPER[2]], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process.pid


def stopped_child() -> int:
    pid = child()
    os.kill(pid, signal.SIGSTOP)
    return pid


def daemon(environment: dict[str, str] | None = None) -> int:
    """A grandchild in a session of its own whose parent has ended. `environment`: None = as the task has it."""
    read, write = os.pipe()
    if not (pid := os.fork()):
        os.setsid()
        if not os.fork():
            os.write(write, str(os.getpid()).encode())
            os.execve(SLEEPER[0], SLEEPER, os.environ if environment is None else environment)
        os._exit(0)
    os.waitpid(pid, 0)
    return int(os.read(read, 20))


@pytest.mark.parametrize("leave", [child, deaf_child, stopped_child, daemon])
def test_a_process_left_behind_has_ended_when_the_task_has(
    leave: Callable[[], int], one_worker: DataFlowKernel
) -> None:
    app = python_app(leave, data_flow_kernel=one_worker)
    python_app(os.getpid, data_flow_kernel=one_worker)().result(30)
    for _ in range(3):
        assert has_ended(app().result(30), within=0)


@pytest.mark.parametrize("way", ["cancel", "walltime", "kill", "exit"])
def test_processes_in_sessions_of_their_own_end_when_the_worker_does(
    way: str, one_worker: DataFlowKernel, tmp_path: Path
) -> None:
    gate, ends = make_gate(tmp_path)

    @python_app(data_flow_kernel=one_worker)
    def work(path: Path, gate: Gate, walltime: float | None = None) -> None:
        path.write_text(f"{daemon()} {child()} {daemon(environment={})}")
        print("said before")
        with open(gate.arrivals, "wb", buffering=0) as file:
            file.write(b".")
        if way == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if way == "exit":
            os._exit(3)
        signal.pause()

    for _ in range(3):
        future = work(tmp_path / "pids", gate, walltime=3.0 if way == "walltime" else None)
        gate.wait_for()
        if way == "cancel":
            assert future.cancel()
        assert future.exception(30) is not None if way != "cancel" else future.cancelled()
        assert all(has_ended(int(pid), within=0) for pid in (tmp_path / "pids").read_text().split())
        if way != "cancel":
            assert "said before" in one_worker.details(future.tid).output
    for end in ends:
        os.close(end)


@bash_app
def leave_jobs(path: Path, then: str, walltime: float | None = None) -> str:
    """Leave one process in the command's session, one in its own, and one with nothing in its environment."""
    jobs = ["sleep 1000", "setsid sleep 1000", "env -i sleep 1000"]
    return f"{' '.join(f'{job} & echo $! >> {path};' for job in jobs)} {then}"


def pids_in(path: Path) -> list[int]:
    return [int(pid) for pid in path.read_text().split()]


@pytest.mark.usefixtures("each_flow")
@pytest.mark.parametrize("code", [0, 3])
def test_background_jobs_of_a_command_end_with_it(tmp_path: Path, code: int) -> None:
    future = leave_jobs(tmp_path / "pids", f"exit {code}")
    assert (future.exception(30) is None) == (code == 0)
    pids = pids_in(tmp_path / "pids")
    assert len(pids) == 3
    assert all(has_ended(pid, within=0) for pid in pids)


@pytest.mark.usefixtures("each_flow")
@pytest.mark.parametrize("way", ["cancel", "walltime"])
def test_jobs_of_a_command_end_with_a_task_that_is_ended(way: str, gate: Gate, tmp_path: Path) -> None:
    stand = f"echo . > {gate.arrivals}; sleep 1000"
    future = leave_jobs(tmp_path / "pids", stand, walltime=3.0 if way == "walltime" else None)
    gate.wait_for()
    if way == "cancel":
        assert future.cancel()
    else:
        assert isinstance(future.exception(30), AppTimeout)
    pids = pids_in(tmp_path / "pids")
    assert len(pids) == 3
    assert all(has_ended(pid, within=0) for pid in pids)


def test_a_command_that_starts_while_its_task_is_ended_ends_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, ending = threading.Event(), threading.Event()
    commands: list[subprocess.Popen[bytes]] = []
    stop, popen = ThreadCapture.stop, subprocess.Popen

    def slow_start(*args: Any, **kwargs: Any) -> subprocess.Popen[bytes]:
        commands.append(popen(*args, **kwargs))
        started.set()
        ending.wait()  # nobody knows the command yet
        return commands[-1]

    def noted_stop(capture: ThreadCapture) -> None:
        ending.set()
        stop(capture)

    with DataFlowKernel(Config([ThreadExecutor(max_workers=1)])) as flow:
        monkeypatch.setattr(streams.subprocess, "Popen", slow_start)  # type: ignore[attr-defined]
        monkeypatch.setattr(ThreadCapture, "stop", noted_stop)
        future = bash_app(lambda: "sleep 1000", data_flow_kernel=flow)()
        assert started.wait(30)
        assert future.cancel()
        assert has_ended(commands[0].pid)


def test_no_command_starts_for_a_task_that_was_ended() -> None:
    capture = ThreadCapture("flow", 1)
    with capture.redirected(()):
        capture.stop()
        with pytest.raises(TaskEnded):
            capture.run(["/bin/sleep", "1000"])


def test_the_worker_goes_on_and_no_zombie_stays(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def leave() -> int:
        for _ in range(5):
            child()
        return os.getpid()

    @python_app(data_flow_kernel=one_worker)
    def children() -> str:
        try:
            return str(os.waitpid(-1, os.WNOHANG))
        except ChildProcessError:
            return "none"

    worker = leave().result(30)
    assert children().result(30) == "none"
    assert leave().result(30) == worker


def test_an_object_of_a_process_that_was_ended_still_says_so(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def leave() -> int:
        process = subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL)
        sys.modules["kept_by_a_task"] = process  # type: ignore[assignment]
        return process.pid

    @python_app(data_flow_kernel=one_worker)
    def ask() -> tuple[int, int | None]:
        process: Any = sys.modules.pop("kept_by_a_task")
        return process.pid, process.wait(1)

    pid = leave().result(30)
    assert ask().result(30)[0] == pid
    assert has_ended(pid, within=0)


def test_children_of_a_task_that_waits_for_another_are_no_leftovers() -> None:
    with DataFlowKernel(Config([ProcessExecutor(max_workers=1)])) as flow:

        @python_app
        def inner() -> int:
            return os.getpid()

        @python_app(data_flow_kernel=flow)
        def outer() -> tuple[bool, int]:
            process = subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL)
            value = inner().result()
            return process.poll() is None, value

        assert outer().result(30)[0]


# ---------------------------------------------------------------- libraries

KEPT = "kept_by_a_task"


def local_pool() -> list[int]:
    return multiprocessing.get_context("fork").Pool(2).map(abs, [-1, 2])


def kept_pool() -> list[int]:
    pool = multiprocessing.get_context("fork").Pool(2)
    sys.modules[KEPT] = pool  # type: ignore[assignment]
    return pool.map(abs, [-1, 2])


def spawned_pool() -> list[int]:
    pool = multiprocessing.get_context("spawn").Pool(2)
    sys.modules[KEPT] = pool  # type: ignore[assignment]
    return pool.map(abs, [-1, 2])


def forkserver_pool() -> list[int]:
    pool = multiprocessing.get_context("forkserver").Pool(2)
    sys.modules[KEPT] = pool  # type: ignore[assignment]
    return pool.map(abs, [-1, 2])


def manager() -> list[int]:
    kept = multiprocessing.get_context("fork").Manager()
    sys.modules[KEPT] = kept  # type: ignore[assignment]
    return list(kept.list([1, 2]))


def executor() -> list[int]:
    kept = concurrent.futures.ProcessPoolExecutor(2)
    sys.modules[KEPT] = kept  # type: ignore[assignment]
    return list(kept.map(abs, [-1, 2]))


def joblib_pool() -> list[int]:
    joblib = pytest.importorskip("joblib")
    return list(joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(n) for n in (-1, 2)))


def processes_below() -> list[str]:
    """The commands of all processes below this one, but for the helpers of multiprocessing."""
    import psutil

    commands = [" ".join(p.cmdline()) for p in psutil.Process().children(recursive=True)]
    return [c for c in commands if "tracker" not in c and "forkserver" not in c]


@pytest.mark.parametrize(
    "use", [local_pool, kept_pool, spawned_pool, forkserver_pool, manager, executor, joblib_pool]
)
def test_a_pool_left_behind_ends_and_the_next_task_makes_another(
    use: Callable[[], list[int]], one_worker: DataFlowKernel
) -> None:
    if use is joblib_pool:
        pytest.importorskip("joblib")
    app = python_app(use, data_flow_kernel=one_worker)
    for _ in range(3):
        future = app()
        assert future.result(50) == [1, 2]
        assert one_worker.details(future.tid).output == ""
        below = python_app(processes_below, data_flow_kernel=one_worker)()
        assert below.result(30) == []
        assert one_worker.details(below.tid).output == ""
