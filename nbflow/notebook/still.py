"""The graph as a still picture: what a saved notebook shows without a kernel.

Pure. `svg` draws the scene that the page draws, as text that stands for itself: no script, no reference, every text of
the user's escaped by `text.escape`. What a notebook saves of it, and beside it, is `saved`'s subject.

The picture brings its own ground, so it can be read on any page, and follows the reader's preference for dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nbflow.legible import shorten
from nbflow.notebook.board import Board
from nbflow.notebook.boxes import BAR_HEIGHT, BESIDE, DETAIL_SIZE, FOOT, MARGIN, PILL_TEXT_LEFT, SLIM_HEIGHT
from nbflow.notebook.marks import MARKS, ORDER, ended, fitting, sentence
from nbflow.notebook.text import escape, fit, seconds, width
from nbflow.notebook.timeline import Timeline, timeline
from nbflow.notebook.view import (
    IMPLIED,
    NEED,
    SPAWN,
    Node,
    Scene,
    build,
    edge_path,
    field_gaps,
    field_paths,
    note,
)
from nbflow.wire.rows import Progress, TaskRow

FRAMED = ("running", "retrying", "not responding", "failed")
"""The frame of a node has the colour of such a state: under way, or in need of somebody."""

SIGNED = 14
"""Pixels from which on a cell has room for its state's sign."""

_NARROWEST, _WIDEST = 700, 1100
_SIDE = 16
_LANE = 18
_LABEL = 66
_MOST_LANES = 8

_LIGHT = "--g:#fff;--t:#1f2328;--m:#656d76;--l:#d8dee4;--c:#f6f8fa;--o:#fff;--w:#c3cad2;"
_DARK = "--g:#111418;--t:#e6e9ed;--m:#98a2ad;--l:#2b3138;--c:#181c21;--o:#111418;--w:#4a525c;"
_RULES = """
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--t)}
.n{font-weight:600}tspan.d{font-weight:400}.d{font-size:10.5px;fill:var(--m)}.h{font-size:13px;fill:var(--m)}
.h .n{font-size:14px;fill:var(--t)}.s{font-size:11px;fill:var(--m)}
.g{fill:var(--g);stroke:var(--l)}.c{fill:var(--c);stroke:var(--l);stroke-width:1.2}
.e{fill:none;stroke:var(--l);stroke-width:1.4}.p{stroke-dasharray:4 4}.l{stroke:var(--l)}.r{stroke:var(--c)}
.i{fill:none;stroke:var(--o);stroke-width:1.9;stroke-linecap:round;stroke-linejoin:round}
"""


@dataclass(frozen=True, slots=True)
class Still:
    """A flow at one moment, ready to be drawn."""

    scene: Scene
    board: Board
    timeline: Timeline
    elapsed: float  # seconds
    notice: str = ""  # what is to be said of the whole flow: that its scheduler has died


def still(name: str, rows: Iterable[TaskRow], now: float) -> Still:
    """The flow `name` with these rows as it stands at `now` (seconds since the epoch)."""
    board = Board()
    board.update(rows)
    return Still(build(name, board.rows), board, timeline(board.rows, board.started, now), board.elapsed(now))


def svg(picture: Still) -> str:
    """The picture as an SVG document of at most 1,100 by some hundreds of pixels."""
    scene = picture.scene
    wide = min(_WIDEST, max(_NARROWEST, scene.width + 2 * _SIDE + 4))
    head, y = _head(picture, wide)
    scale = min(1.0, (wide - 2 * _SIDE) / max(scene.width, 1))
    x = (wide - scene.width * scale) / 2
    graph = [f'<g transform="translate({x:.1f} {y + 20}) scale({scale:.4f})">', *_graph(picture), "</g>"]
    y += round(scene.height * scale) + 40
    strip, high = _strip(picture, y, wide)
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}"',
            f' viewBox="0 0 {wide} {high}" role="img" aria-label="{escape(caption(picture))}">',
            f"<style>{_style()}</style>",
            f'<clipPath id="k"><rect width="{wide}" height="{high}" rx="12"/></clipPath>',
            f'<rect class="g" x=".5" y=".5" width="{wide - 1}" height="{high - 1}" rx="11.5"/><g clip-path="url(#k)">',
            *head,
            "</g>",
            *graph,
            *strip,
            "</svg>",
        ]
    )


def caption(picture: Still) -> str:
    """The picture in one sentence: name and counts."""
    return f"{shorten(picture.scene.name)}: {sentence(picture.board.counts)}"


