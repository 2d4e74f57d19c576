"""What ended without a value can be tried again: with the function and the arguments of its call, under its number."""

from __future__ import annotations

import concurrent.futures
import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow import (
    AppFuture,
    Config,
    DataFlowKernel,
    File,
    State,
    ThreadExecutor,
    UsageError,
    errors,
    join_app,
    python_app,
)
from tests.gates import Gate, make_gate, stand_at


@pytest.fixture(params=["processes", "threads"])
def either(request: pytest.FixtureRequest) -> Iterator[DataFlowKernel]:
    """A flow with workers of either kind."""
    nbflow.clear()
    workers = (
        ThreadExecutor(max_workers=2) if request.param == "threads" else nbflow.ProcessExecutor(max_workers=2)
    )
    yield nbflow.load(Config(executors=[workers]))
    nbflow.clear()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate, held = make_gate(tmp_path)
    yield gate
    for fd in held:
        os.close(fd)


def needs_file(path: Path, value: Any) -> Any:
    """The value, if the file is there."""
    if not path.exists():
        raise FileNotFoundError(str(path))
    return value


@python_app
def read(path: Path, value: Any) -> Any:
    return needs_file(path, value)


@python_app(cache=True)
def read_once(path: Path, value: Any) -> Any:
    return needs_file(path, value)


@python_app
def double(value: int) -> int:
    return 2 * value


@python_app
def kill_unless(path: Path) -> str:
    if not path.exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return "lived"


@python_app
def at(gate: Gate, value: int) -> int:
    return stand_at(gate, value)


@join_app
def both(path: Path) -> list[AppFuture]:
    return [read(path, 1), double(4)]


def failed(path: Path) -> tuple[AppFuture, AppFuture, AppFuture]:
    """A task that failed, and two that were skipped for it."""
    first = read(path, 1)
    second = double(first)
    third = double(second)
    assert isinstance(first.exception(20), FileNotFoundError)
    assert isinstance(third.exception(20), errors.DependencyError)
    return first, second, third


def states(*futures: AppFuture) -> list[State]:
    return [future.state for future in futures]


# ---------------------------------------------------------------- what is tried again


def test_a_failed_task_runs_again_under_its_number_with_the_next_attempt(
    either: DataFlowKernel, tmp_path: Path
) -> None:
    future = read(tmp_path / "file", "value")
    assert isinstance(future.exception(20), FileNotFoundError)
    (tmp_path / "file").touch()
    assert either.retry(future.tid) == [future.tid]
    assert future.result(20) == "value"
    row, details = either._inspect(future.tid, 5.0)
    assert (row.state, row.attempt) == (State.DONE, 2)
    told = [text for _, text in details.story]
    assert [text.split(":")[0] for text in told[2:4]] == [
        "failed",
        "to be tried again, as somebody has asked",
    ]
    assert told[-1] == "done"
    assert len(details.failures) == 1
    assert details.traceback == ""


def test_it_may_fail_again_and_be_tried_again_again(either: DataFlowKernel, tmp_path: Path) -> None:
    future = read(tmp_path / "file", 1)
    for _ in range(3):
        assert isinstance(future.exception(20), FileNotFoundError)
        future.retry()
    assert isinstance(future.exception(20), FileNotFoundError)
    assert either._inspect(future.tid, 5.0)[0].attempt == 4
    assert len(either.details(future.tid).failures) == 4


def test_with_its_dependants_all_that_was_skipped_for_it_runs(either: DataFlowKernel, tmp_path: Path) -> None:
    first, second, third = failed(tmp_path / "file")
    (tmp_path / "file").touch()
    first.retry(dependants=True)
    assert third.result(20) == 4
    assert states(first, second, third) == [State.DONE] * 3


def test_alone_it_leaves_what_was_skipped_for_it_until_that_is_tried_again(
    either: DataFlowKernel, tmp_path: Path
) -> None:
    first, second, third = failed(tmp_path / "file")
    (tmp_path / "file").touch()
    first.retry()
    assert first.result(20) == 1
    assert states(second, third) == [State.SKIPPED] * 2
    with pytest.raises(UsageError, match=rf"task {third.tid} `double` needs task {second.tid} `double`"):
        third.retry()
    later = double(third)
    error = later.exception(20)
    assert isinstance(error, errors.DependencyError), (
        "its root has its value by now, and yet it is no cancelled task"
    )
    assert isinstance(error.root, FileNotFoundError)
    second.retry(dependants=True)
    assert third.result(20) == 4
    assert later.result(20) == 8


