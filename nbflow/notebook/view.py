"""What is drawn: from the tasks' rows to a scene of nodes and edges with their places.

Pure. A scene holds the structure, which changes only when tasks or needs are added; how the tasks stand is told beside
it, one byte a task (`board`). The page (`static/graph/`) and the still picture (`still`) draw the same scene.

    rows ──> needs and spawns ──> layers ──> groups (`fold`) ──> boxes ──> Draft ──> places (`layout`) ──> Scene
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from nbflow.legible import shorten
from nbflow.notebook.boxes import MARGIN, Box, boxes
from nbflow.notebook.fold import APPS, AUTO, DOT, MOST_FORCED, MOST_NODES, NODES, Folding, fold
from nbflow.notebook.layout import Layout, Pair, lay_out, layers_of
from nbflow.notebook.marks import RECALLED, ended
from nbflow.notebook.runs import packed
from nbflow.wire.rows import TaskRow

NEED, SPAWN, IMPLIED = 0, 1, 2
MOST_DETAILS = 600
"""Up to so many tasks the scene has their arguments as well."""


class Node(msgspec.Struct, frozen=True):
    """A box at its place. `tasks` and `inside` are indices into the scene's `ids`; all else is in whole pixels."""

    x: int
    y: int
    w: int
    h: int
    app: str
    title: str
    detail: str
    tasks: list[int]
    inside: list[int]  # tasks called inside these: their progress is the node's
    cell: int  # side of a cell; 0 for a pill, which stands for one task, and for a summary of very many
    pitch: int  # from one cell to the next
    columns: int
    top: int  # from the upper side to the first cell, or to a summary's bar; 0 for a pill
    items: int = 0  # of a sweep, whose parts its tasks are; 0 = they are none
    room: int = 0  # for a pill's line of detail, which may change


class Edge(msgspec.Struct, frozen=True):
    """From node `source` to node `target`, through `points` (x0, y0, x1, y1, ...).

    `kind` is NEED, SPAWN (the source called the target) or IMPLIED: a longer way tells it already, so it is drawn
    only for the task that somebody looks at.
    """

    source: int
    target: int
    kind: int
    points: list[int]
    curved: bool = False  # the points are those of Bezier curves: a start, then three for each curve


class Scene(msgspec.Struct, frozen=True):
    """Everything of the picture that does not change while tasks only run."""

    name: str
    layout: str  # what is drawn: one of `fold.LAYOUTS`, never AUTO
    ids: list[int]
    details: list[str]  # of each task; empty beyond `MOST_DETAILS` tasks
    nodes: list[Node]
    edges: list[Edge]
    width: int
    height: int


def sent(scene: Scene) -> dict[str, Any]:
    """The scene as the page is told it: the lists of tasks, which may be very long, as runs."""
    told: dict[str, Any] = msgspec.to_builtins(scene)
    told["ids"] = packed(scene.ids)
    for node in told["nodes"]:
        node["tasks"], node["inside"] = packed(node["tasks"]), packed(node["inside"])
    return told


@dataclass(frozen=True, slots=True)
class Links:
    """Who needs whom and who called whom, as pairs (source, target) of indices into the rows."""

    needs: list[Pair]
    spawns: list[Pair]


def links_of(rows: Sequence[TaskRow]) -> Links:
    """The links between rows. What is not among the rows is left out, and a join's needs of its own calls too."""
    linked = [(i, row) for i, row in enumerate(rows) if row.needs or row.parent is not None]
    needs: list[Pair] = []
    spawns: list[Pair] = []
    index = {row.id: i for i, row in enumerate(rows)} if linked else {}
    parent = {row.id: row.parent for _, row in linked if row.parent is not None}
    for i, row in linked:
        if row.parent is not None and row.parent in index:
            spawns.append((index[row.parent], i))
        # A join takes the results of what it called; the dashed edge to it tells that already, in time's direction.
        if row.needs:
            needs += [(index[need], i) for need in dict.fromkeys(row.needs)
                      if need in index and need != row.id and parent.get(need) != row.id]  # fmt: skip
    return Links(needs, spawns)


@dataclass(frozen=True, slots=True)
class Draft:
    """A graph of which everything is known but the places: nodes with their sizes, and the edges between them."""

    rows: Sequence[TaskRow]
    apps: list[str]
    details: list[str]
    items: list[int]  # of the sweep that a task is a part of, 0 = of none
    folding: Folding
    layers: list[int]
    shapes: list[Box]
    inside: list[list[int]]
    needs: list[Pair]
    spawns: list[Pair]
    hidden: set[Pair]  # edges that are not routed: a longer way tells them already

    @property
    def sizes(self) -> list[Pair]:
        """Width and height of each node."""
        return [(shape.w, shape.h) for shape in self.shapes]

    @property
    def edges(self) -> list[Pair]:
        """The edges that are routed."""
        return [*self.needs, *self.spawns]


