"""What a task does to its process, the next one in that process does not see."""

from __future__ import annotations

import ctypes
import fcntl
import gc
import itertools
import locale
import os
import resource
import shutil
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import nbflow
from nbflow import Config, DataFlowKernel, ProcessExecutor, WorkerLost, errors, python_app
from tests.faults.processes import kill, wait_for_end
from tests.gates import Gate, make_gate, stand_at


@pytest.fixture(scope="module")
def one_worker() -> Iterator[DataFlowKernel]:
    with DataFlowKernel(Config([ProcessExecutor(max_workers=1)])) as flow:
        yield flow


TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


def surroundings() -> dict[str, object]:
    """Of the process that this is called in."""
    return {
        "process": os.getpid(),
        "cwd": os.getcwd(),
        "environ": dict(os.environ),
        "environ of children": os.popen("env | grep NBFLOW_ | sort").read(),
        "sys.path": list(sys.path),
        "handlers": {int(n): repr(signal.getsignal(n)) for n in signal.valid_signals()},
        "blocked signals": signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "timers": [signal.getitimer(n)[0] for n in TIMERS],
        "umask": os.umask(0o22) or os.umask(0o22),
        "limits": [resource.getrlimit(n) for n in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE)],
        "recursion": sys.getrecursionlimit(),
        "switches": sys.getswitchinterval(),
        "gc": gc.isenabled(),
        "timeout": socket.getdefaulttimeout(),
        "numbers": locale.localeconv()["decimal_point"],
        "profile": sys.getprofile(),
        "trace": sys.gettrace(),
        "streams": [(s.fileno(), s.closed) for s in (sys.stdin, sys.stdout, sys.stderr)],
        "files": [os.fstat(n)[:3] for n in range(3)],
        "read": os.read(0, 1),
    }


