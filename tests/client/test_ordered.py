"""The iterator of `map`, by itself: order, how far it runs ahead, and what becomes of what is not wanted."""

from __future__ import annotations

import concurrent.futures
import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.client.ordered import chunked, chunks, flat, in_order


class Flow:
    """Makes futures of numbers, and ends each as soon as it is waited for."""

    def __init__(self, *, fails: int = -1, hangs: int = -1, refuses: int = -1) -> None:
        self.made: list[Future[int]] = []
        self.unwanted: list[Future[int]] = []
        self._fails, self._hangs, self._refuses = fails, hangs, refuses

    def futures(self, numbers: Iterable[int]) -> Iterator[Future[int]]:
        for number in numbers:
            if number == self._refuses:
                raise OSError("no more")
            future: Future[int] = Future()
            if number == self._fails:
                future.set_exception(ValueError(number))
            elif number != self._hangs:
                future.set_result(number)
            self.made.append(future)
            yield future

    def drop(self, futures: Iterable[Future[int]]) -> None:
        self.unwanted += futures


@given(st.integers(0, 12), st.one_of(st.none(), st.integers(1, 15)), st.integers(0, 12))
def test_values_come_in_order_and_no_more_futures_are_made_than_wanted(
    count: int, ahead: int | None, taken: int
) -> None:
    flow = Flow()
    values = in_order(flow.futures(range(count)), ahead, None, flow.drop)
    for number in range(min(taken, count)):
        assert len(flow.made) == min(count, count if ahead is None else number + ahead)
        assert next(values) == number
    assert list(values) == list(range(min(taken, count), count))
    assert flow.unwanted == []


@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 8))
def test_what_is_left_when_it_is_closed_is_not_wanted(count: int, ahead: int, taken: int) -> None:
    flow = Flow()
    values = in_order(flow.futures(range(count)), ahead, None, flow.drop)
    taken = len(list(itertools.islice(values, taken)))
    values.close()  # type: ignore[attr-defined]
    assert flow.unwanted == (flow.made[taken:] if taken else [])
    assert list(values) == []


def test_one_that_was_never_asked_lets_its_tasks_run() -> None:
    flow = Flow()
    in_order(flow.futures(range(5)), None, None, flow.drop)
    assert (len(flow.made), flow.unwanted) == (5, [])


def test_after_an_error_the_rest_is_not_wanted() -> None:
    flow = Flow(fails=1)
    values = in_order(flow.futures(range(4)), None, None, flow.drop)
    assert next(values) == 0
    with pytest.raises(ValueError, match="1"):
        next(values)
    assert flow.unwanted[-2:] == flow.made[2:]
    assert list(values) == []


def test_what_is_not_there_in_time_is_not_wanted_either() -> None:
    flow = Flow(hangs=1)
    values = in_order(flow.futures(range(3)), None, 0, flow.drop)
    assert next(values) == 0, "it was there"
    with pytest.raises(concurrent.futures.TimeoutError):
        next(values)
    assert flow.unwanted == flow.made[1:]


@pytest.mark.parametrize("ahead", [None, 2])
def test_when_a_future_cannot_be_made_those_before_it_are_not_wanted(ahead: int | None) -> None:
    flow = Flow(refuses=3)
    with pytest.raises(OSError, match="no more"):
        list(in_order(flow.futures(range(5)), ahead, None, flow.drop))
    assert len(flow.made) == 3
    assert flow.unwanted == flow.made[0 if ahead is None else 1 :]


@given(st.lists(st.integers(), max_size=20), st.integers(1, 7))
def test_chunks_hold_every_item_once(items: list[int], size: int) -> None:
    found = list(chunks(items, size))
    assert all(len(chunk) == size for chunk in found[:-1])
    assert all(1 <= len(chunk) <= size for chunk in found)
    assert list(flat(iter(found))) == items


def test_chunks_of_what_has_no_end_are_lazy() -> None:
    assert list(itertools.islice(flat(chunks(itertools.count(), 3)), 5)) == [0, 1, 2, 3, 4]


@given(st.integers(1, 4), st.integers(0, 5))
def test_a_chunk_is_its_calls_one_after_the_other(width: int, calls: int) -> None:
    rows = [tuple(range(call, call + width)) for call in range(calls)]
    chunk = chunked(lambda *row: row, width)
    assert chunk(*itertools.chain.from_iterable(rows)) == rows
