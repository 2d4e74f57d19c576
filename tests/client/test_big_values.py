"""Big values: shared without copies, never changed behind anybody's back, and gone when nobody needs them."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nbflow
from nbflow import Config, DataFlowKernel, ProcessExecutor, join_app, python_app
from nbflow.client import arguments
from nbflow.client.arguments import Arguments
from nbflow.client.flow import places
from nbflow.memoizers import BasicMemoizer
from nbflow.values import mapping, pickling, segments
from nbflow.wire.messages import Keep, LetGo
from nbflow.wire.outcomes import Stored
from tests.gates import Gate, stand_at

SIZE = 250_000  # float64: 2 MB
BYTES = 8 * SIZE


@python_app
def make(value: float = 1.0, size: int = SIZE) -> Any:
    return np.full(size, value)


@python_app
def add_one(x: Any) -> Any:
    return x + 1


@python_app
def total(x: Any, *rest: Any) -> float:
    return float(x.sum())


@python_app
def same(x: Any) -> Any:
    return x


@python_app
def total_at(gate: Gate, x: Any, number: int) -> float:
    return stand_at(gate, float(x.sum()) + number)


@python_app
def change(x: Any) -> Any:
    x += 1
    return x


def stored(flow: DataFlowKernel, until: Callable[[int], bool] = lambda total: True) -> int:
    """Bytes in the store, once they are as they must become; each answer takes a round trip."""
    for _ in range(100_000):
        if until(total := flow.status().store.total):
            return total
    raise AssertionError(f"there are still {total} bytes in the store")


def mapped_here(flow: DataFlowKernel) -> list[str]:
    """The files of the flow's store that this process has mapped."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return [line for line in lines if any(place in line for place in flow._places.stores)]


# ---------------------------------------------------------------- what tasks and users get


def test_a_large_array_cannot_be_changed_in_place(flow: DataFlowKernel) -> None:
    with pytest.raises(ValueError, match="read-only"):
        change(make()).result(30)
    with pytest.raises(ValueError, match="read-only"):
        change(np.ones(SIZE)).result(30)
    array = make().result(30)
    with pytest.raises(ValueError, match="read-only"):
        array += 1
    assert (change(np.ones(10)).result(30) == 2).all(), "a small one is the task's own"


@pytest.mark.parametrize(
    "kind", ["array", "fortran", "part", "bytes", "bytearray", "frame", "table", "nested"]
)
def test_values_of_all_kinds_arrive_as_they_were(flow: DataFlowKernel, kind: str) -> None:
    value = np.arange(float(SIZE)).reshape(500, -1)
    given: Any = {
        "array": lambda: value,
        "fortran": lambda: np.asfortranarray(value),
        "part": lambda: value[:, 5:9],
        "bytes": value.tobytes,
        "bytearray": lambda: bytearray(value.tobytes()),
        "frame": lambda: pytest.importorskip("pandas").DataFrame(value),
        "table": lambda: pytest.importorskip("pyarrow").table({"x": value.ravel()}),
        "nested": lambda: {"a": [value, (value, value[7:])]},
    }[kind]()
    again = same(same(given)).result(30)
    assert type(again) is type(given)
    assert _plain(again) == _plain(given)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return list(map(_plain, value))
    if type(value).__module__.startswith("pyarrow"):
        return value.to_pydict()
    return np.asarray(value).tolist() if hasattr(value, "__array__") else value


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_notebook_has_a_value_only_when_it_asks_for_it(flow: DataFlowKernel) -> None:
    last = add_one(add_one(make()))
    assert total(last).result(30) == 3 * SIZE
    assert mapped_here(flow) == []
    array = last.result(30)
    assert len(mapped_here(flow)) == 1
    assert array.sum() == 3 * SIZE


def test_a_task_tells_how_long_its_values_were_on_their_way_if_that_was_long(flow: DataFlowKernel) -> None:
    class Slow:  # to unpickle it takes as long as a large value may
        def __init__(self, value: int) -> None:
            self.value = value

        def __reduce__(self) -> Any:
            return slowly, (self.value,)

    def slowly(value: int) -> Any:
        import time

        begun = time.monotonic()
        while time.monotonic() - begun < 0.02:
            pass
        return value

    given, made = total(np.ones(3), Slow(1)), make(1.0, 10_000_000)
    assert (given.result(), len(made.result())) == (3.0, 10_000_000)
    rows = flow.rows()
    given_row, made_row = (rows[future.tid].transfer for future in (given, made))
    assert given_row is not None
    assert given_row.fetch >= 0.02, "it waits that long by itself"
    assert made_row is not None
    assert made_row.store > 0.001, "80 MB are not written in a millisecond"


