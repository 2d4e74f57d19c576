"""`nbflow.map` and `starmap`: one future of all results, a future for each item, an item's fault its own."""

from __future__ import annotations

import concurrent.futures
import functools
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbflow
from nbflow import Config, DataFlowKernel, ProcessExecutor, State, Sweep, ThreadExecutor, errors
from tests.gates import Gate, stand_at, wait_until

SOON = 20  # seconds


class CannotTravel:
    def __reduce__(self) -> Any:
        raise RuntimeError("not this one")


class CannotArrive:
    def __reduce__(self) -> Any:
        return _raise, ()


class StaysThere:
    def __init__(self, home: int) -> None:
        self.home = home

    def __reduce__(self) -> Any:
        return _fail_in, (self.home,)


def _fail_in(process: int) -> None:
    if os.getpid() == process:
        raise RuntimeError("not here")


def _raise() -> None:
    raise RuntimeError("not here")


def double(x: int) -> int:
    return 2 * x


def invert(x: int) -> float:
    return 1 / x  # the line to be shown


def write(directory: Path, item: int) -> int:
    """How often it has run for the item, itself included."""
    with (directory / str(item)).open("a") as file:
        file.write("x")
    return (directory / str(item)).stat().st_size


def runs(directory: Path) -> dict[int, int]:
    return {int(path.name): path.stat().st_size for path in directory.iterdir() if path.name.isdigit()}


@pytest.fixture(params=[ProcessExecutor, ThreadExecutor])
def each_flow(request: pytest.FixtureRequest) -> Iterator[DataFlowKernel]:
    """Two worker processes, whose items travel many at a time; two threads, where each is a call of its own."""
    nbflow.clear()
    yield nbflow.load(Config(executors=[request.param(max_workers=2)]))
    nbflow.clear()


# ---------------------------------------------------------------- results


@pytest.mark.parametrize("chunksize", [None, 1, 7, 1000])
def test_the_results_come_in_order(each_flow: DataFlowKernel, chunksize: int | None) -> None:
    sweep = nbflow.map(double, range(100), chunksize=chunksize)
    assert isinstance(sweep, Sweep)
    assert sweep.result(SOON) == list(range(0, 200, 2))
    assert sweep.done()
    assert not sweep.cancelled()
    assert sweep.exception() is None


def test_several_iterables_go_as_far_as_the_shortest_one(each_flow: DataFlowKernel) -> None:
    assert nbflow.map(pow, range(10), iter([2, 2, 2])).result(SOON) == [0, 1, 4]
    assert nbflow.starmap(pow, [(2, 3), [3, 2]]).result(SOON) == [8, 9]


def test_nothing_to_do_is_done_at_once(each_flow: DataFlowKernel) -> None:
    for sweep in (nbflow.map(double, []), nbflow.starmap(pow, [])):
        assert sweep.result(0) == []
        assert len(sweep) == 0


def test_what_an_app_is_called_with_wrongly_is_refused_at_the_call(each_flow: DataFlowKernel) -> None:
    with pytest.raises(TypeError, match="double"):
        nbflow.map(double, [1], [2])
    with pytest.raises(TypeError, match="at least one iterable"):
        nbflow.map(double)
    for wrong in (0, -3):
        with pytest.raises(ValueError, match=f"at least 1, not {wrong}"):
            nbflow.map(double, [1], chunksize=wrong)
    for wrong in ("3", 2.0, True):
        with pytest.raises(TypeError, match="whole number"):
            nbflow.map(double, [1], chunksize=wrong)  # type: ignore[arg-type]


def test_a_function_that_cannot_travel_is_refused_at_the_call(flow: DataFlowKernel) -> None:
    lock = threading.Lock()
    with pytest.raises(errors.CannotPickle, match="refers to something"):
        nbflow.map(lambda x: (x, lock), [1])


def test_many_items_are_few_tasks(flow: DataFlowKernel) -> None:
    assert nbflow.map(double, range(1000), chunksize=250).result(SOON) == list(range(0, 2000, 2))
    assert flow.counts()[State.DONE] == 4
    nbflow.map(double, range(100_000)).result(SOON)
    assert flow.counts()[State.DONE] < 4 + 500