def test_all_that_failed_is_tried_again_at_once(either: DataFlowKernel, tmp_path: Path) -> None:
    first, *others = failed(tmp_path / "file")
    other = read(tmp_path / "other", 5)
    assert other.exception(20) is not None
    (tmp_path / "file").touch()
    retrial = either.retry_all()
    assert sorted(retrial.tasks) == [future.tid for future in (first, *others, other)]
    assert retrial.refused == {}
    assert others[-1].result(20) == 4
    assert isinstance(other.exception(20), FileNotFoundError)
    assert either.retry_all([]).tasks == [], "none named is not all"


def test_of_two_needs_that_failed_both_must_be_tried_again(flow: DataFlowKernel, tmp_path: Path) -> None:
    one, two = read(tmp_path / "one", 1), read(tmp_path / "two", 2)
    both = python_app(lambda a, b: a + b)(one, two)
    assert one.exception(20) is not None
    assert two.exception(20) is not None
    assert both.exception(20) is not None
    (tmp_path / "one").touch()
    assert flow.retry(one.tid, dependants=True) == [one.tid], "what needs the other one too stays"
    assert one.result(20) == 1
    assert both.state is State.SKIPPED
    (tmp_path / "two").touch()
    assert sorted(flow.retry(two.tid, dependants=True)) == [two.tid, both.tid]
    assert both.result(20) == 3


def test_a_cancelled_task_is_tried_again_with_what_was_cancelled_for_it(
    flow: DataFlowKernel, gate: Gate
) -> None:
    future = at(gate, 3)
    after = double(future)
    gate.wait_for()
    assert future.cancel()
    assert after.cancelled()
    future.retry(dependants=True)
    assert not future.cancelled()
    gate.wait_for()
    gate.let_through()
    assert after.result(20) == 6
    assert flow.details(future.tid).failures == ["cancelled"]


def test_after_the_death_of_its_worker(flow: DataFlowKernel, tmp_path: Path) -> None:
    future = kill_unless(tmp_path / "file")
    assert isinstance(future.exception(30), errors.WorkerLost)
    (tmp_path / "file").touch()
    future.retry()
    assert future.result(30) == "lived"


def test_after_its_walltime(flow: DataFlowKernel, gate: Gate) -> None:
    future = python_app(walltime=2.0)(stand_at)(gate, 1)
    assert isinstance(future.exception(30), errors.AppTimeout)
    gate.let_through()
    future.retry()
    assert future.result(30) == 1


def test_what_is_tried_again_is_what_was_called_though_the_app_has_changed(
    flow: DataFlowKernel, tmp_path: Path
) -> None:
    def body(path: Path) -> str:
        return needs_file(path, "as it was")

    future = python_app(body)(tmp_path / "file")
    assert future.exception(20) is not None
    body.__code__ = (lambda path: "as it is").__code__
    (tmp_path / "file").touch()
    future.retry()
    assert future.result(20) == "as it was"


def test_a_join_goes_on_with_the_call_that_is_tried_again_and_runs_its_body_once(
    flow: DataFlowKernel, tmp_path: Path
) -> None:
    future = both(tmp_path / "file")
    error = future.exception(20)
    assert isinstance(error, errors.JoinError)
    before = flow.task_count
    (tmp_path / "file").touch()
    assert sorted(flow.retry(error.root_id, dependants=True)) == sorted([error.root_id, future.tid])
    assert future.result(20) == [1, 8]
    assert flow.task_count == before


def test_a_join_that_is_tried_again_by_itself_runs_its_body_again(
    flow: DataFlowKernel, tmp_path: Path
) -> None:
    future = both(tmp_path / "file")
    assert future.exception(20) is not None
    before = flow.task_count
    (tmp_path / "file").touch()
    future.retry()
    assert future.result(20) == [1, 8]
    assert flow.task_count == before + 2


def test_its_retries_begin_anew(flow: DataFlowKernel, tmp_path: Path) -> None:
    future = python_app(retries=1)(needs_file)(tmp_path / "file", 1)
    assert future.exception(20) is not None
    future.retry()
    assert future.exception(20) is not None
    assert flow._inspect(future.tid, 5.0)[0].attempt == 4


def test_a_cached_call_is_recalled_when_it_is_tried_again_if_an_equal_one_went_well(
    flow: DataFlowKernel, tmp_path: Path
) -> None:
    future = read_once(tmp_path / "file", 7)
    assert future.exception(20) is not None, "which is not remembered"
    (tmp_path / "file").touch()
    assert read_once(tmp_path / "file", 7).result(20) == 7
    (tmp_path / "file").unlink()
    future.retry()
    assert future.result(20) == 7
    assert flow._inspect(future.tid, 5.0)[0].recalled


