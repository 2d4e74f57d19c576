"""Shapes of graphs: for each task of a step, which tasks of the step before it needs. Pure.

Those of Task Bench (Slaughter and others, SC20): every step has `width` tasks.
"""

from __future__ import annotations

from collections.abc import Callable

Shape = Callable[[int, int, int], list[int]]


def stencil(step: int, place: int, width: int) -> list[int]:
    """The same place and its two neighbours; those at the rim have one."""
    return [n for n in (place - 1, place, place + 1) if 0 <= n < width]


def fft(step: int, place: int, width: int) -> list[int]:
    """A butterfly: the same place and those at a distance that doubles from step to step, then begins anew."""
    levels = max(1, (width - 1).bit_length())
    distance = 1 << ((step - 1) % levels)
    return [n for n in (place - distance, place, place + distance) if 0 <= n < width]


SHAPES: dict[str, Shape] = {"stencil": stencil, "fft": fft}