def test_an_array_outlives_its_future_and_the_values_made_later(flow: DataFlowKernel) -> None:
    first = make(5.0).result(30)
    for value in range(6):
        assert make(float(value)).result(30)[0] == value
    assert (first == 5).all()


def test_what_a_task_keeps_in_its_process_stays_as_it_was() -> None:
    with DataFlowKernel(Config([ProcessExecutor(max_workers=1)])) as flow:

        @python_app(data_flow_kernel=flow)
        def keep(x: Any) -> None:
            sys.modules["kept_by_a_task"] = x

        @python_app(data_flow_kernel=flow)
        def kept() -> Any:
            return sys.modules["kept_by_a_task"].min(), sys.modules["kept_by_a_task"].max()  # type: ignore[attr-defined]

        ones = python_app(np.full, data_flow_kernel=flow)
        keep(ones(SIZE, 7.0)).result(30)
        for value in range(6):
            assert ones(SIZE, float(value)).result(30)[0] == value
        assert kept().result(30) == (7, 7)


# ---------------------------------------------------------------- how often it is written


def test_what_a_task_gives_back_as_it_came_is_not_written_again(flow: DataFlowKernel) -> None:
    first = make()
    futures = [first, same(first), same(first)[10:], same([first, first])]
    assert [float(np.sum(future.result(30))) for future in futures] == [SIZE, SIZE, SIZE - 10, 2 * SIZE]
    assert stored(flow) == BYTES
    del first, futures[:3]
    assert stored(flow, lambda total: total == BYTES) == BYTES, "the last one needs it still"
    assert futures[0].result(30)[1].sum() == SIZE


def test_an_argument_of_many_calls_is_written_once(flow: DataFlowKernel, gate: Gate) -> None:
    array = np.ones(SIZE)
    futures = [total_at(gate, array, number) for number in range(20)]
    gate.wait_for(2)
    assert stored(flow) < 1.1 * BYTES
    gate.let_through(20)
    assert [future.result(30) for future in futures] == [SIZE + number for number in range(20)]