def test_an_item_with_a_file_to_be_brought_in_is_a_call_of_its_own_and_others_are_not(
    flow: DataFlowKernel,
) -> None:
    files = [nbflow.File("odd://host/file"), *["here"] * 9]  # there is no way to bring it in
    sweep = nbflow.map(len, files, chunksize=10)
    assert isinstance(sweep[0].exception(SOON), errors.UsageError)
    assert [item.result(SOON) for item in sweep[1:]] == [4] * 9
    assert flow.counts()[State.DONE] == 9
    assert nbflow.map(double, range(1000), chunksize=500).result(SOON)[-1] == 1998
    assert flow.counts()[State.DONE] == 9 + 2


def test_all_items_run_the_function_as_it_was_at_the_call(flow: DataFlowKernel, gate: Gate) -> None:
    factor = 2

    def scaled(x: int) -> int:
        if x == 0:
            stand_at(gate, 0)
        return factor * x

    sweep = nbflow.map(scaled, range(200), chunksize=1)
    gate.wait_for(1)
    factor = 1000  # most of them are not sent yet
    gate.let_through(1)
    assert sweep.result(SOON) == list(range(0, 400, 2))


def test_big_arguments_and_results_travel(flow: DataFlowKernel) -> None:
    items = [bytes([n]) * 200_000 for n in range(6)]
    assert nbflow.map(bytes.upper, items, chunksize=3).result(SOON) == [item.upper() for item in items]


def test_async_functions_are_awaited(flow: DataFlowKernel) -> None:
    async def later(x: int) -> int:
        return x + 1

    assert nbflow.map(later, range(5), chunksize=5).result(SOON) == [1, 2, 3, 4, 5]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([1, 2, 0])), st.none() | st.integers(1, 5))
def test_every_item_ends_as_a_call_of_its_own_would(
    flow: DataFlowKernel, items: list[int], chunksize: int | None
) -> None:
    found = nbflow.map(invert, items, chunksize=chunksize).result(SOON, return_exceptions=True)
    told = [type(value) if isinstance(value, Exception) else value for value in found]
    assert told == [1 / item if item else ZeroDivisionError for item in items]


# ---------------------------------------------------------------- the sequence


def test_a_sweep_is_a_sequence_of_futures(each_flow: DataFlowKernel) -> None:
    sweep = nbflow.map(double, range(10))
    assert len(sweep) == 10
    assert [item.result(SOON) for item in sweep] == list(range(0, 20, 2))
    assert [item.index for item in sweep[2:8:3]] == [2, 5]
    assert sweep[-1].result(SOON) == 18
    with pytest.raises(IndexError, match="no item 10"):
        sweep[10]
    assert sweep.counts()[State.DONE] == 10
    assert repr(sweep) == "<Sweep of 10 items over double: 10 done>"
    assert repr(sweep[3]) == "<item 3 of double: done>"


def test_items_are_true_futures(each_flow: DataFlowKernel) -> None:
    sweep = nbflow.map(double, range(20))
    seen = {item.index: item.result() for item in concurrent.futures.as_completed(sweep, SOON)}
    assert seen == {n: 2 * n for n in range(20)}
    assert concurrent.futures.wait([*sweep, sweep], SOON).not_done == set()
    called: list[Any] = []
    told = threading.Event()
    sweep[4].add_done_callback(lambda item: called.append(item.result()))
    nbflow.map(double, [1])[0].add_done_callback(lambda item: told.set())
    assert told.wait(SOON), "though nobody holds the future"
    assert called == [8]


def test_items_and_sweeps_are_arguments_of_apps(each_flow: DataFlowKernel) -> None:
    total = nbflow.python_app(sum)
    sweep = nbflow.map(double, range(5))
    assert total(sweep).result(SOON) == 20
    assert total([sweep[1], sweep[2]]).result(SOON) == 6
    assert nbflow.map(double, sweep[1:3]).result(SOON) == [4, 8]
    failed = nbflow.map(invert, [1, 0])
    with pytest.raises(errors.NeedFailed, match="ZeroDivisionError"):
        total(failed).result(SOON)
    assert total([failed[0]]).result(SOON) == 1


async def _awaited(sweep: Sweep) -> tuple[Any, Any]:
    return await sweep, await sweep[1]


def test_sweeps_and_items_can_be_awaited(each_flow: DataFlowKernel) -> None:
    import asyncio

    assert asyncio.run(_awaited(nbflow.map(double, range(3)))) == ([0, 2, 4], 2)


