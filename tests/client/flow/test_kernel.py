"""The user's handle of a flow: loading, status, cancelling, observers, the end."""

from __future__ import annotations

import concurrent.futures
import os
import re
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import nbflow
from nbflow import AppFuture, Config, DataFlowKernel, ProcessExecutor, State, errors, join_app, python_app
from nbflow.wire.messages import Inspect, Status
from nbflow.wire.rows import TaskRow


@python_app
def add(x: int, y: int = 1) -> int:
    return x + y


@python_app
def hold(path: str) -> str:
    """Waits until somebody writes into the pipe."""
    with open(path) as file:
        return file.read()


@pytest.fixture
def gate(tmp_path: Path) -> str:
    path = str(tmp_path / "gate")
    os.mkfifo(path)
    return path


def running(flow: DataFlowKernel, future: nbflow.AppFuture) -> None:
    """Wait until the task runs, as the feed tells it."""
    seen = threading.Event()

    class Eye:
        def tasks_changed(self, rows: Sequence[TaskRow]) -> None:
            if any(row.id == future.tid and row.state is State.RUNNING for row in rows):
                seen.set()

        def flow_closed(self) -> None:
            pass

    flow.watch()
    flow.feed.subscribe(Eye())
    assert seen.wait(20)


# ---------------------------------------------------------------- flows and their directories


def test_an_app_can_be_bound_to_a_flow(flow: DataFlowKernel) -> None:
    with DataFlowKernel(Config(executors=[ProcessExecutor(max_workers=1, label="other")])) as other:
        bound = python_app(data_flow_kernel=other)(lambda: 5)
        future = bound()
        assert future.result(20) == 5
        assert future.flow is other
        assert add(future).result(20) == 6  # a future of another flow is as good as any
        assert add(1).flow is flow


def test_a_run_directory_of_the_users_is_kept_and_numbered(tmp_path: Path) -> None:
    nbflow.clear()
    for number in ("000", "001"):
        with DataFlowKernel(Config([ProcessExecutor(max_workers=1)], run_dir=tmp_path / "runs")) as flow:
            assert flow.run_dir == str(tmp_path / "runs" / number)
    assert (tmp_path / "runs" / "001" / "scheduler.log").exists()
    assert (tmp_path / "runs" / "001").stat().st_mode & 0o777 == 0o700


def test_a_run_directory_that_others_can_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(errors.ConfigurationError, match="written by others"):
        DataFlowKernel(Config(run_dir=tmp_path))


# ---------------------------------------------------------------- status and waiting


def test_waiting_ends_when_all_tasks_have(flow: DataFlowKernel) -> None:
    futures = [add(n) for n in range(50)]
    nbflow.wait_for_current_tasks()
    assert all(future.done() for future in futures)
    assert flow.counts()[State.DONE] == 50
    assert len(flow.workers()) == 2


def test_the_state_of_a_task_is_told_while_it_runs(flow: DataFlowKernel, gate: str) -> None:
    future = hold(gate)
    dependant = add(future)
    running(flow, future)
    assert future.running()
    assert future.task_status() == "running"
    assert dependant.task_status() == "pending"
    with pytest.raises(concurrent.futures.TimeoutError):
        flow.wait_for_current_tasks(0.01)
    Path(gate).write_text("x")
    assert future.result(10) == "x"
    assert not future.running()


def test_the_details_of_a_task_tell_its_story(flow: DataFlowKernel) -> None:
    @python_app
    def speak(x: int) -> float:
        print("hello")
        return 1 / x

    future = speak(0)
    future.exception(10)
    found = flow.details(future.tid)
    assert "hello" in found.output
    assert "ZeroDivisionError" in found.traceback
    assert found.source.splitlines()[found.error_line - 1].strip() == "return 1 / x"
    assert [words.split(",")[0][:5] for _, words in found.story] == ["submi", "began", "faile"]
    with pytest.raises(KeyError):
        flow.details(12345)


