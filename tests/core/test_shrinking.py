"""Dictionaries that give their room back."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.shrinking import shrink


def test_a_table_that_was_large_gives_its_room_back() -> None:
    table = {number: str(number) for number in range(100_000)}
    for number in range(99_990):
        del table[number]
    large = sys.getsizeof(table)
    shrink(table)
    assert sys.getsizeof(table) < large / 1000
    assert table == {number: str(number) for number in range(99_990, 100_000)}


def test_a_table_in_use_is_left_as_it_is() -> None:
    table = dict.fromkeys(range(50_000))
    before = sys.getsizeof(table)
    shrink(table)
    assert sys.getsizeof(table) == before


@given(st.integers(0, 9000), st.integers(0, 9000))
def test_nothing_is_lost_and_the_order_is_kept(many: int, left: int) -> None:
    table = {number: -number for number in range(many)}
    for number in range(many - min(left, many)):
        del table[number]
    entries = list(table.items())
    shrink(table)
    assert list(table.items()) == entries
