"""Several futures at once: as they end, or all their values in order; whoever has made them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow import DataFlowKernel, join_app, python_app
from tests.gates import Gate, make_gate, stand_at


@python_app
def double(x: Any) -> Any:
    return 2 * x


@python_app
def fails(word: str) -> None:
    raise ValueError(word)


@python_app
def waits(gate: Gate, value: Any = None) -> Any:
    return stand_at(gate, value)


# ---------------------------------------------------------------- as they end


def test_futures_come_as_they_end_and_each_once(each_flow: DataFlowKernel, tmp_path: Path) -> None:
    gates = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        gates.append(make_gate(tmp_path / name)[0])
    late, later = (waits(gate) for gate in gates)
    coming = nbflow.as_completed([later, late, later])
    gates[0].let_through()
    assert next(coming) is late
    gates[1].let_through()
    assert list(coming) == [later]


def test_those_that_have_ended_come_first_in_the_given_order(each_flow: DataFlowKernel, gate: Gate) -> None:
    ended = [double(x) for x in range(6)]
    concurrent.futures.wait(ended)
    late = waits(gate)
    coming = nbflow.as_completed([late, *reversed(ended)])
    assert [next(coming) for _ in ended] == list(reversed(ended))
    gate.let_through()
    assert next(coming) is late


def test_futures_of_any_kind_may_be_mixed(each_flow: DataFlowKernel) -> None:
    sweep = nbflow.map(abs, [1, 2, 3])
    with ThreadPoolExecutor(1) as pool:
        mixed: list[Future[Any]] = [double(4), pool.submit(pow, 2, 3), sweep[1], sweep, fails("x")]
        assert set(nbflow.as_completed(mixed)) == set(mixed)
    assert sorted(item.result() for item in nbflow.as_completed(sweep)) == sorted(sweep.result())


def test_the_time_is_over_for_those_that_have_not_ended_and_they_go_on(
    each_flow: DataFlowKernel, gate: Gate
) -> None:
    ended, goes_on = double(1), waits(gate, 5)
    ended.result()
    coming = nbflow.as_completed([goes_on, ended], timeout=0.01)
    assert next(coming) is ended
    with pytest.raises(concurrent.futures.TimeoutError):
        next(coming)
    gate.let_through()
    assert goes_on.result(30) == 5


def test_what_is_no_future_is_named_at_once(each_flow: DataFlowKernel) -> None:
    with pytest.raises(TypeError, match=r"as_completed\(...\) takes concurrent.futures futures, not 5"):
        nbflow.as_completed([5])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="takes a list or another iterable of futures, not 5"):
        nbflow.as_completed(5)  # type: ignore[arg-type]
    for mapped in (lambda: nbflow.map(double, [1], 5), lambda: nbflow.starmap(double, 5)):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"map\(\) goes through lists and other iterables, not 5"):
            mapped()
    with pytest.raises(TypeError, match=r"gather\(...\) takes concurrent.futures futures, not 'x'"):
        nbflow.gather("x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"one by one: gather\(\*futures\)"):
        nbflow.gather([double(1)])  # type: ignore[arg-type]


def test_nothing_is_held_of_what_was_handed_out(each_flow: DataFlowKernel) -> None:
    import gc
    import weakref

    futures = [double(x) for x in range(3)]
    concurrent.futures.wait(futures)
    gone = weakref.ref(futures[0])
    coming = nbflow.as_completed(futures)
    next(coming)
    del futures
    gc.collect()
    assert gone() is None
    assert len(list(coming)) == 2


# ---------------------------------------------------------------- all their values


async def awaited(what: Any) -> Any:
    return await what


def result_of(what: Any) -> Any:
    return what.result(30)


def run(what: Any) -> Any:
    return asyncio.run(awaited(what))


each_way = pytest.mark.parametrize("value_of", [result_of, run], ids=["result", "await"])


@each_way
def test_values_come_in_the_order_of_the_futures(each_flow: DataFlowKernel, value_of: Any) -> None:
    first = double(1)
    with ThreadPoolExecutor(1) as pool:
        assert value_of(nbflow.gather(first, double(2), pool.submit(pow, 2, 3), first)) == [2, 4, 8, 2]
    assert value_of(nbflow.gather()) == []
    assert value_of(nbflow.gather(nbflow.map(abs, [-1, -2]), double("a"))) == [[1, 2], "aa"]


@each_way
def test_the_first_failure_is_raised_while_others_go_on(
    each_flow: DataFlowKernel, gate: Gate, value_of: Any
) -> None:
    goes_on = waits(gate, "there")
    both = nbflow.gather(goes_on, fails("first"))
    with pytest.raises(ValueError, match="first"):
        value_of(both)
    assert not both.done()
    gate.let_through()
    assert goes_on.result(30) == "there", "the end of an event loop does not end it either"
    assert both.done()


@each_way
def test_errors_stand_among_the_values_where_that_is_asked_for(
    each_flow: DataFlowKernel, value_of: Any
) -> None:
    withdrawn: Future[Any] = Future()
    withdrawn.cancel()
    found = value_of(nbflow.gather(double(1), fails("x"), withdrawn, return_exceptions=True))
    assert found[0] == 2
    assert str(found[1]) == "x"
    assert isinstance(found[2], CancelledError)


def test_a_result_that_takes_too_long_withdraws_nothing(each_flow: DataFlowKernel, gate: Gate) -> None:
    future = waits(gate, 5)
    with pytest.raises(concurrent.futures.TimeoutError):
        nbflow.gather(future).result(0.01)
    gate.let_through()
    assert nbflow.gather(future).result(30) == [5]


def test_an_await_that_is_cancelled_withdraws_what_has_not_ended(
    each_flow: DataFlowKernel, gate: Gate
) -> None:
    ended, goes_on = double(1), waits(gate)
    ended.result()
    other: Future[Any] = Future()

    async def give_up() -> None:
        await asyncio.wait_for(nbflow.gather(ended, goes_on, other), 0.01)

    with pytest.raises((asyncio.TimeoutError, TimeoutError)):
        asyncio.run(give_up())
    concurrent.futures.wait([goes_on], 30)
    gate.let_through()  # a thread cannot be killed
    assert (ended.result(), goes_on.cancelled(), other.cancelled()) == (2, True, True)


def test_a_failure_before_the_await_is_raised_at_once(each_flow: DataFlowKernel, gate: Gate) -> None:
    failed, goes_on = fails("early"), waits(gate)
    failed.exception(30)
    with pytest.raises(ValueError, match="early"):
        run(nbflow.gather(goes_on, failed))
    gate.let_through()
    goes_on.result(30)


def test_a_task_that_gathers_what_it_has_called_gives_its_slot_up(flow: DataFlowKernel) -> None:
    @python_app
    def outer(depth: int) -> int:
        if not depth:
            return 1
        return sum(nbflow.gather(*(outer(depth - 1) for _ in range(3))).result())  # type: ignore[name-defined]

    assert outer(2).result(60) == 9


def test_many_may_gather_the_same_futures_at_once(each_flow: DataFlowKernel, gate: Gate) -> None:
    future = waits(gate, 5)
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(nbflow.gather(future).result(30))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    gate.let_through()
    for thread in threads:
        thread.join(30)
    assert found == [[5]] * 4


# ---------------------------------------------------------------- for other tasks


@python_app
def told(*values: Any, **named: Any) -> Any:
    return values, named


@join_app
def both(x: int) -> Any:
    return nbflow.gather(double(x), double(x + 1))


def test_an_app_that_is_given_what_is_gathered_waits_for_it_and_gets_the_list(
    each_flow: DataFlowKernel, gate: Gate
) -> None:
    gathered = nbflow.gather(waits(gate, 1), double(1))
    future = told(gathered, nbflow.gather(), inside={"deep": [gathered]})
    assert not future.done()
    assert each_flow.rows()[future.tid].detail == "list of 2 list of 0 inside=dict of 1"
    gate.let_through()
    assert future.result(20) == (([1, 2], []), {"inside": {"deep": [[1, 2]]}})


def test_a_join_app_may_return_what_is_gathered(each_flow: DataFlowKernel) -> None:
    assert both(3).result(20) == [6, 8]


def test_what_is_gathered_with_its_errors_is_no_argument(each_flow: DataFlowKernel) -> None:
    with pytest.raises((TypeError, nbflow.errors.CannotPickle), match=r"return_exceptions=True.* stays here"):
        told(nbflow.gather(double(1), return_exceptions=True))


def test_what_is_gathered_is_not_iterated() -> None:
    with pytest.raises(TypeError, match="use its result"):
        list(nbflow.gather())