def test_what_has_not_ended_in_time_is_a_timeout(flow: DataFlowKernel, gate: Gate) -> None:
    sweep = nbflow.map(functools.partial(stand_at, gate), range(3))
    for future in (sweep, sweep[2]):
        with pytest.raises(concurrent.futures.TimeoutError):
            future.result(0)
    gate.let_through(3)
    assert sweep.result(SOON) == [0, 1, 2]


def test_it_is_waited_for_with_all_other_tasks(flow: DataFlowKernel) -> None:
    sweep = nbflow.map(double, range(1000), chunksize=1)
    nbflow.wait_for_current_tasks()
    assert sweep.done()


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize("chunksize", [1, 5])
def test_an_item_that_raises_costs_itself_alone(each_flow: DataFlowKernel, chunksize: int) -> None:
    sweep = nbflow.map(invert, [1, 2, 0, 4, 0], chunksize=chunksize)
    found = sweep.result(SOON, return_exceptions=True)
    assert [found[n] for n in (0, 1, 3)] == [1.0, 0.5, 0.25]
    assert sorted(sweep.errors()) == [2, 4]
    assert sweep.counts()[State.FAILED] == 2
    assert sweep[1].result() == 0.5
    assert isinstance(sweep[2].exception(), ZeroDivisionError)
    for future in (sweep, sweep[2]):
        with pytest.raises(ZeroDivisionError) as caught:
            future.result()
        assert "# the line to be shown" in str(caught.value.__cause__)
        assert "chunk.py" not in str(caught.value.__cause__)


def test_the_cause_tells_which_item_it_was(flow: DataFlowKernel) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        nbflow.map(invert, [1, 2, 0], chunksize=3).result(SOON)
    cause = caught.value.__cause__
    assert isinstance(cause, errors.RemoteTraceback)
    assert "item 2 of the sweep over `invert` (in task " in str(cause)
    assert (cause.item, cause.app, cause.arguments) == (2, "invert", "0")


def test_no_short_texts_of_arguments_are_made_where_they_may_be_secret(nothing_loaded: None) -> None:
    with nbflow.load(Config(executors=[ProcessExecutor(1)], show_values=False)):
        sweep = nbflow.grid(invert, {"x": [0, 1]}, chunksize=2)
        error = sweep.exception(SOON)
        assert error is not None
        assert isinstance(error.__cause__, errors.RemoteTraceback)
        assert (error.__cause__.item, error.__cause__.arguments) == (0, "")
        assert sweep.failures(5) == ["item 0: ZeroDivisionError: division by zero"]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), MemoryError()], ids=repr)
def test_whatever_an_item_raises_the_others_go_on(flow: DataFlowKernel, error: BaseException) -> None:
    def fails(x: int) -> int:
        if x == 1:
            raise error
        return x

    sweep = nbflow.map(fails, range(4), chunksize=4)
    found = sweep.result(SOON, return_exceptions=True)
    assert type(found[1]) is type(error)
    assert [found[n] for n in (0, 2, 3)] == [0, 2, 3]


def test_an_argument_that_cannot_travel_costs_its_item_alone(flow: DataFlowKernel) -> None:
    def kind(x: Any) -> str:
        return type(x).__name__

    items = [1, CannotTravel(), CannotArrive(), "x"]
    found = nbflow.map(kind, items, chunksize=4).result(SOON, return_exceptions=True)
    assert [found[0], found[3]] == ["int", "str"]
    assert isinstance(found[1], errors.CannotPickle)
    assert "argument `x`" in str(found[1])
    assert "not here" in str(found[2])


def test_a_result_that_cannot_travel_costs_its_item_alone(flow: DataFlowKernel) -> None:
    def give(x: int) -> Any:
        return [x, CannotTravel(), nbflow.python_app(abs)(1)][x]

    found = nbflow.map(give, range(3), chunksize=3).result(SOON, return_exceptions=True)
    assert found[0] == 0
    assert isinstance(found[1], errors.CannotPickle)
    assert isinstance(found[2], errors.UsageError)