def build(name: str, rows: Sequence[TaskRow], layout: str = AUTO) -> Scene:
    """The scene of `rows`, which are in the order of submission. Costs milliseconds up to some thousand tasks.

    `layout` is one of `fold.LAYOUTS`; `DOT` is drawn as `NODES` here (`graphviz_layout` has the places for it).
    """
    made = draft(rows, NODES if layout == DOT else layout)
    return place(name, made, lay_out(made.sizes, made.layers, made.edges))


def draft(rows: Sequence[TaskRow], layout: str = AUTO) -> Draft:
    """The graph of `rows`, folded as `layout` asks for where there are not too many of them for it."""
    links = links_of(rows)
    apps = [row.app for row in rows]
    short = {app: shorten(app) for app in set(apps)}
    apps = list(map(short.__getitem__, apps))
    if layout == NODES and len(rows) > MOST_FORCED:
        layout = AUTO
    folding = _grouped(apps, rows, links, layout)
    groups = folding.groups
    group_of = [0] * len(rows)
    for number, group in enumerate(groups):
        for task in group:
            group_of[task] = number
    needs, spawns = _between(links.needs, group_of), _between(links.spawns, group_of)
    layers = layers_of(len(groups), needs, spawns)
    # Only a pill tells what was called inside.
    inside: list[list[int]] = [[] for _ in groups]
    for caller, called in links.spawns:
        if len(groups[group_of[caller]]) == 1:
            inside[group_of[caller]].append(called)
    cells = folding.layout != APPS
    details = [""] * len(rows)
    for task in (task for group in groups if cells or len(group) == 1 for task in group):
        details[task] = shorten(rows[task].detail)
    items = [0 if row.part is None else row.part.total for row in rows]
    shapes = boxes(groups, layers, apps, details, [bool(called) for called in inside], items, cells=cells)
    known = set(needs)
    spawns = [pair for pair in spawns if pair not in known]
    hidden = implied(layers, [*needs, *spawns])
    needs = [pair for pair in needs if pair not in hidden]
    spawns = [pair for pair in spawns if pair not in hidden]
    return Draft(rows, apps, details, items, folding, layers, shapes, inside, needs, spawns, hidden)


def place(name: str, made: Draft, placed: Layout, layout: str = "") -> Scene:
    """The scene of a graph whose nodes stand as `placed` says. `layout`: how that is called, if not by its folding."""
    rows = made.rows
    return Scene(
        name=shorten(name),
        layout=layout or made.folding.layout,
        ids=[row.id for row in rows],
        details=[shorten(detail, 120) for detail in made.details] if len(rows) <= MOST_DETAILS else [],
        nodes=[
            _node(
                placed.x[n],
                placed.y[n],
                made.shapes[n],
                made.apps[group[0]],
                group,
                made.inside[n],
                made.items[group[0]],
            )
            for n, group in enumerate(made.folding.groups)
        ],
        edges=_edges(made, placed),
        width=placed.width,
        height=placed.height,
    )


def _grouped(apps: Sequence[str], rows: Sequence[TaskRow], links: Links, layout: str) -> Folding:
    """The tasks that share a node: those of one sweep always, all others as the size of the picture asks for."""
    layers = layers_of(len(rows), links.needs, links.spawns)
    others = [i for i, row in enumerate(rows) if row.part is None]
    if len(others) == len(rows):
        return fold(apps, layers, links.needs, links.spawns, layout)
    place = {task: n for n, task in enumerate(others)}
    needs, spawns = (
        [(place[a], place[b]) for a, b in pairs if a in place and b in place]
        for pairs in (links.needs, links.spawns)
    )
    folded = fold([apps[task] for task in others], [layers[task] for task in others], needs, spawns, layout)
    sweeps: dict[int, list[int]] = {}
    for task, row in enumerate(rows):
        if row.part is not None:
            sweeps.setdefault(row.part.sweep, []).append(task)
    groups = [[others[n] for n in group] for group in folded.groups]
    return Folding(sorted([*groups, *sweeps.values()], key=lambda group: group[0]), folded.layout)


