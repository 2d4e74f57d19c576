"""The pictures of a run: nbflow in colour, the others in grey, light and without ornament."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.catalogue import TITLES
from benchmarks.results import OURS, Results
from benchmarks.rows import ms, per_second, seconds, us

OUR_COLOUR, THEIR_COLOUR, INK, PALE, FAINT = "#e4761b", "#b9c3cf", "#2b3440", "#7d8894", "#e6eaee"
HALO = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
LINES = {
    "nbflow": OUR_COLOUR,
    "pool": "#3f6f9f",
    "loky": "#6a9f58",
    "dask": "#8c6bb1",
    "parsl": "#c44e52",
    "ray": "#937860",
}
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#c5ccd3",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "white",
}

PANELS = (
    ("bag of 10,000", "Bag of 10,000 no-ops, tasks/s", per_second, True),
    ("round trip", "One call and its result", us, False),
    ("chain", "Chain of 1,000, a link", us, False),
    ("METG stencil", "Smallest task that pays, METG", us, False),
    ("array chain", "Chain of x + 1, 100 MB, a link", ms, False),
    ("start", "Start to first result", seconds, False),
)


def overview(results: Results, path: Path) -> None:
    """Six figures of all peers, each on a scale of ratios."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 5.6), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
        for axes, (name, title, text, rate) in zip(figure.subplots(2, 3).flat, PANELS, strict=True):
            values = {p: v for p in results.peers if (v := results.median(p, name))}
            _bars(axes, values, text, rate)
            axes.set_title(title)
            better = "more is better" if rate else "less is better"
            axes.text(
                1, -0.02, better, transform=axes.transAxes, ha="right", va="top", fontsize=8, color=PALE
            )
        figure.supxlabel("bars on logarithmic scales", x=0.995, ha="right", fontsize=8, color=PALE)
        figure.savefig(path, dpi=130)


def _bars(axes: Any, values: Mapping[str, float], text: Any, rate: bool) -> None:
    """A bar for each peer, the best on top."""
    order = sorted(values, key=lambda peer: values[peer])
    lengths = [1 / values[peer] if rate else values[peer] for peer in order]
    colours = [OUR_COLOUR if peer == OURS else THEIR_COLOUR for peer in order]
    axes.barh(range(len(order)), lengths, color=colours, height=0.72)
    _names(axes, order)
    axes.set_xscale("log")
    if lengths:
        axes.set_xlim(min(lengths) / 2.5, max(lengths) * 6)
    for place, (length, peer) in enumerate(zip(lengths, order, strict=True)):
        axes.text(length * 1.12, place, text(values[peer]), va="center", fontsize=8.5)
    axes.xaxis.set_visible(False)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _names(axes: Any, order: Sequence[str]) -> None:
    """The peers down the side, the first on top."""
    axes.set_yticks(range(len(order)), [TITLES[peer] for peer in order])
    for label, peer in zip(axes.get_yticklabels(), order, strict=True):
        label.set_fontweight("bold" if peer == OURS else "normal")
    axes.invert_yaxis()


def busy(results: Results, path: Path) -> None:
    """What a computing notebook makes of its background work: times as long as beside an idle one."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        titles = {"busy chain ratio": "Chain of 200", "busy bag ratio": "Bag of 2,000"}
        for axes, (name, title) in zip(figure.subplots(1, 2), titles.items(), strict=True):
            values = {p: v for p in results.peers if (v := results.median(p, name))}
            order = sorted(values, key=lambda peer: values[peer])
            widths = [values[peer] for peer in order]
            axes.barh(
                range(len(order)),
                widths,
                height=0.72,
                color=[OUR_COLOUR if p == OURS else THEIR_COLOUR for p in order],
            )
            for place, width in enumerate(widths):
                axes.text(
                    width + max(widths) * 0.015, place, f"{width:.1f}×", va="center", fontsize=8.5, bbox=HALO
                )
            axes.set_xlim(0, max(widths, default=1) * 1.15)
            _names(axes, order)
            axes.axvline(1, color=INK, linewidth=0.8, linestyle=":", zorder=0)
            axes.set_title(f"{title}: time while the notebook computes,\nas against idle", fontsize=9)
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(axis="y", length=0)
        figure.savefig(path, dpi=130)


def bags(results: Results, path: Path) -> None:
    """Tasks a second by the size of the bag."""
    sizes = (1_000, 10_000, 100_000)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7, 3.6), layout="constrained")
        axes = figure.subplots()
        for peer in results.peers:
            points = [(n, 1 / v) for n in sizes if (v := results.median(peer, f"bag of {n:,}"))]
            if points:
                _line(axes, points, TITLES[peer], LINES[peer], peer == OURS)
        axes.set_yscale("log")
        axes.set_title("Tasks a second, by the size of the bag")
        _sizes(axes, sizes)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        figure.savefig(path, dpi=130)


def scale(costs: Mapping[str, Mapping[int, float]], path: Path) -> None:
    """Microseconds a task by the number of tasks; a flat line is what is wanted."""
    colours = [OUR_COLOUR, "#3f6f9f", "#6a9f58", "#8c6bb1", "#c44e52", "#937860"]
    numbers = {size for line in costs.values() for size in line}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.5, 3.8), layout="constrained")
        axes = figure.subplots()
        for (title, line), colour in zip(costs.items(), colours, strict=False):
            x, y = zip(*sorted(line.items()), strict=True)
            axes.plot(x, [1e6 * value for value in y], color=colour, marker="o", markersize=4.5, label=title)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_title("Microseconds a task, by the number of tasks")
        _sizes(
            axes, [10**n for n in range(3, 8) if min(numbers, default=1) <= 10**n <= max(numbers, default=1)]
        )
        if numbers:
            axes.set_xlim(min(numbers) * 0.8, max(numbers) * 1.25)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
        figure.savefig(path, dpi=130)


def _line(axes: Any, points: Sequence[tuple[int, float]], title: str, colour: str, bold: bool) -> None:
    x, y = zip(*points, strict=True)
    axes.plot(x, y, color=colour, marker="o", markersize=4.5, linewidth=2.4 if bold else 1.5)
    axes.annotate(
        title,
        (x[-1], y[-1]),
        xytext=(7, 0),
        textcoords="offset points",
        va="center",
        color=colour,
        fontsize=8.5,
        fontweight="bold" if bold else "normal",
    )


def _sizes(axes: Any, sizes: Sequence[int]) -> None:
    """The axis of numbers of tasks, with room for the lines' names."""
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.xaxis.set_minor_formatter(NullFormatter())
    if sizes:
        axes.set_xlim(min(sizes) * 0.8, max(sizes) * (max(sizes) / min(sizes)) ** 0.28)
    axes.set_xlabel("tasks")
    axes.grid(axis="y", color=FAINT)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
