"""Finding the smallest task that pays, of systems whose overhead is known."""

from __future__ import annotations

import pytest

from benchmarks.metg import NeverReached, metg


@pytest.mark.parametrize("overhead", [3e-6, 1e-4, 2.3e-3])
@pytest.mark.parametrize("start", [1e-5, 3e-4, 6e-3])
def test_a_constant_overhead_is_its_own_metg(overhead: float, start: float) -> None:
    asked: list[float] = []

    def efficiency(grain: float) -> float:
        asked.append(grain)
        return grain / (grain + overhead)

    found = metg(efficiency, start)
    assert overhead <= found <= 1.1 * overhead
    assert len(asked) <= 20


def test_what_is_never_reached_is_said() -> None:
    with pytest.raises(NeverReached):
        metg(lambda grain: 0.45, 1e-3)


def test_what_costs_nothing_ends_at_the_smallest() -> None:
    assert metg(lambda grain: 1.0, 1e-3, smallest=1e-5) == 1e-5