def _style() -> str:
    light = _LIGHT + "".join(f"--{i}:{mark.light};" for i, mark in enumerate(MARKS))
    dark = _DARK + "".join(f"--{i}:{mark.dark};" for i, mark in enumerate(MARKS))
    marks = "".join(
        f".f{i}{{fill:var(--{'w' if i == 0 else i})}}.k{i}{{stroke:var(--{i})}}.t{i}{{fill:var(--{i})}}"
        for i in range(len(MARKS))
    )
    return f"svg{{{light}}}@media(prefers-color-scheme:dark){{svg{{{dark}}}}}{_RULES}{marks}".replace(
        "\n", ""
    )


def _head(picture: Still, wide: int) -> tuple[list[str], int]:
    """Name, counts and elapsed time, the bar under them, and where the bar ends."""
    board = picture.board
    name = shorten(picture.scene.name, 60)
    told = [(mark, board.tally[mark]) for mark in ORDER if board.tally[mark]]
    words = [f"{MARKS[mark].sign} {count} {MARKS[mark].word}" for mark, count in told]
    length = width(name, 14, bold=True) + sum(width(word, 13) + 16 for word in words) + 100
    spans = [
        f'<tspan dx="16" class="t{mark}">{MARKS[mark].sign}</tspan><tspan> {count} {MARKS[mark].word}</tspan>'
        for mark, count in told
    ]
    spans.append(f'<tspan dx="16">{escape(seconds(picture.elapsed))}</tspan>')
    title = f'<tspan class="n">{escape(name)}</tspan>'
    if length > wide - 2 * _SIDE:  # two lines
        text = f'<text class="h" x="16" y="26">{title}</text><text class="h" x="0" y="48">{"".join(spans)}</text>'
        bottom = 62
    else:
        text, bottom = f'<text class="h" x="16" y="26">{title}{"".join(spans)}</text>', 41
    bar, x = [f'<rect x="0" y="{bottom}" width="{wide}" height="4" style="fill:var(--l)"/>'], 0.0
    for mark, count in told:
        if mark:
            long = wide * count / sum(board.tally)
            bar.append(f'<rect class="f{mark}" x="{x:.1f}" y="{bottom}" width="{long:.1f}" height="4"/>')
            x += long
    return [text, *bar], bottom + 4


def _graph(picture: Still) -> Iterable[str]:
    scene, status = picture.scene, picture.board.status
    for kind, name in ((NEED, "e"), (SPAWN, "e p")):
        path = "".join(
            edge_path(edge.points, edge.curved) for edge in scene.edges if edge.kind == kind != IMPLIED
        )
        yield f'<path class="{name}" d="{path}"/>' if path else ""
    for node in scene.nodes:
        yield f'<g transform="translate({node.x} {node.y})">'
        if node.cell:
            yield from _block(node, status, picture.board.parts)
        elif node.top:
            yield from _summary(node, status, picture.board.parts)
        else:
            yield from _pill(node, status, picture.board.progress.get(node.tasks[0]))
        yield "</g>"


def _pill(node: Node, status: Sequence[int], said: Progress | None) -> Iterable[str]:
    mark = status[node.tasks[0]]
    middle = node.h // 2
    text = "" if said is None else fit(said.text, node.room, DETAIL_SIZE)
    line = text or note(node, status)
    frame = f' style="stroke:var(--{mark})"' if MARKS[mark].word in FRAMED else ""
    yield f'<rect class="c"{frame} width="{node.w}" height="{node.h}" rx="9"/>'
    yield f'<circle class="f{mark}" cx="18" cy="{middle}" r="9"/>'
    yield _sign(mark, f"translate(10 {middle - 8})")
    beside = node.h <= SLIM_HEIGHT
    base = middle - 2.5 if line and not beside else middle + 4.2
    more = f'<tspan class="d" dx="{BESIDE}">{escape(line)}</tspan>' if line and beside else ""
    yield f'<text class="n" x="{PILL_TEXT_LEFT}" y="{base}">{escape(node.title)}{more}</text>'
    if line and not beside:
        yield f'<text class="d" x="{PILL_TEXT_LEFT}" y="{middle + 11}">{escape(line)}</text>'
    over = None if said is None else said.fraction
    if over is None and node.inside:
        over = sum(ended(status[task]) for task in node.inside) / len(node.inside)
    if over is not None and not ended(mark):
        foot = f'y="{node.h - 4}" height="2" rx="1"'
        yield f'<rect x="10" width="{node.w - 20}" {foot} style="fill:var(--l)"/>'
        yield f'<rect class="f2" x="10" width="{(node.w - 20) * over:.1f}" {foot}/>'


