"""How big the nodes of the picture are, and what is written on them.

A task of its own is a pill; several are a block: a title, a grid of cells, a line of counts; or, where they are very
many, a summary: a title, a bar, a line of counts. Nodes of a layer are equally wide, so that a column has straight
sides. Pure; sizes are whole pixels.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

from nbflow.notebook.layout import LOW
from nbflow.notebook.text import fit, width

NAME_SIZE, DETAIL_SIZE = 12.0, 10.5
"""Type of a node's name and of its line of detail."""
PILL_HEIGHT, SLIM_HEIGHT = 36, LOW
"""Of a pill with its line of detail below its name, and of one with it beside."""
MOST_TALL = 12
"""Where more pills stand in a layer they are slim: 25 of them are no taller than a page."""
BESIDE = 7
"""Between the name of a slim pill and its line of detail."""
PILL_TEXT_LEFT = 34
"""Where a pill's text begins: right of its disc."""
MARGIN = 12
"""Between a block's sides and its cells, and right of a pill's text."""
FOOT = 24
"""Below a block's cells, for its counts; a single row of signed cells needs none."""

_PILL_TEXT = (54, 122)  # narrowest, widest
_SLIM_TEXT = 190  # widest
_PROGRESS_TEXT = 92  # "120 of 300 ended"
_HEAD, _HEAD_DETAIL = 28, 43  # above a block's cells, without and with a line of detail
_BLOCK_NARROWEST = 110
_SUMMARY_NARROWEST = 190
_BAR_TOP, _SUMMARY_HEIGHT = 30, 64
BAR_HEIGHT = 6
_LONGEST_ROW = 160
# Another task as an argument: an edge tells that already.
_REFERENCE = re.compile(r"(?<!\S)(?:[^\W\d]\w*=)?(?:a task|task \d+(?:\.\d+)?)(?!\S)")
_DETAIL_PARTS = re.compile(r"\s+(?=[^\W\d]\w*=)")


@dataclass(frozen=True, slots=True)
class Box:
    """A node's size and texts; `room`: of a pill, for its line of detail.

    `cell` is 0 for a pill and a summary, `top` for a pill alone.
    """

    w: int
    h: int
    title: str
    detail: str
    cell: int = 0
    pitch: int = 0
    columns: int = 0
    top: int = 0
    room: int = 0


def boxes(
    groups: Sequence[Sequence[int]],
    layers: Sequence[int],
    apps: Sequence[str],
    details: Sequence[str],
    progress: Sequence[bool],
    items: Sequence[int] = (),
    *,
    cells: bool = True,
) -> list[Box]:
    """A box for each group of tasks. `progress`: room is needed for how far the tasks called inside have come.

    `items`: of each task how many items the sweep has that it is a part of, 0 if it is of none. `cells`: a group is a
    block, not a summary.
    """
    titles = [
        f"{apps[group[0]]} · {_many(len(group), 'task')}"
        if not items or not items[group[0]]
        else f"{apps[group[0]]} · {_many(items[group[0]], 'item')}"
        for group in groups
    ]
    details = [" ".join(_REFERENCE.sub("", detail).split()) if detail else "" for detail in details]
    column: dict[int, list[int]] = {}
    for number, layer in enumerate(layers):
        column.setdefault(layer, []).append(number)
    made: dict[int, Box] = {}
    for numbers in column.values():
        swept = {number for number in numbers if items and items[groups[number][0]]}
        blocks = [number for number in numbers if len(groups[number]) > 1 or number in swept]
        pills = [number for number in numbers if number not in blocks]
        if cells:
            made |= _blocks({number: groups[number] for number in blocks}, titles, details, swept)
        else:
            made |= _summaries({number: titles[number] for number in blocks})
        made |= _pills({number: groups[number][0] for number in pills}, apps, details, progress)
    return [made[number] for number in range(len(groups))]


def _pills(
    tasks: dict[int, int], apps: Sequence[str], details: Sequence[str], progress: Sequence[bool]
) -> dict[int, Box]:
    siblings: dict[str, list[str]] = {}
    for task in tasks.values():
        siblings.setdefault(apps[task], []).append(details[task])
    shared = {app: common(texts) if len(texts) > 1 else [] for app, texts in siblings.items()}
    lines = {number: _without(details[task], shared[apps[task]]) for number, task in tasks.items()}
    least, most = _PILL_TEXT
    names = {number: width(apps[task], NAME_SIZE, bold=True) for number, task in tasks.items()}
    if len(tasks) > MOST_TALL:
        return _slim_pills(tasks, apps, names, lines, progress)
    text = least
    for number in tasks:
        needed = max(names[number], width(lines[number], DETAIL_SIZE))
        text = max(text, ceil(min(most, needed)), _PROGRESS_TEXT if progress[number] else 0)
    w = PILL_TEXT_LEFT + text + MARGIN
    return {
        number: Box(
            w,
            PILL_HEIGHT,
            fit(apps[task], text, NAME_SIZE, bold=True),
            fit(lines[number], text, DETAIL_SIZE),
            room=text,
        )
        for number, task in tasks.items()
    }