def test_a_result_that_cannot_be_rebuilt_here_costs_those_of_its_chunk(flow: DataFlowKernel) -> None:
    home = os.getpid()

    def give(x: int) -> Any:
        return StaysThere(home) if x == 1 else x

    sweep = nbflow.map(give, range(4), chunksize=2)
    for future in (sweep, sweep[0], sweep[1]):
        with pytest.raises(errors.DeserializationError, match="not here"):
            future.result(SOON)
        assert isinstance(future.exception(), errors.DeserializationError)
    assert sweep.result(return_exceptions=True)[2:] == [2, 3]


def test_a_worker_that_dies_costs_the_item_that_it_ran(flow: DataFlowKernel) -> None:
    def dies(x: int) -> int:
        if x in (3, 11):
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    sweep = nbflow.map(dies, range(20), chunksize=10)
    found = sweep.result(SOON, return_exceptions=True)
    assert [n for n in range(20) if found[n] != n] == [3, 11]
    for item in (3, 11):
        assert isinstance(found[item], errors.WorkerLost)
        assert f"item {item}" in str(found[item])


def test_a_worker_that_dies_when_all_items_have_run_costs_the_one_whose_result_it_is(
    flow: DataFlowKernel,
) -> None:
    class Deadly:
        def __reduce__(self) -> Any:
            os.kill(os.getpid(), signal.SIGKILL)

    def give(x: int) -> Any:
        return Deadly() if x == 1 else x

    found = nbflow.map(give, range(5), chunksize=5).result(SOON, return_exceptions=True)
    assert [found[n] for n in (0, 2, 3, 4)] == [0, 2, 3, 4]
    assert isinstance(found[1], errors.WorkerLost)


def test_retries_are_those_of_each_item(flow: DataFlowKernel, tmp_path: Path) -> None:
    @nbflow.python_app(retries=2)
    def flaky(item: int) -> int:
        count = write(tmp_path, item)
        if item == 1 and count < 3:
            raise ValueError(count)
        if item == 2:
            raise KeyError(item)
        if item == 3 and count < 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return count

    found = nbflow.map(flaky, range(4), chunksize=4).result(SOON, return_exceptions=True)
    assert found[1] == 3
    assert isinstance(found[2], KeyError)
    assert found[3] == 2
    assert runs(tmp_path)[2] == 3 + 1, "its worker died once when it had run, and it ran again uncounted"


def test_an_error_that_the_policy_does_not_name_is_not_tried_again(
    flow: DataFlowKernel, tmp_path: Path
) -> None:
    @nbflow.python_app(retries=nbflow.Retry(3, on=OSError))
    def fails(item: int) -> None:
        write(tmp_path, item)
        raise (ValueError if item else OSError)(item)

    assert len(nbflow.map(fails, range(2), chunksize=2).result(SOON, return_exceptions=True)) == 2
    assert runs(tmp_path) == {0: 4, 1: 1}


def test_a_forked_child_of_an_item_ends_where_it_comes_out_of_it(
    flow: DataFlowKernel, tmp_path: Path
) -> None:
    def forks(item: int) -> int:
        if item == 1 and (child := os.fork()):
            os.waitpid(child, 0)
        return write(tmp_path, item)

    nbflow.map(forks, range(4), chunksize=4).result(SOON)
    assert runs(tmp_path) == {0: 1, 1: 2, 2: 1, 3: 1}


def test_when_the_flow_ends_so_do_all_items(nothing_loaded: None, gate: Gate) -> None:
    flow = nbflow.load(Config(executors=[ProcessExecutor(max_workers=1)]))
    sweep = nbflow.map(functools.partial(stand_at, gate), range(50))
    gate.wait_for(1)
    flow.cleanup()
    assert all(isinstance(error, errors.FlowClosed) for error in sweep.result(SOON, return_exceptions=True))
    with pytest.raises(errors.FlowClosed):
        nbflow.map(nbflow.python_app(data_flow_kernel=flow)(double), [1])


# ---------------------------------------------------------------- cancelling


def test_what_is_not_sent_yet_never_runs_once_it_is_cancelled(
    flow: DataFlowKernel, gate: Gate, tmp_path: Path
) -> None:
    def at_the_gate(item: int) -> int:
        return write(tmp_path, stand_at(gate, item))

    sweep = nbflow.map(at_the_gate, range(200), chunksize=2)
    gate.wait_for(2)
    assert sweep[199].state is State.WAITING
    assert sweep[199].cancel()
    assert sweep[199].cancelled()
    with pytest.raises(concurrent.futures.CancelledError, match="item 199"):
        sweep[199].result()
    gate.let_through(199)
    assert sweep[198].result(SOON) == 1
    with pytest.raises(concurrent.futures.CancelledError, match="item 199"):
        sweep.result(SOON)
    assert sorted(runs(tmp_path)) == list(range(199))
    assert sweep.counts()[State.CANCELLED] == 1