def test_an_observer_sees_every_task_end_and_its_errors_harm_nothing(
    flow: DataFlowKernel, caplog: pytest.LogCaptureFixture
) -> None:
    ended: set[int] = set()
    done = threading.Event()

    class Eye:
        def tasks_changed(self, rows: Sequence[TaskRow]) -> None:
            ended.update(row.id for row in rows if row.state.ended)
            if len(ended) == 30:
                done.set()

        def flow_closed(self) -> None:
            pass

    class Broken(Eye):
        def tasks_changed(self, rows: Sequence[TaskRow]) -> None:
            raise RuntimeError("broken")

    flow.watch()
    flow.feed.subscribe(Broken())
    flow.feed.subscribe(Eye())
    futures = [add(n) for n in range(30)]
    assert done.wait(20)
    assert ended == {future.tid for future in futures}
    row = flow.feed.rows[futures[3].tid]
    assert (row.app, row.detail, row.note, row.attempt, row.state) == ("add", "3", "4", 1, State.DONE)
    assert "broken" in caplog.text


# ---------------------------------------------------------------- cancelling


def test_a_queued_task_is_cancelled_and_never_runs(flow: DataFlowKernel, gate: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    @python_app
    def leave_mark(need: object) -> None:
        mark.touch()

    blocker = hold(gate)
    queued = leave_mark(blocker)
    dependant = add(queued)
    assert queued.cancel()
    assert queued.cancelled()
    assert queued.state is State.CANCELLED
    with pytest.raises(concurrent.futures.CancelledError):
        dependant.result(10)
    Path(gate).write_text("x")
    assert blocker.result(10) == "x"
    assert not blocker.cancel(), "it has ended"
    assert not mark.exists()


def test_a_running_task_is_cancelled_and_its_worker_replaced(flow: DataFlowKernel, gate: str) -> None:
    future = hold(gate)
    running(flow, future)
    assert future.cancel()
    assert future.cancelled()
    assert [add(n).result(10) for n in range(4)] == [1, 2, 3, 4]


def test_everything_can_be_cancelled_at_once(flow: DataFlowKernel, gate: str) -> None:
    futures = [hold(gate) for _ in range(6)]
    running(flow, futures[0])
    assert flow.cancel_all() == 6
    assert all(future.cancelled() for future in futures)
    assert add(1).result(10) == 2


# ---------------------------------------------------------------- losses


def test_a_lost_worker_costs_one_attempt_of_the_task_it_ran(flow: DataFlowKernel, tmp_path: Path) -> None:
    @python_app(retries=2)
    def die(path: str) -> int:
        with open(path, "a") as file:
            file.write("x")
        print("last words")
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    others = [add(n) for n in range(20)]
    log = tmp_path / "log"
    error = die(str(log)).exception(30)
    assert isinstance(error, errors.WorkerLost)
    assert "SIGKILL" in str(error)
    assert "last words" in str(error)
    assert log.read_text() == "xxx"
    assert [future.result(10) for future in others] == list(range(1, 21))


def test_the_tasks_that_ended_before_a_worker_died_keep_their_values(flow: DataFlowKernel) -> None:
    """Answers are sent in batches: none may be lost with the worker, nor an innocent task be blamed."""

    @python_app
    def maybe(n: int) -> int:
        if n == 77:
            os._exit(3)
        return n

    futures = [maybe(n) for n in range(200)]
    errors_of = {n: future.exception(30) for n, future in enumerate(futures)}
    assert {n for n, error in errors_of.items() if error is not None} == {77}
    assert "exit code 3" in str(errors_of[77])


def test_a_dead_scheduler_ends_every_future_with_its_name(flow: DataFlowKernel, gate: str) -> None:
    future = hold(gate)
    running(flow, future)
    os.kill(flow.status().pid, signal.SIGKILL)
    assert isinstance(future.exception(10), errors.SchedulerLost)
    assert flow.closed
    nbflow.load()
    assert add(1).result(20) == 2


def test_after_the_end_calls_are_refused_and_pending_futures_end(flow: DataFlowKernel, gate: str) -> None:
    bound = python_app(data_flow_kernel=flow)(lambda: 1)
    future = hold(gate)
    flow.cleanup()
    flow.cleanup()
    assert isinstance(future.exception(5), errors.FlowClosed)
    with pytest.raises(errors.FlowClosed):
        bound()


def test_a_worker_that_cannot_start_fails_the_tasks_instead_of_hanging() -> None:
    nbflow.clear()
    broken = ProcessExecutor(max_workers=1, environment={"PYTHONHOME": "/nonexistent"})
    with DataFlowKernel(Config([broken])):
        error = add(1).exception(40)
    assert isinstance(error, errors.BadStateException)
    assert "no worker of executor" in str(error)


def test_calls_that_were_made_just_before_are_cancelled_while_workers_still_start(gate: str) -> None:
    nbflow.clear()
    with DataFlowKernel(Config(executors=[ProcessExecutor(max_workers=2)])) as flow:
        futures = [hold(gate) for _ in range(3)]
        assert flow.cancel_all() == 3
        assert all(future.cancelled() for future in futures)


def test_a_join_whose_caller_has_died_ends_for_itself_and_harms_nobody(
    flow: DataFlowKernel, gate: str, tmp_path: Path
) -> None:
    """Nobody holds it any more when it ends."""
    began = str(tmp_path / "began")
    os.mkfifo(began)

    @python_app
    def innermost() -> str:
        Path(began).write_text("x")
        return Path(gate).read_text()

    @join_app
    def inner() -> AppFuture:
        return innermost()

    @python_app
    def outer() -> None:
        future = inner()
        Path(began).read_text()  # the join waits for its task by now
        os._exit(1 if future else 0)

    assert isinstance(outer().exception(20), errors.WorkerLost)
    Path(gate).write_text("x")
    assert add(1).result(10) == 2
    assert flow.counts()[State.DONE] == 3


def test_a_bug_where_messages_are_taken_in_ends_the_flow_aloud_and_hangs_nobody(
    flow: DataFlowKernel, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(message: object) -> None:
        raise KeyError("a bug")

    flow._on[Status] = wrong
    with pytest.raises(errors.FlowClosed):
        flow.status(timeout=30)
    with pytest.raises((errors.FlowClosed, errors.NoDataFlowKernelError)):
        add(1)
    assert "could not be taken in" in caplog.text


# ---------------------------------------------------------------- what names a task


@pytest.mark.parametrize(
    "ask",
    [
        lambda flow, wrong: flow.details(wrong),
        lambda flow, wrong: flow.facts_of(wrong),
        lambda flow, wrong: flow.cancel(wrong),
        lambda flow, wrong: flow.cancel(wrong, wait=False),
        lambda flow, wrong: flow.cancel_soon([wrong]),
        lambda flow, wrong: flow.retry(wrong),
        lambda flow, wrong: flow.retry_all([wrong]),
        lambda flow, wrong: flow.value_of(wrong),
        lambda flow, wrong: flow.call_of(wrong),
    ],
    ids=[
        "details",
        "facts",
        "cancel",
        "cancel at once",
        "cancel soon",
        "retry",
        "retry all",
        "value",
        "call",
    ],
)
@pytest.mark.parametrize("wrong", ["3", None, True, -1, 1 << 64, 1.0])
def test_what_is_no_number_of_a_task_is_refused_and_the_flow_goes_on(
    shared_flow: DataFlowKernel, ask: Callable[..., object], wrong: object
) -> None:
    with pytest.raises(errors.UsageError, match=f"a whole one from 0; not by {re.escape(repr(wrong))}"):
        ask(shared_flow, wrong)
    assert add(1).result(20) == 2


def test_whole_numbers_of_other_kinds_name_a_task_as_well(shared_flow: DataFlowKernel) -> None:
    numpy = pytest.importorskip("numpy")
    future = add(1)
    future.result(20)
    assert shared_flow.details(numpy.int64(future.tid)).id == future.tid
    assert not shared_flow.cancel(numpy.uint32(future.tid))


def test_a_wish_that_is_no_wish_is_refused(shared_flow: DataFlowKernel) -> None:
    with pytest.raises(errors.UsageError, match="dependants is True or False, not 'no'"):
        shared_flow.retry_all(dependants="no")  # type: ignore[arg-type]
    with pytest.raises(errors.UsageError, match="takes numbers of tasks, or None for all, not 5"):
        shared_flow.retry_all(5)  # type: ignore[arg-type]


def test_a_message_that_the_scheduler_cannot_read_is_told_as_its_end(flow: DataFlowKernel, gate: str) -> None:
    future = hold(gate)
    flow.post(Inspect("no number"), urgent=True)  # type: ignore[arg-type]
    with pytest.raises(errors.SchedulerLost, match=r"exit code 1(?s:.*)what has come is no frame"):
        future.result(20)