def _slim_pills(
    tasks: dict[int, int],
    apps: Sequence[str],
    names: dict[int, float],
    lines: dict[int, str],
    progress: Sequence[bool],
) -> dict[int, Box]:
    """All that is written stands in one line: the name, and beside it the detail."""
    least, most = _PILL_TEXT
    text, titles = least, {}
    for number, task in tasks.items():
        titles[number] = fit(apps[task], most, NAME_SIZE, bold=True)
        detail = max(width(lines[number], DETAIL_SIZE), _PROGRESS_TEXT if progress[number] else 0)
        text = max(text, min(_SLIM_TEXT, ceil(min(most, names[number]) + (BESIDE + detail if detail else 0))))
    made = {}
    for number, title in titles.items():
        room = max(0, text - BESIDE - ceil(width(title, NAME_SIZE, bold=True)))
        line = fit(lines[number], room, DETAIL_SIZE)
        made[number] = Box(PILL_TEXT_LEFT + text + MARGIN, SLIM_HEIGHT, title, line, room=room)
    return made


def _blocks(
    groups: dict[int, Sequence[int]], titles: Sequence[str], details: Sequence[str], swept: Container[int]
) -> dict[int, Box]:
    """`swept`: those that are sweeps, and always tell their counts."""
    if not groups:
        return {}
    cell, pitch, columns = grid(max(map(len, groups.values())))
    lines = {
        number: "" if number in swept else " ".join(common([details[task] for task in group]))
        for number, group in groups.items()
    }
    inner = max(_BLOCK_NARROWEST - 2 * MARGIN, columns * pitch - (pitch - cell))
    for number in groups:
        inner = max(inner, min(2 * _PILL_TEXT[1], ceil(width(titles[number], NAME_SIZE, bold=True))))
    columns = (inner + pitch - cell) // pitch
    made = {}
    for number, group in groups.items():
        line = fit(lines[number], inner, DETAIL_SIZE)
        top = _HEAD_DETAIL if line else _HEAD
        rows = ceil(len(group) / columns)
        h = top + rows * pitch - (pitch - cell) + (FOOT if rows > 1 or number in swept else MARGIN)
        title = fit(titles[number], inner, NAME_SIZE, bold=True)
        made[number] = Box(inner + 2 * MARGIN, h, title, line, cell, pitch, columns, top)
    return made


def _summaries(titles: dict[int, str]) -> dict[int, Box]:
    widest = max((ceil(width(title, NAME_SIZE, bold=True)) for title in titles.values()), default=0)
    inner = max(_SUMMARY_NARROWEST, min(2 * _PILL_TEXT[1], widest))
    return {
        number: Box(
            inner + 2 * MARGIN, _SUMMARY_HEIGHT, fit(title, inner, NAME_SIZE, bold=True), "", top=_BAR_TOP
        )
        for number, title in titles.items()
    }


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def grid(count: int) -> tuple[int, int, int]:
    """Side of a cell, distance of cells and cells a row for a block of `count` tasks, about twice as wide as high."""
    cell, pitch = (
        (14, 17) if count <= 300 else (9, 11) if count <= 600 else (5, 6) if count <= 5000 else (3, 4)
    )
    return cell, pitch, max(min(7, count), min(_LONGEST_ROW, ceil(sqrt(2.2 * count))))


def common(details: Iterable[str]) -> list[str]:
    """The arguments ("C=10.0") that all of these details tell alike.

    >>> common(["kind='svc' C=1.0 fold=0", "kind='svc' C=10.0 fold=0"])
    ["kind='svc'", 'fold=0']
    """
    shared: list[str] | None = None
    for detail in details:
        parts = _DETAIL_PARTS.split(detail)
        shared = (
            [part for part in parts if part] if shared is None else [part for part in shared if part in parts]
        )
        if not shared:
            return []
    return shared or []


def _without(detail: str, shared: Sequence[str]) -> str:
    """`detail` without the arguments that its siblings have too: what makes this task different."""
    return " ".join(part for part in _DETAIL_PARTS.split(detail) if part not in shared)