def test_big_arguments_are_there_for_it(flow: DataFlowKernel, tmp_path: Path) -> None:
    big = bytes(300_000)
    made = python_app(lambda: big)()
    future = python_app(lambda path, a, b: needs_file(path, len(a) + len(b)))(tmp_path / "file", big, made)
    assert future.exception(20) is not None
    del made
    gc.collect()
    (tmp_path / "file").touch()
    future.retry()
    assert future.result(20) == 600_000


# ---------------------------------------------------------------- what is not


def test_what_cannot_be_tried_again_says_why(flow: DataFlowKernel, gate: Gate, tmp_path: Path) -> None:
    running = at(gate, 1)
    gate.wait_for()
    with pytest.raises(UsageError, match=f"task {running.tid} `at` has not ended, it is running"):
        running.retry()
    gate.let_through()
    assert running.result(20) == 1
    with pytest.raises(UsageError, match=f"task {running.tid} `at` is done: call the app anew"):
        running.retry()
    with pytest.raises(UsageError, match="there is no task 4711"):
        flow.retry(4711)
    for wrong in ("1", -1, 1.0, None):
        with pytest.raises(UsageError, match=f"not by {wrong!r}"):
            flow.retry(wrong)  # type: ignore[arg-type]
    outside: concurrent.futures.Future[int] = concurrent.futures.Future()
    after = double(outside)  # type: ignore[arg-type]
    outside.set_exception(KeyError("x"))
    assert after.exception(20) is not None
    root = after.exception().root_id  # type: ignore[union-attr]
    with pytest.raises(UsageError, match=f"needs task {root} `future`, which gave no value"):
        after.retry()
    with pytest.raises(UsageError, match="comes from outside the flow"):
        flow.retry(root)


def test_what_nobody_holds_any_more_is_not_tried_again(flow: DataFlowKernel, tmp_path: Path) -> None:
    future = read(tmp_path / "file", 1)
    assert future.exception(20) is not None
    number = future.tid
    assert flow.details(number).kept
    del future
    gc.collect()
    double(1).result(20)  # with which the release is told
    assert not flow.details(number).kept
    with pytest.raises(UsageError, match=f"nobody holds task {number} `read` any more"):
        flow.retry(number)


