"""The shapes of Task Bench's graphs."""

from __future__ import annotations

import pytest

from benchmarks.graphs import SHAPES, fft, stencil


def test_a_stencil_needs_its_place_and_both_neighbours() -> None:
    assert stencil(3, 2, 5) == [1, 2, 3]
    assert stencil(3, 0, 5) == [0, 1]
    assert stencil(3, 4, 5) == [3, 4]


def test_an_fft_looks_twice_as_far_in_each_step_then_begins_anew() -> None:
    assert [fft(step, 4, 8) for step in (1, 2, 3, 4)] == [[3, 4, 5], [2, 4, 6], [0, 4], [3, 4, 5]]


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("width", [1, 2, 4, 16])
def test_needs_are_in_the_row_before_and_each_once(name: str, width: int) -> None:
    for step in range(1, 9):
        for place in range(width):
            needs = SHAPES[name](step, place, width)
            assert place in needs
            assert needs == sorted(set(needs))
            assert all(0 <= need < width for need in needs)