def _block(
    node: Node, status: Sequence[int], parts: Mapping[int, Sequence[tuple[int, int]]]
) -> Iterable[str]:
    yield f'<rect class="c" width="{node.w}" height="{node.h}" rx="11"/>'
    yield f'<text class="n" x="{MARGIN}" y="19">{escape(node.title)}</text>'
    if node.detail:
        yield f'<text class="d" x="{MARGIN}" y="34">{escape(node.detail)}</text>'
    side = node.cell
    if side >= SIGNED:
        for slot, task in enumerate(node.tasks):
            mark = status[task]
            x = MARGIN + slot % node.columns * node.pitch
            y = node.top + slot // node.columns * node.pitch
            outline = ' style="stroke:var(--t);stroke-width:1.4"' if MARKS[mark].word == "failed" else ""
            yield f'<rect class="f{mark}"{outline} x="{x}" y="{y}" width="{side}" height="{side}" rx="3.5"/>'
            yield _sign(mark, f"translate({x + 1.4:.1f} {y + 1.4:.1f}) scale(.7)")
    else:
        for mark, path in sorted(field_paths(node, status).items()):
            yield f'<path class="f{mark}" d="{path}"/>'
        yield f'<path class="r" stroke-width="{node.pitch - side}" d="{field_gaps(node)}"/>'
    if len(node.tasks) > node.columns or node.items:
        yield from _counts(node, _tally(node, status, parts))


def _summary(
    node: Node, status: Sequence[int], parts: Mapping[int, Sequence[tuple[int, int]]]
) -> Iterable[str]:
    tally = _tally(node, status, parts)
    x, inner, total = float(MARGIN), node.w - 2 * MARGIN, max(1, sum(tally))
    yield f'<rect class="c" width="{node.w}" height="{node.h}" rx="11"/>'
    yield f'<text class="n" x="{MARGIN}" y="19">{escape(node.title)}</text>'
    foot = f'y="{node.top}" height="{BAR_HEIGHT}"'
    yield f'<rect x="{MARGIN}" width="{inner}" {foot} style="fill:var(--l)"/>'
    for mark in ORDER:
        if mark and tally[mark]:
            long = inner * tally[mark] / total
            yield f'<rect class="f{mark}" x="{x:.1f}" width="{long:.1f}" {foot}/>'
            x += long
    yield from _counts(node, tally)


def _tally(node: Node, status: Sequence[int], parts: Mapping[int, Sequence[tuple[int, int]]]) -> list[int]:
    tally = [0] * len(MARKS)
    for task in node.tasks:
        for told, count in parts.get(task) or ((status[task], 1),):
            tally[told] += count
    return tally


def _counts(node: Node, tally: Sequence[int]) -> Iterable[str]:
    """A line of counts at a node's foot."""
    x, y = MARGIN, node.h - FOOT + 5
    for mark, count in fitting(tally, node.w - 2 * MARGIN):
        yield _sign(mark, f"translate({x} {y}) scale(.8)", coloured=True)
        yield f'<text class="d" x="{x + 15}" y="{y + 11}">{count}</text>'
        x += 25 + 7 * len(str(count))


def _sign(mark: int, transform: str, *, coloured: bool = False) -> str:
    """A state's sign: in its colour, or on a disc of that colour."""
    colour = f"var(--{mark})" if coloured else "var(--m)" if mark == 0 else "var(--o)"
    style = f"stroke:{colour}" + (f";fill:{colour}" if MARKS[mark].solid else "")
    if mark == 0 and not coloured:
        style += ";stroke-width:1.4;opacity:.7"
    return f'<path class="i" style="{style}" transform="{transform}" d="{MARKS[mark].path}"/>'


def _strip(picture: Still, top: int, wide: int) -> tuple[list[str], int]:
    """The workers' strip and the height of the whole picture."""
    lanes = picture.timeline.lanes[:_MOST_LANES]
    if not lanes:
        return [], top
    drawn = [f'<path class="l" d="M1 {top}.5H{wide - 1}"/>']
    scale = (wide - 2 * _SIDE - _LABEL) / max(picture.timeline.span, 0.001)
    for i, lane in enumerate(lanes):
        y = top + 10 + i * _LANE
        drawn.append(
            f'<text class="s" text-anchor="end" x="{_SIDE + _LABEL - 8}" y="{y + 11}">worker {lane.worker}</text>'
        )
        for start, end, mark, _ in lane.bars:
            long = ((picture.timeline.span if end < 0 else end) - start) * scale
            x = _SIDE + _LABEL + start * scale
            least = 3 if MARKS[mark].word == "failed" else 0.8
            long, corner = (long - 1.2, 2.5) if long > 4 else (max(least, long), 0)
            drawn.append(
                f'<rect class="f{mark}" x="{x:.1f}" y="{y + 1}" width="{long:.1f}" height="13" rx="{corner}"/>'
            )
    rest = len(picture.timeline.lanes) - len(lanes)
    y = top + 12 + len(lanes) * _LANE
    if rest:
        drawn.append(f'<text class="s" x="{_SIDE + _LABEL}" y="{y + 10}">and {rest} more workers</text>')
        y += 16
    return drawn, y + 6