@pytest.mark.parametrize("at", [0, SIZE // 2, SIZE - 1])
def test_an_array_that_is_changed_between_two_calls_counts_as_it_was_at_each(
    flow: DataFlowKernel, gate: Gate, at: int
) -> None:
    array = np.ones(SIZE)
    futures = []
    for number in range(4):
        futures.append(total_at(gate, array, 0))
        array[at] = number + 2
    gate.let_through(4)
    assert [future.result(30) for future in futures] == [SIZE, SIZE + 1, SIZE + 2, SIZE + 3]


def test_another_array_at_the_same_place_counts_as_itself(flow: DataFlowKernel) -> None:
    futures = [total(np.full(SIZE, float(number))) for number in range(20)]
    assert [future.result(30) for future in futures] == [SIZE * number for number in range(20)]


def test_calls_made_inside_tasks_share_their_arguments_too(flow: DataFlowKernel) -> None:
    @join_app
    def spread(x: Any) -> Any:
        mine = x + 1
        return [total(mine, number) for number in range(10)]

    assert spread(make()).result(30) == [2 * SIZE] * 10
    assert stored(flow, lambda total: total == 0) == 0


# ---------------------------------------------------------------- when it goes


def test_a_value_goes_with_its_future_though_nothing_else_is_said(flow: DataFlowKernel) -> None:
    future = make()
    future.exception(30)
    assert stored(flow) == BYTES
    del future
    assert stored(flow, lambda total: total == 0) == 0
    assert flow.status().store.peak == BYTES


def test_a_chain_whose_futures_are_let_go_of_has_few_of_its_arrays_at_a_time(flow: DataFlowKernel) -> None:
    x = make()
    for _ in range(20):
        x = add_one(x)
    assert x.result(30)[0] == 21
    assert flow.status().store.peak < 10 * BYTES


def test_values_of_failed_and_cancelled_tasks_go(flow: DataFlowKernel, gate: Gate) -> None:
    stand = python_app(lambda gate, x: stand_at(gate, x))
    cancelled = stand(gate, np.ones(SIZE))
    gate.wait_for()
    assert cancelled.cancel()
    with pytest.raises(ValueError, match="read-only"):
        change(make()).result(30)
    del cancelled
    assert stored(flow, lambda total: total == 0) == 0


def test_a_remembered_value_stays_and_its_input_is_not_copied(nothing_loaded: None) -> None:
    with nbflow.load(Config(memoizer=BasicMemoizer())) as flow:
        cached = python_app(lambda x: x[10:], cache=True)
        array = np.ones(SIZE)
        for _ in range(3):
            assert cached(array).result(30).sum() == SIZE - 10
        assert stored(flow, lambda total: total <= BYTES) == BYTES


# ---------------------------------------------------------------- where there is little room


@pytest.mark.parametrize("shared", [True, False])
def test_beyond_the_limit_values_lie_in_the_run_directory(
    nothing_loaded: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shared: bool
) -> None:
    if not shared:
        monkeypatch.setattr(places, "SHARED_MEMORY", "/nonexistent")
    config = Config([ProcessExecutor(max_workers=2)], run_dir=tmp_path, object_store_limit="6 MB")
    with nbflow.load(config) as flow:
        assert flow.status().store.limit == 6_000_000
        futures = [make(float(number)) for number in range(8)]
        more = [add_one(future) for future in futures]
        for number, future in enumerate(more):
            assert (future.result(30) == number + 1).all()
        store = flow.status().store
        assert store.total == store.peak == 16 * BYTES
        stored(flow, lambda total: flow.status().store.spilled >= store.total - 6_000_000)
        assert [future.result(30)[-1] for future in futures] == list(range(8))
        assert list((Path(flow.run_dir) / "values").glob("*.value"))
        del future, more, futures
        assert stored(flow, lambda total: total == 0) == 0
        assert os.listdir(Path(flow.run_dir) / "values") == ["flow.lock"]


# ---------------------------------------------------------------- what is said of arguments to the scheduler


class Scheduler:
    """What is posted to it, and when there is something new."""

    def __init__(self) -> None:
        self.posted: list[Any] = []
        self._changed = threading.Condition()

    def post(self, *messages: Any, urgent: bool = False) -> None:
        with self._changed:
            self.posted += messages
            self._changed.notify()

    def wait_for(self, message: Any) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: message in self.posted, 30), self.posted


def pack(known: Arguments, *args: Any) -> Stored:
    payload = known.store(pickling.dumps_call(args, {}))
    assert isinstance(payload, Stored)
    return payload


def test_a_file_is_let_go_of_after_the_last_call_that_names_it_was_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arguments, "LINGER", 1000.0)
    scheduler = Scheduler()
    known = Arguments([str(tmp_path)], scheduler.post)
    array = np.ones(SIZE)
    first, second = pack(known, array, 1), pack(known, array, 2)
    assert first.files == second.files
    assert scheduler.posted == [Keep(first.files)]
    files = first.files
    del first, array
    known._forget_all()
    assert scheduler.posted == [Keep(files)], "the second call has not been sent"
    del second
    scheduler.wait_for(LetGo(files))
    assert scheduler.posted == [Keep(files), LetGo(files)]
    known.close()


def test_an_array_that_is_not_passed_again_is_let_go_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arguments, "LINGER", 0.01)
    scheduler = Scheduler()
    known = Arguments([str(tmp_path)], scheduler.post)
    array = np.ones(SIZE)
    files = pack(known, array).files
    scheduler.wait_for(LetGo(files))
    assert pack(known, array).files != files
    known.close()


def test_a_changed_array_is_another_one_while_the_call_with_the_first_is_being_sent(tmp_path: Path) -> None:
    scheduler = Scheduler()
    known = Arguments([str(tmp_path)], scheduler.post)
    array = np.ones(SIZE)
    first = pack(known, array)
    array[-1] = 0
    second = pack(known, array)
    assert first.files != second.files
    assert scheduler.posted == [Keep(first.files), Keep(second.files)]
    known.close()


@pytest.mark.skipif(not mapping.LINUX, reason="needs addresses")
def test_more_arguments_than_are_kept_in_mind_are_let_go_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arguments, "MOST", 3)
    scheduler = Scheduler()
    known = Arguments([str(tmp_path)], scheduler.post)
    arrays = [np.full(10_000, float(number)) for number in range(5)]
    files = [pack(known, array).files for array in arrays]
    scheduler.wait_for(LetGo(files[1]))
    assert [m.files for m in scheduler.posted if isinstance(m, LetGo)] == files[:2]
    assert pack(known, arrays[4]).files == files[4]
    known.close()
    for path in os.listdir(tmp_path):
        segments.unlink(str(tmp_path / path))
