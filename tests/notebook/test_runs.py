"""Lists of numbers as runs: what was packed is what comes out, and what is even is short."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.notebook.runs import packed

CASES = json.loads((Path(__file__).parent / "cases" / "runs.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES)
def test_runs(case: dict[str, Any]) -> None:
    assert packed(case["numbers"]) == case["runs"]


@given(st.lists(st.integers(0, 30)))
def test_what_was_packed_comes_out_again(numbers: list[int]) -> None:
    runs = packed(numbers)
    out = [
        first + k * step
        for first, count, step in zip(runs[::3], runs[1::3], runs[2::3], strict=True)
        for k in range(count)
    ]
    assert out == numbers


def test_what_is_counted_up_evenly_is_short_however_long_it_is() -> None:
    assert packed(range(1, 10_001)) == [1, 10_000, 1]
    assert packed(range(5, 50_000, 3)) == [5, 16_665, 3]
