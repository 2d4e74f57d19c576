"""Integers by number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.pages import Pages

NUMBERS = st.one_of(st.integers(0, 300), st.integers(0, 1 << 19), st.integers(1 << 40, (1 << 40) + 5))


@given(st.lists(st.tuples(NUMBERS, st.integers(0, 1 << 31))), NUMBERS)
def test_it_is_read_as_it_was_written_and_is_zero_elsewhere(
    written: list[tuple[int, int]], other: int
) -> None:
    pages, table = Pages("I"), dict(written)
    for number, value in written:
        pages[number] = value
    assert {number: pages[number] for number in table} == table
    assert pages[other] == table.get(other, 0)
    assert sorted(pages) == sorted(number for number, value in table.items() if value)
