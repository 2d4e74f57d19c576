"""Figures as people read them, and tables of them in Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
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
    value = seconds * 1e6
    return f"{value:.1f} µs" if value < 10 else f"{_three(value)} µs"


def ms(seconds: float) -> str:
    """A time in milliseconds."""
    return f"{_three(seconds * 1e3)} ms"


def seconds(value: float) -> str:
    """A time in seconds."""
    return f"{value:.2f} s"


def per_second(seconds: float) -> str:
    """A rate, of the time that each takes."""
    return _three(1 / seconds)


def mb(value: float) -> str:
    """Megabytes."""
    return f"{value:,.0f} MB"


def times(ratio: float) -> str:
    """A ratio."""
    return f"{ratio:.2f} ×" if ratio < 10 else f"{ratio:,.0f} ×"


def percent(part: float) -> str:
    """A part of a whole."""
    return f"{part:.0%}"


def factor(ratio: float) -> str:
    """How many times as good or bad, shortly."""
    return f"{ratio:,.0f}×" if ratio >= 9.95 else f"{ratio:.1f}×" if ratio >= 0.995 else f"{ratio:.2f}×"


def _three(value: float) -> str:
    """Three digits that count."""
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 100 else f"{value:.3g}"


def grid(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: bool = True) -> str:
    """A table in Markdown; `numbers`: all columns but the first go to the right."""
    rule = ["---"] + ["---:" if numbers else "---"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def sign(reached: bool) -> str:
    """Whether a bar is reached."""
    return "✓" if reached else "✕"


def show(rows: Sequence[Row], work: str, other: str, how: str) -> None:
    """Print the table: `work` and `other` head the first and the third column, `how` says what a figure is."""
    load = os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}, {how}\n")
    print(f"| {work} | nbflow | {other} | bar | |\n|---|---:|---:|---|---|")
    for row in rows:
        print(f"| {row.name} | {row.ours} | {row.other} | {row.bar} | {sign(row.reached)} |")