def _node(x: int, y: int, box: Box, app: str, tasks: list[int], inside: list[int], items: int) -> Node:
    return Node(
        x=x, y=y, w=box.w, h=box.h, app=app, title=box.title, detail=box.detail, tasks=tasks, inside=inside,
        cell=box.cell, pitch=box.pitch, columns=box.columns, top=box.top, items=items,
        room=box.room,
    )  # fmt: skip


def implied(layers: Sequence[int], pairs: Sequence[Pair]) -> set[Pair]:
    """The edges that follow from others: a way of two or more edges leads from the source to the target as well."""
    if len(layers) > 2 * MOST_NODES:
        return set()  # as many bits for each node as there are nodes would be too many
    after: list[list[int]] = [[] for _ in layers]
    for a, b in pairs:
        if layers[a] < layers[b]:
            after[a].append(b)
    reached = [0] * len(layers)  # of each node, as a set of bits, itself included
    for node in sorted(range(len(layers)), key=lambda n: -layers[n]):
        reached[node] = 1 << node
        for b in after[node]:
            reached[node] |= reached[b]
    return {(a, b) for a, b in pairs if any(c != b and reached[c] >> b & 1 for c in after[a])}


def _edges(made: Draft, placed: Layout) -> list[Edge]:
    routed = [*((pair, NEED) for pair in made.needs), *((pair, SPAWN) for pair in made.spawns)]
    edges = [
        Edge(a, b, kind, points, placed.curved)
        for ((a, b), kind), points in zip(routed, placed.routes, strict=True)
    ]
    x, y, shapes = placed.x, placed.y, made.shapes
    for a, b in sorted(made.hidden):
        points = [x[a] + shapes[a].w, y[a] + shapes[a].h // 2, x[b], y[b] + shapes[b].h // 2]
        edges.append(Edge(a, b, IMPLIED, points))
    return edges


def _between(pairs: Iterable[Pair], group_of: Sequence[int]) -> list[Pair]:
    """The pairs of different groups, each once, in order."""
    seen = dict.fromkeys((group_of[a], group_of[b]) for a, b in pairs)
    return [pair for pair in seen if pair[0] != pair[1]]


def edge_path(points: Sequence[int], curved: bool = False) -> str:
    """The edge as an SVG path: level where it starts and ends. The page computes the same (`cases/paths.json`)."""
    x, y = points[0], points[1]
    path = [f"M{x} {y}"]
    if curved:
        return f"M{x} {y}C{' '.join(map(str, points[2:]))}"
    for i in range(2, len(points), 2):
        to_x, to_y = points[i], points[i + 1]
        if to_y == y:
            path.append(f"H{to_x}")
        else:
            middle = (x + to_x) // 2
            path.append(f"C{middle} {y} {middle} {to_y} {to_x} {to_y}")
        x, y = to_x, to_y
    return "".join(path)


def note(node: Node, status: Sequence[int]) -> str:
    """A pill's line of detail, as its task stands (`cases/notes.json`)."""
    if node.inside:
        over = sum(ended(status[task]) for task in node.inside)
        if ended(status[node.tasks[0]]):
            return f"called {len(node.inside)}"
        return f"{over} of {len(node.inside)} ended"
    return "recalled" if status[node.tasks[0]] == RECALLED else node.detail


def field_paths(node: Node, status: Sequence[int]) -> dict[int, str]:
    """Very many cells as one path for each mark: neighbours that stand alike are one stroke (`cases/fields.json`)."""
    paths: dict[int, list[str]] = {}
    marks = [status[task] for task in node.tasks]
    slot = 0
    while slot < len(marks):
        row, first = slot // node.columns, slot % node.columns
        end = min(len(marks), (row + 1) * node.columns)
        after = slot + 1
        while after < end and marks[after] == marks[slot]:
            after += 1
        x, y, long = MARGIN + first * node.pitch, node.top + row * node.pitch, (after - slot - 1) * node.pitch
        paths.setdefault(marks[slot], []).append(f"M{x} {y}h{long + node.cell}v{node.cell}H{x}z")
        slot = after
    return {mark: "".join(strokes) for mark, strokes in paths.items()}


def field_gaps(node: Node) -> str:
    """The lines between the columns of very many cells, as a path to be stroked in the colour of the ground."""
    rows = -(-len(node.tasks) // node.columns)
    long = rows * node.pitch
    gap = (node.pitch - node.cell) / 2
    return "".join(f"M{MARGIN + k * node.pitch - gap:g} {node.top}v{long}" for k in range(1, node.columns))
