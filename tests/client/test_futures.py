"""Every attribute of a future, at every state of its task, on processes and on threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import datetime
import os
import pickle
import rlcompleter
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.oinspect import getdoc

import nbflow
from nbflow import AppFuture, DataFlowKernel, DataFuture, File, Retry, State, errors, join_app, python_app
from nbflow.client.promise import making
from nbflow.client.record import FINAL_FAILURE_STATES, FINAL_STATES, States

pytestmark = pytest.mark.usefixtures("each_flow")


@python_app
def same(x: Any) -> Any:
    return x


@python_app
def fail(inputs: Any = (), outputs: Any = ()) -> None:
    raise ValueError("no")


@python_app
def read(path: str) -> str:
    with open(path) as file:
        return file.read()


@python_app
def write(gate: str, outputs: Any = ()) -> str:
    with open(gate) as file:
        text = file.read()
    Path(outputs[0]).write_text(text)
    return text


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A pipe: who reads it waits until the test writes."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    yield path
    path.unlink()


def opened(gate: Path) -> Any:
    """The gate once somebody has come to it: a task that runs."""
    return gate.open("w")


# ---------------------------------------------------------------- AppFuture


def test_a_task_that_waits_for_its_need_can_be_asked_about(each_flow: DataFlowKernel, gate: Path) -> None:
    waiting = same(read(str(gate)))
    with opened(gate) as way:
        assert waiting.state is State.WAITING
        assert each_flow.details(waiting.tid).attempts == []
        way.write("text")
    assert waiting.result(20) == "text"


def test_a_plain_future_has_every_attribute(each_flow: DataFlowKernel) -> None:
    future = same(1)
    assert isinstance(future.tid, int)
    assert (future.stdout, future.stderr, future.outputs) == (None, None, [])
    assert future.app_name == "same"
    assert future.flow is each_flow
    assert future.result(20) == 1
    assert (future.done(), future.running(), future.cancelled()) == (True, False, False)
    assert future.exception() is None
    assert future.task_status() == "exec_done"
    assert future.state is State.DONE
    assert repr(future) == f"<AppFuture task {future.tid} same: done>"


def test_a_future_says_where_its_task_stands(gate: Path) -> None:
    running = read(str(gate))
    dependant = same(running)
    with opened(gate) as file:
        assert running.running()
        assert running.task_status() == "running"
        assert (dependant.running(), dependant.done(), dependant.task_status()) == (False, False, "pending")
        assert repr(dependant) == f"<AppFuture task {dependant.tid} same: not done>"
        file.write("go")
    assert dependant.result(20) == "go"


def test_the_words_of_parsl_for_every_end(gate: Path) -> None:
    failed, skipped = fail(), same(fail())
    concurrent.futures.wait([failed, skipped], 20)
    assert (failed.task_status(), skipped.task_status()) == ("failed", "dep_fail")
    cancelled = read(str(gate))
    assert cancelled.cancel()
    assert cancelled.task_status() == "cancelled"


def test_a_join_app_that_waits_for_its_tasks_is_joining(gate: Path, each_flow: DataFlowKernel) -> None:
    @join_app
    def ask(path: str) -> AppFuture:
        return read(path)

    future = ask(str(gate))
    with opened(gate) as file:
        while future.task_status() == "running":  # each look is a question to the scheduler and its answer
            pass  # on threads the task that it called may begin before the body has ended
        assert future.task_status() == "joining"
        assert future.task_record["status"] is States.joining
        assert future.task_record["join"]
        file.write("done")
    assert future.result(20) == "done"


def test_the_states_are_parsls_and_the_final_ones_are_named() -> None:
    assert {state.name: state.value for state in States} == {
        "pending": 0,
        "running": 2,
        "exec_done": 3,
        "failed": 4,
        "dep_fail": 5,
        "launched": 7,
        "fail_retryable": 8,
        "memo_done": 9,
        "joining": 10,
        "running_ended": 11,
        "cancelled": 12,
    }
    assert str(States.memo_done) == "States.memo_done"
    assert FINAL_FAILURE_STATES < FINAL_STATES


def test_cancel_withdraws_a_running_task_and_what_needs_it(gate: Path) -> None:
    running = read(str(gate))
    dependant = same(running)
    with opened(gate):
        pass_on = threading.Event()
        dependant.add_done_callback(lambda _: pass_on.set())
        assert running.cancel()
    assert running.cancelled()
    assert dependant.cancelled() or isinstance(dependant.exception(20), concurrent.futures.CancelledError)
    assert pass_on.wait(20)
    done = same(1)
    done.result(20)
    assert not done.cancel()


# ---------------------------------------------------------------- the task record


def test_the_record_of_a_task_is_a_read_only_mapping_with_parsls_keys(each_flow: DataFlowKernel) -> None:
    need = same(1)
    future = same(need)
    future.result(20)
    record = future.task_record
    assert record["id"] == future.tid
    assert record["func_name"] == "same"
    assert record["app_fu"] is future
    assert record["dfk"] is each_flow
    assert record["status"] is States.exec_done
    assert record["depends"] == [need.tid]
    assert record["executor"] in each_flow.executors
    assert (record["fail_count"], record["try_id"], record["from_memo"]) == (0, 0, False)
    assert (record["memoize"], record["hashsum"], record["join"]) == (False, None, False)
    times = [record[k] for k in ("time_invoked", "try_time_launched", "try_time_returned", "time_returned")]
    assert all(isinstance(time, datetime.datetime) for time in times)
    assert set(record) >= {"outputs", "stdout", "stderr", "ignore_for_cache", "app_type"}
    assert len(record) == len(list(record)) == len(set(record))
    assert dict(record)["id"] == future.tid
    assert repr(record) == f"<TaskRecord of task {future.tid} same>"
    with pytest.raises(KeyError):
        record["nothing"]
    with pytest.raises(TypeError):
        record["id"] = 3  # type: ignore[index]


def test_the_record_counts_failed_attempts() -> None:
    future = python_app(retries=2)(fail.__wrapped__)()  # type: ignore[attr-defined]
    future.exception(20)
    assert future.task_record["status"] is States.failed
    assert (future.task_record["fail_count"], future.task_record["try_id"]) == (3, 2)
    assert future.task_record["fail_history"] == ["ValueError: no"] * 3


def test_a_task_between_two_attempts_is_to_be_tried_again() -> None:
    future = python_app(retries=Retry(1, delay=1000.0))(fail.__wrapped__)()  # type: ignore[attr-defined]
    while future.task_status() != "fail_retryable":
        assert not future.done()
    assert future.task_record["fail_history"] == ["ValueError: no"]
    assert future.cancel()


def test_the_record_of_a_flow_that_has_ended_tells_what_was_known() -> None:
    with DataFlowKernel() as flow:
        future = python_app(data_flow_kernel=flow)(len)([1])
        assert future.result(20) == 1
    assert future.task_status() == "exec_done"
    assert future.task_record["func_name"] == "len"
    assert future.task_record["time_invoked"] is None


# ---------------------------------------------------------------- DataFuture


def test_the_future_of_a_file_has_every_attribute(gate: Path, tmp_path: Path) -> None:
    path = tmp_path / "sub" / "out.txt"
    task = write(str(gate), outputs=[path])
    file = task.outputs[0]
    assert isinstance(file, DataFuture)
    assert task.outputs[0] is file
    assert file.parent is task
    assert file.tid == task.tid
    assert file.filepath == file.filename == str(path)
    assert isinstance(file.file_obj, File)
    with opened(gate) as pipe:
        assert (file.running(), file.done(), file.cancelled()) == (True, False, False)
        assert repr(file) == f"<DataFuture '{path}' of task {task.tid}: not done>"
        with pytest.raises(concurrent.futures.TimeoutError):
            file.result(0.01)
        pipe.write("text")
    assert file.result(20) == str(path)
    assert (file.running(), file.done(), file.cancelled(), file.exception()) == (False, True, False, None)
    assert Path(file.result()).read_text() == "text"


def test_the_future_of_a_file_is_done_whenever_its_task_is(gate: Path, tmp_path: Path) -> None:
    """Nothing lies between the two: not even the thread on which callbacks run, which is kept busy here."""
    hold, held = threading.Event(), threading.Event()
    first = read(str(gate))
    first.add_done_callback(lambda _: (held.set(), hold.wait(20)))
    with opened(gate) as pipe:
        pipe.write("x")
    assert held.wait(20)
    task = write(str(gate), outputs=[tmp_path / "out.txt"])
    with opened(gate) as pipe:
        pipe.write("text")
    assert concurrent.futures.wait([task.outputs[0]], 20).done == {task.outputs[0]}
    assert task.done()
    assert task.outputs[0].done()
    hold.set()


def test_waiting_and_callbacks_of_a_files_future(gate: Path, tmp_path: Path) -> None:
    task = write(str(gate), outputs=[tmp_path / "a"])
    file = task.outputs[0]
    called = threading.Event()
    got: list[Any] = []
    file.add_done_callback(lambda future: (got.append(future), called.set()))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(concurrent.futures.wait, [file], 20)
        with opened(gate) as pipe:
            pipe.write("text")
        assert waiter.result(20).done == {file}
    assert list(concurrent.futures.as_completed([file], 20)) == [file]
    assert called.wait(20)
    assert got == [file]
    file.add_done_callback(got.append)
    assert got == [file, file], "one that is done calls at once"

    async def main() -> File:
        return await file

    assert asyncio.run(main()) == str(tmp_path / "a")


def test_the_future_of_a_file_fails_and_is_cancelled_with_its_task(gate: Path, tmp_path: Path) -> None:
    failed = fail(outputs=[tmp_path / "a"]).outputs[0]
    with pytest.raises(ValueError, match="no"):
        failed.result(20)
    assert isinstance(failed.exception(20), ValueError)
    writing = write(str(gate), outputs=[tmp_path / "b"])
    assert writing.outputs[0].cancel()
    assert writing.cancelled()
    assert writing.outputs[0].cancelled()


def test_a_task_waits_for_the_file_that_it_is_given(gate: Path, tmp_path: Path) -> None:
    task = write(str(gate), outputs=[tmp_path / "a"])
    by_inputs, direct = same([task.outputs[0]]), read(task.outputs[0])
    with opened(gate) as pipe:
        assert not by_inputs.done()
        pipe.write("text")
    assert by_inputs.result(20) == [str(tmp_path / "a")]
    assert direct.result(20) == "text"


# ---------------------------------------------------------------- lifted access


def test_lifted_access_chains_and_a_bad_key_fails_the_new_future_alone() -> None:
    future = same({"a": [Path("x/y"), 2]})
    assert future["a"][0].name.result(20) == "y"
    bad = future["b"]
    assert isinstance(bad, AppFuture)
    with pytest.raises(KeyError, match="b"):
        bad.result(20)
    error = bad[0].exception(20)
    assert isinstance(error, errors.DependencyError)
    assert isinstance(error.__cause__, KeyError)
    assert isinstance(future["a"][9].exception(20), IndexError)
    assert isinstance(future.nothing_like_it.exception(20), AttributeError)
    assert future.result(20) == {"a": [Path("x/y"), 2]}


def test_outputs_are_a_plain_list(tmp_path: Path) -> None:
    @python_app
    def touch(outputs: Any = ()) -> None:
        for path in outputs:
            Path(path).touch()

    future = touch(outputs=[tmp_path / "a", tmp_path / "b"])
    assert isinstance(future.outputs, list)
    assert [f.file_obj.filename for f in future.outputs] == ["a", "b"]


@pytest.mark.parametrize("name", ["resutl", "task_recrod", "outputss", "cancelld", "std_out"])
def test_a_near_miss_names_what_was_meant(name: str) -> None:
    with pytest.raises(AttributeError, match="Did you mean"):
        getattr(same(1), name)


def test_a_name_with_an_underscore_is_never_lifted(each_flow: DataFlowKernel) -> None:
    future = same(1)
    future.result(20)
    before = sum(each_flow.counts().values())
    for name in ("_private", "__len__", "_repr_html_", "_ipython_display_"):
        assert not hasattr(future, name)
    with pytest.raises(TypeError, match="cannot be iterated"):
        iter(future)
    assert sum(each_flow.counts().values()) == before


@pytest.mark.parametrize("name", ["sqrt", "sum", "where", "concatenate"])
def test_a_future_that_numpy_is_given_for_a_value_is_an_error_that_says_so(
    each_flow: DataFlowKernel, name: str
) -> None:
    numpy = pytest.importorskip("numpy")
    future = same(numpy.arange(3))
    others = {"where": (1, 2)}.get(name, ())
    before = each_flow.task_count
    with pytest.raises(TypeError, match=rf"numpy\.{name} was given a future .* use fut\.result\(\)"):
        getattr(numpy, name)([future] if name == "concatenate" else future, *others)
    with pytest.raises(TypeError, match=r"numpy\.add was given a future"):
        numpy.arange(3) + future
    assert each_flow.task_count == before


def test_an_array_may_hold_futures(each_flow: DataFlowKernel) -> None:
    numpy = pytest.importorskip("numpy")
    futures = numpy.array([same(n) for n in range(4)], dtype=object).reshape(2, 2)
    assert [future.result(20) for future in futures.T.flat] == [0, 2, 1, 3]


def test_pickling_a_future_says_that_it_stays_where_it_is() -> None:
    with pytest.raises(TypeError, match="stays in the process"):
        pickle.dumps(same(1))


def test_a_task_that_exits_ends_no_event_loop(each_flow: DataFlowKernel) -> None:
    leaves = python_app(sys.exit)

    async def main() -> list[Any]:
        together = asyncio.gather(leaves(3), nbflow.gather(leaves(3)), return_exceptions=True)
        return [*await together, await asyncio.create_task(asyncio.sleep(0, "it goes on"))]

    *ends, after = asyncio.run(main())
    assert [(type(end), str(end)) for end in ends] == [(nbflow.errors.RemoteError, "SystemExit: 3")] * 2
    assert after == "it goes on"


def test_what_completes_and_inspects_makes_no_tasks(each_flow: DataFlowKernel) -> None:
    future = python_app(lambda: "text")()
    assert future.result(20) == "text"
    before = each_flow.task_count
    assert getdoc(future)
    assert rlcompleter.Completer({"future": future}).complete("future.upper.x", 0) is None
    shell = InteractiveShell(user_ns={"future": future})
    assert not shell._ofind("future.upper").found
    assert shell.object_inspect("future.upper.x", 0)["found"] is False
    assert each_flow.task_count == before
    assert future.upper.__class__ is nbflow.AppFuture, "whoever asks by hand gets a future"
    assert each_flow.task_count == before + 1


def test_an_error_tells_of_one_place_that_has_asked_for_it_however_often_it_is_asked_for() -> None:
    future = python_app(lambda: 1 / 0)()
    item = nbflow.map(lambda x: 1 / x, [0])[0]
    for asked in (future, item):

        def first(asked: Any = asked) -> None:
            asked.result(20)

        def second(asked: Any = asked) -> None:
            asked.result(20)

        for ask in (first, second, second):
            with pytest.raises(ZeroDivisionError) as found:
                ask()
            names = [frame.name for frame in traceback.extract_tb(found.value.__traceback__)]
            assert [name for name in names if name in ("first", "second")] == [ask.__name__]


def test_a_finalizer_in_the_midst_of_a_futures_own_business_is_not_let_wait(
    flow: nbflow.DataFlowKernel,
) -> None:
    """Whoever reads would wait for what its thread holds."""
    double = nbflow.python_app(lambda x: 2 * x)
    first, other = double(1), double(2)
    with first._condition, pytest.raises(nbflow.UsageError, match="it would never end"):
        other.result(20)
    with making, pytest.raises(nbflow.UsageError, match="it would never end"):
        other.result(20)
    assert (first.result(20), other.result(20)) == (2, 4)
