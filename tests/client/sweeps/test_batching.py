"""How many items of a sweep travel at a time."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from nbflow.client.sweeps.batching import GROWTH, MOST_BYTES, MOST_ITEMS, SHARES, SHORTEST, TARGET, Batching

seconds = st.floats(0.0, 100.0)


def played(items: int, workers: int, seconds: float, size: int = 8, fixed: int | None = None) -> list[int]:
    """The sizes of all chunks, where each item takes so long and has so many bytes."""
    batching, left, sizes = Batching(workers, fixed), items, []
    under_way: deque[int] = deque()
    while left or under_way:
        while left and len(under_way) < batching.most_under_way:
            sizes.append(batching.next_size(left))
            under_way.append(sizes[-1])
            left -= sizes[-1]
        count = under_way.popleft()
        batching.ended(count, count * seconds, count * size)
    return sizes


@given(st.integers(1, 20_000), st.integers(1, 64), seconds, st.integers(0, 1 << 24))
def test_every_item_is_sent_once(items: int, workers: int, seconds: float, size: int) -> None:
    sizes = played(items, workers, seconds, size)
    assert sum(sizes) == items
    assert min(sizes) >= 1


@given(st.integers(1, 20_000), st.integers(1, 64), seconds)
def test_the_first_ones_go_alone_and_each_further_step_is_bounded(
    items: int, workers: int, seconds: float
) -> None:
    sizes = played(items, workers, seconds)
    assert set(sizes[: Batching(workers).most_under_way]) == {1}
    largest = 1
    for size in sizes:
        assert size <= min(largest * GROWTH, MOST_ITEMS)
        largest = max(largest, size)


@given(st.integers(1, 20_000), st.integers(1, 64), st.floats(1e-7, 100.0))
def test_a_chunk_takes_about_the_target_and_leaves_some_for_each_worker(
    items: int, workers: int, seconds: float
) -> None:
    left = items
    for size in played(items, workers, seconds):
        assert size == 1 or size * seconds <= TARGET * 1.01
        share = -(-left // (workers * SHARES))
        assert size <= max(share, SHORTEST / seconds, 1)
        left -= size


def test_items_that_take_long_or_are_big_go_alone() -> None:
    assert set(played(50, 2, 1.0)) == {1}
    assert set(played(50, 2, 1e-6, MOST_BYTES)) == {1}


def test_small_quick_ones_go_in_few_chunks() -> None:
    assert len(played(100_000, 2, 1e-6)) < 100


def test_one_slow_item_makes_the_next_chunks_small_and_quick_ones_make_them_grow_again() -> None:
    batching = Batching(2)
    for _ in range(5):
        batching.ended(batching.next_size(10**6), 1e-5, 8)
    grown = batching.next_size(10**6)
    batching.ended(grown, grown * 0.01, 8)
    assert batching.next_size(10**6) == 2
    for _ in range(30):
        size = batching.next_size(10**6)
        batching.ended(size, size * 1e-5, 8)
    assert batching.next_size(10**6) > 1000


@given(st.integers(1, 1000), st.integers(1, 8), seconds, st.integers(1, 200))
def test_a_size_that_is_given_is_kept(items: int, workers: int, seconds: float, fixed: int) -> None:
    sizes = played(items, workers, seconds, fixed=fixed)
    assert set(sizes[:-1]) <= {fixed}
    assert sizes[-1] <= fixed