def test_what_waits_in_a_chunk_is_passed_over_and_what_has_begun_goes_on(
    flow: DataFlowKernel, gate: Gate, tmp_path: Path
) -> None:
    def at_the_gate(item: int) -> int:
        if item == 0:
            stand_at(gate, item)
        return write(tmp_path, item)

    sweep = nbflow.map(at_the_gate, range(4), chunksize=4)
    gate.wait_for(1)
    assert sweep[0].cancel(wait=False), "it has not ended"
    assert sweep[2].cancel(wait=False)
    gate.let_through(1)
    assert not sweep[0].cancel(), "it had begun"
    assert sweep[2].cancel()
    assert sweep.result(SOON, return_exceptions=True)[:2] == [1, 1]
    assert runs(tmp_path) == {0: 1, 1: 1, 3: 1}
    assert not sweep[1].cancel(), "it has ended"


def test_an_item_that_travels_alone_is_killed(flow: DataFlowKernel, gate: Gate) -> None:
    sweep = nbflow.map(functools.partial(stand_at, gate), range(2), chunksize=1)
    gate.wait_for(2)
    assert sweep[0].cancel()
    gate.let_through(1)
    assert sweep[1].result(SOON) == 1


# a thread is interrupted anywhere: also between a file opened and the `with` that would close it
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_sweep_that_is_cancelled_ends_what_runs_and_sends_no_more(
    each_flow: DataFlowKernel, gate: Gate
) -> None:
    sweep = nbflow.map(functools.partial(stand_at, gate), range(100))
    gate.wait_for(2)
    assert sweep.cancel()
    assert sweep.cancelled()
    assert sweep.counts()[State.CANCELLED] == 100
    gate.let_through(2)  # threads cannot be killed
    assert not nbflow.map(double, []).cancel()


def test_all_that_is_cancelled_in_a_flow_includes_what_is_not_sent(flow: DataFlowKernel, gate: Gate) -> None:
    sweep = nbflow.map(functools.partial(stand_at, gate), range(1000))
    gate.wait_for(2)
    flow.cancel_all()
    with pytest.raises(concurrent.futures.CancelledError):
        sweep.result(SOON)


# ---------------------------------------------------------------- where each item is a call of its own


def test_a_cached_app_recalls_items(flow: DataFlowKernel, tmp_path: Path) -> None:
    @nbflow.python_app(cache=True)
    def counted(item: int) -> int:
        return write(tmp_path, item)

    for _ in range(2):
        assert nbflow.map(counted, range(3)).result(SOON) == [1, 1, 1]


def test_bash_and_join_apps_and_walltimes(flow: DataFlowKernel) -> None:
    @nbflow.bash_app
    def says(x: int) -> str:
        return f"exit {x}"

    @nbflow.join_app
    def joined(x: int) -> Any:
        return nbflow.python_app(abs)(x)

    @nbflow.python_app(walltime=60)
    def quick(x: int) -> int:
        return x

    found = nbflow.map(says, [0, 1]).result(SOON, return_exceptions=True)
    assert found[0] == 0
    assert isinstance(found[1], errors.BashExitFailure)
    assert nbflow.map(joined, [-1, -2]).result(SOON) == [1, 2]
    assert nbflow.map(quick, [1, 2], chunksize=2).result(SOON) == [1, 2]


def test_special_keywords_and_methods_that_are_apps(flow: DataFlowKernel, tmp_path: Path) -> None:
    @nbflow.python_app
    def reads(inputs: list[Any]) -> str:
        return Path(inputs[0]).read_text()

    class Scale:
        factor = 3

        @nbflow.python_app
        def of(self, x: int) -> int:
            return self.factor * x

    (tmp_path / "a").write_text("text")
    assert nbflow.map(reads, [[str(tmp_path / "a")]]).result(SOON) == ["text"]
    assert nbflow.map(Scale().of, [1, 2]).result(SOON) == [3, 6]
    assert nbflow.map(functools.partial(Scale().of), [1, 2]).result(SOON) == [3, 6]