def test_items_of_a_sweep_are_not_tried_again_as_tasks(flow: DataFlowKernel) -> None:
    sweep = nbflow.map(lambda x: 1 // x, [0, 0, 0])
    with pytest.raises(ZeroDivisionError):
        sweep.result(20)
    with pytest.raises(UsageError, match=r"items of a sweep|is done|nobody holds"):
        flow.retry(1)
    assert flow.retry_all().tasks == []


def test_a_flow_that_has_ended_tries_nothing_again(flow: DataFlowKernel, tmp_path: Path) -> None:
    future = read(tmp_path / "file", 1)
    assert future.exception(20) is not None
    flow.cleanup()
    with pytest.raises(errors.FlowClosed):
        future.retry()
    assert isinstance(future.exception(), FileNotFoundError), "it stays what it was"


def test_inside_a_task_nothing_is_tried_again(flow: DataFlowKernel, tmp_path: Path) -> None:
    @python_app
    def outer(path: Path) -> str:
        inner = read(path, 1)
        inner.exception()
        try:
            inner.retry()
        except nbflow.UsageError as error:
            return str(error)
        return "it was"

    assert (
        outer(tmp_path / "file").result(20) == "inside a task no other one is tried again: call the app anew"
    )


# ---------------------------------------------------------------- the future


def test_its_future_is_pending_again_and_settled_once_more(flow: DataFlowKernel, gate: Gate) -> None:
    future = at(gate, 1)
    gate.wait_for()
    future.cancel()
    future.retry()
    gate.wait_for()
    assert not future.done()
    assert not future.cancelled()
    assert future.running()
    with pytest.raises(concurrent.futures.TimeoutError):
        future.result(0.01)
    assert flow.tasks.keys() == {future.tid}
    gate.let_through()
    flow.wait_for_current_tasks(20)
    assert future.result() == 1


def test_callbacks_run_once_each_at_the_end_for_which_they_were_added(
    flow: DataFlowKernel, gate: Gate
) -> None:
    heard: list[tuple[str, bool]] = []
    told = threading.Event()

    def note(word: str) -> Callable[[Any], None]:
        def call(future: Any) -> None:
            heard.append((word, future.cancelled()))
            told.set()

        return call

    future = at(gate, 1)
    future.add_done_callback(note("first"))
    gate.wait_for()
    future.cancel()
    assert told.wait(20)
    told.clear()
    future.retry()
    future.add_done_callback(note("second"))
    gate.wait_for()
    gate.let_through()
    assert told.wait(20)
    future.add_done_callback(note("late"))
    assert heard == [("first", True), ("second", False), ("late", False)]


def test_who_waits_for_many_is_not_told_twice_of_one_that_is_tried_again(
    flow: DataFlowKernel, gate: Gate
) -> None:
    first, second = at(gate, 1), at(gate, 2)
    gate.wait_for(2)
    seen = threading.Event()
    ended: list[Any] = []
    seeing = concurrent.futures.ThreadPoolExecutor(1)

    def wait() -> Any:
        for future in concurrent.futures.as_completed([first, second], 30):
            ended.append(future)
            seen.set()
        return len(ended)

    waiting = seeing.submit(wait)
    whole = seeing.submit(int)  # behind it
    first.cancel()
    assert seen.wait(20)
    first.retry()
    gate.wait_for()
    gate.let_through(2)
    assert first.result(20) == 1
    assert waiting.result(20) == 2
    assert whole.result(20) == 0
    assert ended == [first, second]
    seeing.shutdown()


def test_waiting_for_all_of_many_goes_on_until_the_last_though_one_ends_twice(
    flow: DataFlowKernel, gate: Gate
) -> None:
    first, second = at(gate, 1), at(gate, 2)
    gate.wait_for(2)
    waiter = _told_of(first, second)
    first.cancel()
    first.retry()
    gate.wait_for()
    assert waiter.num_pending_calls == 1
    os.write(os.open(gate.permits, os.O_RDWR), b".")
    # one of the two goes through; whichever it is, the waiter must not count the first one twice
    done, _ = concurrent.futures.wait([first, second], 20, concurrent.futures.FIRST_COMPLETED)
    assert waiter.num_pending_calls == (1 if first in done else 0)
    gate.let_through()
    assert (first.result(20), second.result(20)) == (1, 2)
    for future in (first, second):
        future._waiters.remove(waiter)


def _told_of(*futures: AppFuture) -> Any:
    """What the standard library's `wait` for all of them puts into each."""
    waiter = concurrent.futures._base._AllCompletedWaiter(len(futures), stop_on_exception=False)  # type: ignore[attr-defined]
    for future in futures:
        with future._condition:
            future._waiters.append(waiter)
    return waiter


def test_files_that_it_writes_are_promised_again(flow: DataFlowKernel, tmp_path: Path) -> None:
    @python_app
    def write(source: Path, outputs: list[File] = []) -> None:  # noqa: B006
        Path(outputs[0]).write_text(source.read_text())

    future = write(tmp_path / "source", outputs=[File(str(tmp_path / "copy"))])
    (copy,) = future.outputs
    length = python_app(lambda file: len(Path(file).read_text()))(copy)
    assert isinstance(copy.exception(20), FileNotFoundError)
    (tmp_path / "source").write_text("words")
    future.retry(dependants=True)
    assert copy.result(20) == str(tmp_path / "copy")
    assert length.result(20) == 5


def test_many_threads_that_ask_at_once_have_it_tried_again_once(flow: DataFlowKernel, gate: Gate) -> None:
    future = at(gate, 1)
    gate.wait_for()
    future.cancel()

    def ask(_: int) -> bool:
        try:
            future.retry()
        except UsageError:
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(8))) == 1
    gate.wait_for()
    gate.let_through()
    assert future.result(20) == 1


def test_one_who_waits_while_it_is_tried_again_and_fails_again_hears_of_an_end(
    flow: DataFlowKernel, tmp_path: Path
) -> None:
    future = read(tmp_path / "file", 1)
    assert future.exception(20) is not None
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in range(30):
            future.retry()
            waiting = [pool.submit(future.exception, 20) for _ in range(4)]
            assert all(isinstance(each.result(20), FileNotFoundError) for each in waiting)
            assert isinstance(future.exception(20), FileNotFoundError)


# ---------------------------------------------------------------- what it costs


def test_what_ended_well_keeps_nothing_for_it(flow: DataFlowKernel) -> None:
    made = python_app(lambda: bytes(300_000))()
    future = python_app(len)(made)
    assert future.result(20) == 300_000
    assert not flow.details(future.tid).kept
    del made
    gc.collect()
    double(1).result(20)
    assert flow.status().store.total == 0
