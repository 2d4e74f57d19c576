"""A table of figures in Markdown: what was measured, and whether it is what nbflow is held to."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A line of the table. `other`: the figure to compare with; `reached`: whether the bar is, in this run."""

    name: str
    ours: str
    other: str
    bar: str
    reached: bool


def us(seconds: float) -> str:
    """A time in microseconds."""
    return f"{seconds * 1e6:,.0f} us"


def ms(seconds: float) -> str:
    """A time in milliseconds."""
    return f"{seconds * 1e3:,.0f} ms"


def show(rows: Sequence[Row], work: str, other: str, how: str) -> None:
    """Print the table: `work` and `other` head the first and the third column, `how` says what a figure is."""
    load = os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}, {how}\n")
    print(f"| {work} | nbflow | {other} | bar | |\n|---|---:|---:|---|---|")
    for row in rows:
        print(f"| {row.name} | {row.ours} | {row.other} | {row.bar} | {'✓' if row.reached else '✕'} |")
