"""Executors of threads: tasks in the user's own process, with the same promises as far as threads can keep them."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nbflow
from nbflow import (
    AppFuture,
    Config,
    DataFlowKernel,
    ProcessExecutor,
    State,
    bash_app,
    errors,
    join_app,
    python_app,
)
from nbflow.executors import ThreadExecutor
from tests.gates import Gate, stand_at


@pytest.fixture(scope="module")
def threads() -> Iterator[DataFlowKernel]:
    """A flow that has nothing but two threads."""
    nbflow.clear()
    yield nbflow.load(Config(executors=[ThreadExecutor(max_workers=2)]))
    nbflow.clear()


@pytest.fixture
def mixed() -> Iterator[DataFlowKernel]:
    """A flow with a process and a thread."""
    nbflow.clear()
    yield nbflow.load(Config(executors=[ProcessExecutor(max_workers=1), ThreadExecutor(max_workers=1)]))
    nbflow.clear()


@python_app
def here() -> tuple[int, str]:
    return os.getpid(), threading.current_thread().name


@python_app
def same(x: Any) -> Any:
    return x


@python_app(executors=["threads"])
def same_here(x: Any) -> Any:
    return x


@python_app(executors=["processes"])
def same_there(x: Any) -> Any:
    return x, os.getpid()


@pytest.mark.usefixtures("threads")
def test_a_task_runs_in_this_process_on_a_thread_of_its_executors_name() -> None:
    pid, name = here().result(20)
    assert pid == os.getpid()
    assert name.startswith("nbflow-threads")


@pytest.mark.usefixtures("threads")
def test_arguments_and_values_are_passed_by_reference_and_need_no_pickling() -> None:
    lock = threading.Lock()
    assert same(lock).result(20) is lock
    assert same(same(lock)).result(20) is lock
    assert same([1, {"lock": lock}]).result(20)[1]["lock"] is lock


@pytest.mark.usefixtures("threads")
def test_futures_in_containers_become_their_values() -> None:
    lock = threading.Lock()
    given = {"a": [same(1), same(lock)], "b": (same(2),)}
    assert same(given).result(20) == {"a": [1, lock], "b": (2,)}
    assert isinstance(given["a"][0], AppFuture)


@pytest.mark.usefixtures("threads")
def test_an_error_comes_as_itself_and_skips_what_needs_it() -> None:
    class Own(Exception):
        pass

    @python_app
    def fail() -> None:
        raise Own("no")

    failed = fail()
    after = same(failed)
    with pytest.raises(Own, match="no"):
        failed.result(20)
    with pytest.raises(errors.NeedFailed, match="no"):
        after.result(20)
    assert after.state is State.SKIPPED


@pytest.mark.usefixtures("threads")
def test_a_future_is_no_value_whichever_library_it_is_of(tmp_path: Path) -> None:
    @python_app
    def write(path: Path, outputs: Any = ()) -> None:
        path.touch()

    of_a_file = write(tmp_path / "file", outputs=[tmp_path / "file"]).outputs[0]
    for returned in (lambda: same(1), lambda: of_a_file, Future, lambda: nbflow.gather(same(1))):
        error = python_app(returned)().exception(20)
        assert isinstance(error, errors.UsageError)
        assert "returned a future: make it a join_app" in str(error)


@pytest.mark.usefixtures("threads")
def test_a_task_that_waits_for_others_gives_its_slot_up() -> None:
    @python_app
    def deep(n: int) -> int:
        return 0 if n == 0 else 1 + deep(n - 1).result()

    assert deep(6).result(30) == 6  # more than there are threads


@pytest.mark.usefixtures("threads")
def test_join_apps_take_futures_of_tasks_on_threads() -> None:
    @join_app
    def both(n: int) -> dict[str, Any]:
        return {"one": same(n), "more": [same(n + 1), (same(n + 2),)]}

    @join_app
    def sum_to(n: int) -> AppFuture:
        return same(0) if n == 0 else sum_to(n - 1)

    assert both(1).result(20) == {"one": 1, "more": [2, (3,)]}
    assert sum_to(5).result(20) == 0


def test_what_a_task_prints_is_its_own(threads: DataFlowKernel, capsys: pytest.CaptureFixture[str]) -> None:
    @python_app
    def speak(word: str) -> str:
        print("out", word)
        print("err", word, file=sys.stderr)
        return word

    future = speak("one")
    assert future.result(20) == "one"
    print("mine")
    output = threads.details(future.tid).output
    assert "out one" in output
    assert "err one" in output
    assert capsys.readouterr().out == "mine\n"


def test_what_a_task_prints_stays_its_own_when_the_streams_are_replaced_meanwhile(
    threads: DataFlowKernel,
) -> None:
    begun, replaced = threading.Event(), threading.Event()

    @python_app
    def speak() -> None:
        begun.set()
        replaced.wait()
        print("its own")

    future = speak()
    assert begun.wait(20)
    with contextlib.redirect_stdout(io.StringIO()) as mine:
        same(1).result(20)  # a task that begins now finds the stream replaced
        replaced.set()
        future.result(20)
    assert mine.getvalue() == ""
    assert threads.details(future.tid).output == "its own\n"


@pytest.mark.usefixtures("threads")
def test_streams_go_to_files(tmp_path: Path) -> None:
    @python_app
    def speak(stdout: Any = None, stderr: Any = None) -> None:
        print("said")
        print("cried", file=sys.stderr)

    speak(stdout=str(tmp_path / "a" / "out"), stderr=(str(tmp_path / "err"), "w")).result(20)
    assert (tmp_path / "a" / "out").read_text() == "said\n"
    assert (tmp_path / "err").read_text() == "cried\n"


def test_bash_apps_run_on_threads_too(threads: DataFlowKernel, tmp_path: Path) -> None:
    @bash_app
    def echo(word: str, stdout: Any = None) -> str:
        return f"echo {word}"

    @bash_app
    def fail() -> str:
        return "echo last words >&2; exit 3"

    assert echo("hello", stdout=str(tmp_path / "out")).result(20) == 0
    assert (tmp_path / "out").read_text() == "hello\n"
    shown = echo("shown")
    shown.result(20)
    assert threads.details(shown.tid).output == "shown\n"
    with pytest.raises(errors.BashExitFailure, match=r"exit code 3.*last words"):
        fail().result(20)


@pytest.mark.usefixtures("threads")
def test_cancelling_ends_a_task_that_runs() -> None:
    begun = threading.Event()
    ended: list[str] = []
    over = threading.Event()

    @python_app
    def spin() -> None:
        begun.set()
        try:
            while True:
                time.sleep(0.001)
        finally:
            ended.append("yes")
            over.set()

    future = spin()
    assert begun.wait(20)
    assert future.cancel()
    assert over.wait(20)
    with pytest.raises(CancelledError):
        future.result(20)
    assert same(1).result(20) == 1  # another thread has taken its place


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("walltime", [None, 0.3])
@pytest.mark.usefixtures("threads")
def test_calls_of_a_task_that_is_ended_end_with_it(gate: Gate, walltime: float | None) -> None:
    @python_app
    def child(n: int) -> int:
        return stand_at(gate, n)

    @python_app
    def parent(walltime: float | None = walltime) -> None:
        children.extend(child(n) for n in range(6))
        for future in children:
            future.result()

    children: list[nbflow.AppFuture] = []
    future = parent()
    gate.wait_for()
    if walltime is None:
        assert future.cancel()
    else:
        assert isinstance(future.exception(20), errors.AppTimeout)
    for each in children:
        with pytest.raises(CancelledError):
            each.result(20)


def test_a_walltime_ends_a_command_with_its_children(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    @bash_app(walltime=0.5)
    def hold(path: str) -> str:
        return f"sleep 600 > {path} & sleep 600"

    future = hold(str(fifo))
    with open(fifo) as reading:
        with pytest.raises(errors.AppTimeout):
            future.result(20)
        assert reading.read() == ""  # ends when the last process that holds it has


@pytest.mark.usefixtures("threads")
def test_async_functions_run_on_threads() -> None:
    @python_app
    async def later() -> str:
        return threading.current_thread().name

    assert later().result(20).startswith("nbflow-threads")


def test_a_value_of_a_thread_is_pickled_when_a_process_needs_it(mixed: DataFlowKernel) -> None:
    array = np.arange(100_000)
    value, pid = same_there(same_here(array)).result(20)
    assert pid != os.getpid()
    assert (value == array).all()
    nested, _ = same_there({"a": [same_here(1)]}).result(20)
    assert nested == {"a": [1]}


def test_a_value_of_a_process_is_read_by_a_thread(mixed: DataFlowKernel) -> None:
    (value, pid) = same_here(same_there("there")).result(20)
    assert value == "there"
    assert pid != os.getpid()


def test_a_value_that_cannot_be_pickled_fails_the_process_that_needs_it_and_no_other(
    mixed: DataFlowKernel,
) -> None:
    kept = same_here(threading.Lock())
    with pytest.raises(errors.CannotPickle, match=r"lock.*cannot travel to another process"):
        same_there(kept).result(20)
    assert same_here(kept).result(20) is kept.result(20)
    assert same_there(1).result(20)[0] == 1


def test_a_future_within_a_value_of_a_thread_stays_what_it_is_there_and_does_not_travel(
    mixed: DataFlowKernel,
) -> None:
    kept = python_app(lambda: [same_here(1)], executors=["threads"])()
    assert kept.result(20)[0].result(20) == 1
    with pytest.raises(errors.CannotPickle, match=r"\(list\) cannot travel.*there is a future in it"):
        same_there(kept).result(20)


class Kept:
    """Stays where it is, and says where somebody looks at it."""

    @property
    def place(self) -> int:
        return os.getpid()

    def __getitem__(self, key: Any) -> Any:
        return self if key == "itself" else (key, os.getpid())

    def __reduce__(self) -> Any:
        raise TypeError("it does not travel")


def test_a_part_of_a_value_that_stays_in_this_process_is_taken_here(
    mixed: DataFlowKernel, gate: Gate
) -> None:
    @python_app(executors=["threads"])
    def keep() -> Kept:
        return stand_at(gate, Kept())

    @join_app
    def joined() -> AppFuture:
        return keep()

    kept = keep()
    early = kept["a"], kept.place, kept["itself"]["b"]
    gate.wait_for()
    gate.let_through(2)
    assert [part.result(20) for part in early] == [("a", os.getpid()), os.getpid(), ("b", os.getpid())]
    assert kept["c"].result(20) == ("c", os.getpid())
    one = joined()
    assert isinstance(one.result(20), Kept)
    assert one.place.result(20) == os.getpid(), "nobody could know before it had ended where it is"
    assert same_there([1, 2])[0][1].result(20) == 2


def test_calls_inside_a_process_may_use_threads_and_get_their_values(mixed: DataFlowKernel) -> None:
    @python_app(executors=["processes"])
    def outer() -> Any:
        return same_here([1, 2]).result()

    assert outer().result(20) == [1, 2]


def test_a_join_body_that_captures_what_cannot_be_pickled_runs_in_this_process(flow: DataFlowKernel) -> None:
    lock = threading.Lock()
    where: list[int] = []

    @join_app
    def locked(n: int) -> list[AppFuture]:
        with lock:
            where.append(os.getpid())
            return [same(n), same(n + 1)]

    assert locked(1).result(20) == [1, 2]
    assert where == [os.getpid()]
    assert [row.executor for row in flow.workers()].count("client") == 1


def test_a_join_body_may_be_told_to_run_on_threads(mixed: DataFlowKernel) -> None:
    where: list[int] = []

    @join_app(executors=["threads"])
    def body() -> AppFuture:
        where.append(os.getpid())
        return same_there(3)

    assert body().result(20)[0] == 3
    assert where == [os.getpid()]


def test_the_streams_are_what_they_were_when_the_flow_has_ended() -> None:
    nbflow.clear()
    before = sys.stdout, sys.stderr
    with nbflow.load(Config(executors=[ThreadExecutor()])):
        assert same(1).result(20) == 1
    assert (sys.stdout, sys.stderr) == before


def test_threads_end_with_their_flow() -> None:
    nbflow.clear()
    with nbflow.load(Config(executors=[ThreadExecutor(max_workers=3, thread_name_prefix="mine")])):
        assert [same(n).result(20) for n in range(4)] == [0, 1, 2, 3]
        ours = [thread for thread in threading.enumerate() if thread.name.startswith("mine")]
        assert ours
    for thread in ours:
        thread.join(20)
        assert not thread.is_alive()


def test_values_go_when_nobody_holds_them(mixed: DataFlowKernel) -> None:
    gone = threading.Event()

    class Noted:
        def __del__(self) -> None:
            gone.set()

    future = same_here(Noted())
    future.result(20)
    del future
    same_there(0).result(20)  # the release goes out with this call
    assert gone.wait(20)