def test_workers_that_are_to_have_one_task_each_have_one_item_each(nothing_loaded: None) -> None:
    nbflow.load(Config(executors=[ProcessExecutor(max_workers=2, max_tasks_per_worker=1)]))
    assert len(set(nbflow.map(lambda _: os.getpid(), range(4), chunksize=4).result(SOON))) == 4


def test_futures_among_the_items_are_needs_of_their_items_alone(flow: DataFlowKernel) -> None:
    app = nbflow.python_app(invert)
    found = nbflow.map(double, [app(1), app(0), 5], chunksize=3).result(SOON, return_exceptions=True)
    assert [found[0], found[2]] == [2, 10]
    assert isinstance(found[1], errors.NeedFailed)


# ---------------------------------------------------------------- inside tasks


def test_a_task_may_sweep(flow: DataFlowKernel) -> None:
    @nbflow.python_app
    def inside(count: int) -> tuple[int, list[Any]]:
        def invert(x: int) -> float:
            return 1 / x

        sweep = nbflow.map(abs, range(-count, 0))
        failing = nbflow.map(invert, [1, 0], chunksize=2).result(return_exceptions=True)
        return sum(sweep.result()), [type(value).__name__ for value in failing]

    for future in [inside(1000) for _ in range(4)]:
        assert future.result(SOON) == (500_500, ["float", "ZeroDivisionError"])


def test_a_join_app_may_return_a_sweep(flow: DataFlowKernel) -> None:
    @nbflow.join_app
    def swept(count: int) -> Any:
        return nbflow.map(abs, range(count))

    assert swept(5).result(SOON) == [0, 1, 2, 3, 4]


# ---------------------------------------------------------------- what is told of them


def test_the_tasks_of_a_sweep_tell_their_items(flow: DataFlowKernel) -> None:
    sweep = nbflow.map(invert, [1, 2, 0, 4, 5], chunksize=3)
    sweep.result(SOON, return_exceptions=True)
    wait_until(flow, 2, State.DONE)
    first, second = (row for _, row in sorted(flow.feed.rows.items()))
    assert first.part is not None
    assert second.part is not None
    assert first.part.sweep == second.part.sweep == first.id
    assert [(row.part.first, row.part.count, row.failed) for row in (first, second) if row.part] == [
        (0, 3, 1),
        (3, 2, 0),
    ]
    assert first.note == "item 2: ZeroDivisionError: division by zero"
    details = flow.details(first.id)
    assert details.failures == ["item 2: ZeroDivisionError: division by zero"]
    assert "# the line to be shown" in details.traceback
    assert details.source.splitlines()[details.error_line - 1].endswith("# the line to be shown")


def test_nothing_is_left_of_a_sweep_that_has_ended(flow: DataFlowKernel) -> None:
    sweep = nbflow.map(double, range(100))
    sweep.result(SOON)
    for thread in threading.enumerate():
        if thread.name == "nbflow-sweep":
            thread.join(SOON)
    stores = flow.calls.store_dirs
    assert not [path for store in stores for path in Path(store).glob("*.sweep")]
    assert not flow.calls.sweeps


def test_what_is_no_function_is_named_by_what_was_called(each_flow: DataFlowKernel) -> None:
    with pytest.raises(TypeError, match=r"nbflow\.map\(\) takes a function or an app, not 5"):
        nbflow.map(5, [1])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"a tuple of arguments for each item, not 2 \(item 1\)"):
        nbflow.starmap(pow, [(1, 2), 2])  # type: ignore[list-item]


def test_sizes_and_totals_may_be_whole_numbers_of_other_kinds(each_flow: DataFlowKernel) -> None:
    numpy = pytest.importorskip("numpy")
    assert nbflow.map(abs, [-1, -2], chunksize=numpy.int64(1)).result(20) == [1, 2]
    assert list(nbflow.track([1, 2], total=numpy.int16(2))) == [1, 2]


def test_a_sweep_that_is_cancelled_already_says_so_whether_it_is_waited_for_or_not(
    each_flow: DataFlowKernel, gate: Gate
) -> None:
    sweep = nbflow.map(functools.partial(stand_at, gate), range(3))
    assert sweep.cancel()
    assert sweep.cancel(wait=False)
    assert sweep.cancel()
