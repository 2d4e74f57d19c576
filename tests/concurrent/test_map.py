"""`map`: what the standard library expects of it (test_concurrent_futures/executor.py and test_process_pool.py of
Python 3.13; the tests of `buffersize` of Python 3.14's executor.py), and that a flow's futures may be among the items.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import threading
import weakref
from collections.abc import Iterator

import pytest

from nbflow import State, errors
from nbflow.concurrent import NbflowPoolExecutor
from tests.concurrent.conftest import WORKERS, processes
from tests.gates import Gate, stand_at, wait_until


class Value:
    pass


def counted(taken: list[int]) -> Iterator[int]:
    """Numbers without an end, noting those that were taken."""
    for number in itertools.count():
        taken.append(number)
        yield number


@pytest.mark.parametrize("chunksize", [1, 6, 10, 50])
@pytest.mark.parametrize("buffersize", [None, 1, 3, 100])
def test_values_come_in_order(pool: NbflowPoolExecutor, chunksize: int, buffersize: int | None) -> None:
    found = pool.map(pow, range(10), itertools.repeat(2), chunksize=chunksize, buffersize=buffersize)
    assert list(found) == [n**2 for n in range(10)]


def test_the_shortest_iterable_ends_it(pool: NbflowPoolExecutor) -> None:
    assert list(pool.map(pow, range(10), range(3))) == [1, 1, 4]
    assert list(pool.map(pow, [], range(3), buffersize=2)) == []
    assert list(pool.map(pow)) == []


def test_an_error_comes_in_its_place(pool: NbflowPoolExecutor) -> None:
    values = pool.map(divmod, [1, 1, 1, 1], [2, 3, 0, 5])
    assert [next(values), next(values)] == [(0, 1), (0, 1)]
    with pytest.raises(ZeroDivisionError):
        next(values)
    assert list(values) == []


def test_an_error_in_a_chunk_shows_the_function_alone(pool: NbflowPoolExecutor) -> None:
    def invert(x: int) -> float:
        return 1 / x  # the line to be shown

    with pytest.raises(ZeroDivisionError) as caught:
        list(pool.map(invert, [1, 0, 2], chunksize=2))
    shown = str(caught.value.__cause__)
    assert "# the line to be shown" in shown
    assert "concurrent.py" not in shown


def test_a_chunk_is_one_task_named_after_its_function(pool: NbflowPoolExecutor) -> None:
    def double(x: int) -> int:
        return 2 * x

    before = sum(pool.dfk.status().counts)
    assert list(pool.map(double, range(10), chunksize=4)) == list(range(0, 20, 2))
    assert sum(pool.dfk.status().counts) == before + 3


def test_futures_may_be_among_the_items(pool: NbflowPoolExecutor) -> None:
    items = [pool.submit(pow, n, 2) for n in range(4)]
    assert list(pool.map(abs, items, chunksize=3)) == [0, 1, 4, 9]


@pytest.mark.parametrize("chunksize", [1, 2])
def test_a_value_that_was_taken_is_not_held(pool: NbflowPoolExecutor, chunksize: int) -> None:
    for value in pool.map(lambda _: Value(), range(5), chunksize=chunksize):
        gone = threading.Event()
        reference = weakref.ref(value, lambda _, gone=gone: gone.set())  # type: ignore[misc]
        del value
        pool.submit(int).result(20)  # what a thread gave is let go with the next message
        assert gone.wait(20)
        assert reference() is None


def test_what_is_not_there_in_time_is_a_timeout_and_the_rest_is_withdrawn(
    own_pool: NbflowPoolExecutor, gate: Gate
) -> None:
    at_the_gate = [own_pool.submit(stand_at, gate, n) for n in range(WORKERS)]
    gate.wait_for(WORKERS)
    values = own_pool.map(pow, range(20), range(20), timeout=0)
    with pytest.raises(concurrent.futures.TimeoutError):
        next(values)
    wait_until(own_pool.dfk, 20, State.CANCELLED)
    gate.let_through(WORKERS)
    assert [future.result(20) for future in at_the_gate] == list(range(WORKERS)), "what ran goes on"


@pytest.mark.parametrize("name", ["chunksize", "buffersize"])
def test_sizes_are_whole_numbers_of_at_least_one(pool: NbflowPoolExecutor, name: str) -> None:
    for wrong in (0, -1):
        with pytest.raises(ValueError, match=f"{name}=...\\) must be at least 1, not {wrong}"):
            pool.map(pow, [1], [1], **{name: wrong})  # type: ignore[arg-type]
    for wrong in ("3", 2.0):
        with pytest.raises(TypeError, match=f"{name}=...\\) is a whole number"):
            pool.map(pow, [1], [1], **{name: wrong})  # type: ignore[arg-type]


# ---------------------------------------------------------------- how far it runs ahead


def test_without_a_buffersize_all_calls_are_made_at_once(pool: NbflowPoolExecutor) -> None:
    items = iter(range(30))
    values = pool.map(abs, items)
    assert next(items, None) is None
    assert list(values) == list(range(30))


@pytest.mark.parametrize(("chunksize", "first", "later"), [(1, 4, 5), (3, 12, 15)])
def test_a_buffersize_lets_iterables_be_endless(
    pool: NbflowPoolExecutor, chunksize: int, first: int, later: int
) -> None:
    taken: list[int] = []
    values = pool.map(abs, counted(taken), buffersize=4, chunksize=chunksize)
    assert len(taken) == first, "made at the call, before any value is asked for"
    assert next(values) == 0
    assert len(taken) == later
    assert list(itertools.islice(values, 20)) == list(range(1, 21))


def test_an_iterator_that_is_closed_withdraws_what_has_not_begun(
    own_pool: NbflowPoolExecutor, gate: Gate
) -> None:
    values = own_pool.map(lambda n: n and stand_at(gate, n), range(50))
    assert next(values) == 0
    gate.wait_for(WORKERS)
    values.close()  # type: ignore[attr-defined]
    wait_until(own_pool.dfk, 50 - 1 - WORKERS, State.CANCELLED)
    gate.let_through(WORKERS)
    own_pool.dfk.wait_for_current_tasks()
    assert own_pool.dfk.counts()[State.DONE] == 1 + WORKERS, "what ran went on"


def test_when_a_call_cannot_be_made_the_ones_before_it_are_not_wanted(
    own_pool: NbflowPoolExecutor, gate: Gate
) -> None:
    at_the_gate = [own_pool.submit(stand_at, gate, n) for n in range(WORKERS)]
    gate.wait_for(WORKERS)

    def items() -> Iterator[int]:
        yield from range(5)
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        own_pool.map(abs, items())
    wait_until(own_pool.dfk, 5, State.CANCELLED)
    gate.let_through(WORKERS)
    assert [future.result(20) for future in at_the_gate] == list(range(WORKERS))


@processes
def test_an_item_that_cannot_travel_is_refused_at_the_call(pool: NbflowPoolExecutor) -> None:
    for chunksize in (1, 2):
        with pytest.raises(errors.CannotPickle):
            pool.map(id, [1, 2, 3, pool], chunksize=chunksize)
