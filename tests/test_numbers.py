"""Numbers of tasks, and what people call them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.numbers import first_of, name_of, number_of


@given(st.integers(0, 2**20), st.integers(0, 2**31))
def test_a_name_stands_for_one_number(worker: int, call: int) -> None:
    number = first_of(worker) + call
    assert number_of(name_of(number)) == number


def test_the_users_own_calls_are_called_by_their_count() -> None:
    assert name_of(7) == "7"
    assert name_of(first_of(2) + 4) == "2.5"


@pytest.mark.parametrize("name", ["", "x", "1.x", ".5", "-1", "1.2.3"])
def test_other_words_stand_for_no_number(name: str) -> None:
    assert number_of(name) is None