def change_everything() -> None:
    os.chdir("/")
    os.environ["NBFLOW_WORKER"] = "a lie"
    os.environ["NBFLOW_NEW"] = "new"
    del os.environ["NBFLOW_EXECUTOR"]
    sys.path.insert(0, "/nowhere")
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE}:
        signal.signal(number, lambda *_: 1 / 0)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGALRM])
    for timer in TIMERS:
        signal.setitimer(timer, 1000)
    os.umask(0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    sys.setrecursionlimit(5000)
    sys.setswitchinterval(1.0)
    gc.disable()
    socket.setdefaulttimeout(1.0)
    sys.setprofile(lambda *_: None)
    sys.settrace(lambda *_: None)


def replace_everything() -> None:
    os.environ = {"HOME": "elsewhere"}  # type: ignore[assignment] # noqa: B003
    sys.path = ["/nowhere"]
    sys.stdin = sys.stdout = sys.stderr = None  # type: ignore[assignment]


def close_everything_known() -> None:
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.close()
    for number in range(3):
        os.close(number)
    with open(os.devnull) as file:
        assert file.fileno() == 0
        os.dup(0)


@pytest.mark.parametrize("harm", [change_everything, replace_everything, close_everything_known])
def test_the_next_task_finds_what_the_first_one_found(
    harm: Callable[[], None], one_worker: DataFlowKernel
) -> None:
    look = python_app(surroundings, data_flow_kernel=one_worker)
    before = look().result(30)
    python_app(harm, data_flow_kernel=one_worker)().result(30)
    assert look().result(30) == before


def test_a_task_that_fails_is_cleaned_up_after_as_well(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def fail() -> None:
        os.chdir("/")
        raise SystemExit(3)

    look = python_app(os.getcwd, data_flow_kernel=one_worker)
    before = look().result(30)
    assert isinstance(fail().exception(30), SystemExit)
    assert look().result(30) == before


def test_each_of_many_tasks_sent_ahead_begins_in_the_same_place(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def go(path: str) -> str:
        before = os.getcwd()
        os.chdir(path)
        return before

    futures = [go("/") for _ in range(300)]
    assert {future.result(30) for future in futures} == {os.getcwd()}


def test_an_alarm_that_a_task_leaves_behind_does_not_end_the_next_one(
    one_worker: DataFlowKernel, gate: Gate
) -> None:
    @python_app(data_flow_kernel=one_worker)
    def set_alarm() -> int:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        return os.getpid()

    @python_app(data_flow_kernel=one_worker)
    def wait_for_it() -> int:
        time.sleep(0.2)  # as long as it takes an alarm that is to go off by then
        return os.getpid()

    assert set_alarm().result(30) == wait_for_it().result(30)


def test_timers_that_a_task_leaves_behind_interrupt_no_other(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def set_timers() -> None:
        for number, timer in (
            (signal.SIGVTALRM, signal.ITIMER_VIRTUAL),
            (signal.SIGPROF, signal.ITIMER_PROF),
        ):
            signal.signal(number, lambda *_: 1 / 0)
            signal.setitimer(timer, 0.5, 0.5)

    @python_app(data_flow_kernel=one_worker)
    def compute() -> int:
        begun = time.process_time()
        while time.process_time() < begun + 0.6:  # as long as it takes them to go off
            pass
        return os.getpid()

    worker = compute().result(30)
    set_timers().result(30)
    assert compute().result(30) == worker


def test_a_crash_is_told_of_after_a_task_that_has_handled_crashes_itself(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def handle() -> int:
        signal.signal(signal.SIGSEGV, lambda *_: None)
        return os.getpid()

    @python_app(data_flow_kernel=one_worker)
    def crash() -> None:
        ctypes.string_at(0)

    before = handle().result(30)
    error = crash().exception(30)
    assert isinstance(error, WorkerLost)
    assert error.pid == before
    assert "in crash" in error.output


def test_a_task_that_takes_away_that_its_output_is_appended_spoils_no_other_output(
    one_worker: DataFlowKernel,
) -> None:
    @python_app(data_flow_kernel=one_worker)
    def take_away() -> None:
        print("one")
        fcntl.fcntl(1, fcntl.F_SETFL, 0)

    take_away().result(30)
    for _ in range(2):
        after = python_app(print, data_flow_kernel=one_worker)("two")
        after.result(30)
        assert one_worker.details(after.tid).output == "two\n"


def test_a_worker_interrupted_while_it_waits_for_tasks_is_replaced_whatever_threads_it_still_has(
    one_worker: DataFlowKernel, gate: Gate
) -> None:
    @python_app(data_flow_kernel=one_worker)
    def leave_a_thread(gate: Gate) -> int:
        threading.Thread(target=stand_at, args=(gate, 0)).start()
        return os.getpid()

    for _ in range(3):
        pid = leave_a_thread(gate).result(30)
        gate.wait_for()
        kill(pid, signal.SIGINT)
        wait_for_end([pid])
        assert python_app(os.getpid, data_flow_kernel=one_worker)().result(30) != pid


def test_a_working_directory_that_a_task_removes_is_still_where_the_next_one_begins(tmp_path: Path) -> None:
    home = tmp_path / "home"
    executor = ProcessExecutor(max_workers=1, working_dir=str(home))
    with DataFlowKernel(Config([executor])) as flow:

        @python_app(data_flow_kernel=flow)
        def remove(path: str) -> None:
            os.chdir("/")
            shutil.rmtree(path)

        @python_app(data_flow_kernel=flow)
        def where() -> str:
            return os.readlink("/proc/self/cwd")

        remove(home).result(30)
        assert where().result(30) == f"{home} (deleted)"


def test_a_worker_that_cannot_be_cleaned_up_is_replaced_and_no_attempt_is_counted(gate: Gate) -> None:
    with DataFlowKernel(Config([ProcessExecutor(max_workers=1)])) as flow:

        @python_app(data_flow_kernel=flow)
        def lower(gate: Gate) -> tuple[int, str]:
            stand_at(gate, 0)
            resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))
            if os.geteuid() == 0:
                os.setuid(65534)  # who may not raise a limit again
            print("said before")
            return os.getpid(), "value"

        @python_app(data_flow_kernel=flow)
        def after() -> tuple[int, int]:
            return os.getpid(), resource.getrlimit(resource.RLIMIT_NOFILE)[0]

        for _ in range(3):
            future = lower(gate)
            behind = [after() for _ in range(5)]
            gate.wait_for()
            gate.let_through()
            pid, value = future.result(30)
            assert value == "value"
            assert flow.details(future.tid).output == "said before\n"
            found = {f.result(30) for f in behind}
            assert pid not in {p for p, _ in found}
            assert {limit for _, limit in found} == {resource.getrlimit(resource.RLIMIT_NOFILE)[0]}
            stories = [words for f in behind for _, words in flow.details(f.tid).story]
            assert not [words for words in stories if "attempt 2" in words]


def test_closing_all_descriptors_costs_that_task_alone(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def close_all(end: int) -> int:
        os.closerange(3, end)
        return os.getpid()

    pid = python_app(os.getpid, data_flow_kernel=one_worker)
    worker = pid().result(30)
    close_all(900).result(30)
    for _ in range(3):
        assert isinstance(close_all(100_000).exception(30), WorkerLost)
        again = pid().result(30)
        assert again != worker
        worker = again


# ---------------------------------------------------------------- fresh processes


@pytest.mark.parametrize("ends", [True, False])
def test_a_flow_that_a_task_has_loaded_is_none_of_the_next_ones(
    one_worker: DataFlowKernel, ends: bool
) -> None:
    @python_app(data_flow_kernel=one_worker)
    def loads(ends: bool) -> list[int]:
        same = nbflow.python_app(abs)
        inner = nbflow.load(nbflow.Config([nbflow.ProcessExecutor(max_workers=1)]))
        found = [same(-3).result(20)]
        if ends:
            inner.cleanup()
            nbflow.clear()
            found.append(same(-4).result(20))
        return found

    @python_app(data_flow_kernel=one_worker)
    def calls() -> int:
        value: int = nbflow.python_app(abs)(-5).result(20)
        return value

    assert loads(ends).result(30) == [3, 4][: 1 + ends]
    assert [calls().result(30) for _ in range(2)] == [5, 5]


def test_a_task_that_asks_for_the_kernel_is_told_what_to_do(one_worker: DataFlowKernel) -> None:
    error = python_app(nbflow.dfk, data_flow_kernel=one_worker)().exception(30)
    assert isinstance(error, errors.NoDataFlowKernelError)
    assert "call apps as they are" in str(error)


@pytest.mark.parametrize("most", [1, 3])
def test_no_process_runs_more_tasks_than_it_may(most: int) -> None:
    executor = ProcessExecutor(max_workers=2, max_tasks_per_worker=most)
    with DataFlowKernel(Config([executor])) as flow:
        app = python_app(os.getpid, data_flow_kernel=flow)
        pids = Counter(future.result(30) for future in [app() for _ in range(8)])
        assert max(pids.values()) <= most
        assert len(pids) >= 8 / most


def test_a_fresh_process_takes_the_place_and_the_accelerator_of_the_one_before(tmp_path: Path) -> None:
    # one for each two: a task that comes next must not take the permit of one that has not left yet
    folders = [tmp_path / name for name in "123"]
    for folder in folders:
        folder.mkdir()
    gates, ends = zip(*map(make_gate, folders), strict=True)
    executor = ProcessExecutor(accelerators=["a", "b"], max_tasks_per_worker=1)
    with DataFlowKernel(Config([executor])) as flow:

        @python_app(data_flow_kernel=flow)
        def work(gate: Gate) -> tuple[int, str]:
            return stand_at(gate, (os.getpid(), os.environ["CUDA_VISIBLE_DEVICES"]))

        futures = [work(gate) for gate in gates for _ in range(2)]
        for gate in gates:
            gate.wait_for(2)  # of two that run at a time each has its own
            gate.let_through(2)
        found = [future.result(30) for future in futures]
        assert len({pid for pid, _ in found}) == 6
        assert Counter(name for _, name in found) == {"a": 3, "b": 3}
    for end in itertools.chain(*ends):
        os.close(end)


def test_tasks_that_kill_their_fresh_process_are_lost_alone() -> None:
    with DataFlowKernel(Config([ProcessExecutor(max_workers=2, max_tasks_per_worker=2)])) as flow:

        @python_app(data_flow_kernel=flow)
        def die(n: int) -> int:
            if n % 3 == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return n

        futures = [die(n) for n in range(6)]
        lost = [n for n, future in enumerate(futures) if isinstance(future.exception(30), WorkerLost)]
        assert lost == [0, 3]
