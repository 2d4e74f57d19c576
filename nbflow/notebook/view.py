"""What is drawn: from the tasks' rows to a scene of nodes and edges with their places.

Pure. A scene holds the structure, which changes only when tasks or needs are added; how the tasks stand is told beside
it, one byte a task (`board`). The page (`static/graph/`) and the still picture (`still`) draw the same scene.

    rows ──> needs and spawns ──> layers ──> groups (`fold`) ──> boxes ──> places (`layout`) ──> Scene
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from nbflow.legible import shorten
from nbflow.notebook.boxes import Box, boxes
from nbflow.notebook.fold import MOST_NODES, fold
from nbflow.notebook.layout import Layout, Pair, lay_out, layers_of
from nbflow.notebook.marks import RECALLED, ended
from nbflow.wire.rows import TaskRow

NEED, SPAWN, IMPLIED = 0, 1, 2


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
    cell: int  # side of a cell; 0 for a pill, which stands for one task
    pitch: int  # from one cell to the next
    columns: int
    top: int  # from the upper side to the first cell
    items: int = 0  # of a sweep, whose parts its tasks are; 0 = they are none


class Edge(msgspec.Struct, frozen=True):
    """From node `source` to node `target`, through `points` (x0, y0, x1, y1, ...).

    `kind` is NEED, SPAWN (the source called the target) or IMPLIED: a longer way tells it already, so it is drawn
    only for the task that somebody looks at.
    """

    source: int
    target: int
    kind: int
    points: list[int]


class Scene(msgspec.Struct, frozen=True):
    """Everything of the picture that does not change while tasks only run."""

    name: str
    ids: list[int]
    details: list[str]  # of each task; empty where there are very many tasks
    nodes: list[Node]
    edges: list[Edge]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Links:
    """Who needs whom and who called whom, as pairs (source, target) of indices into the rows."""

    needs: list[Pair]
    spawns: list[Pair]


def links_of(rows: Sequence[TaskRow]) -> Links:
    """The links between rows. What is not among the rows is left out, and a join's needs of its own calls too."""
    index = {row.id: i for i, row in enumerate(rows)}
    parent = {row.id: row.parent for row in rows if row.parent is not None}
    needs: list[Pair] = []
    spawns: list[Pair] = []
    for i, row in enumerate(rows):
        if row.parent is not None and row.parent in index:
            spawns.append((index[row.parent], i))
        # A join takes the results of what it called; the dashed edge to it tells that already, in time's direction.
        needs += [(index[need], i) for need in dict.fromkeys(row.needs)
                  if need in index and need != row.id and parent.get(need) != row.id]  # fmt: skip
    return Links(needs, spawns)


def build(name: str, rows: Sequence[TaskRow]) -> Scene:
    """The scene of `rows`, which are in the order of submission. Costs milliseconds up to some thousand tasks."""
    links = links_of(rows)
    apps = [shorten(row.app) for row in rows]
    groups = _grouped(apps, rows, links)
    group_of = [0] * len(rows)
    for number, group in enumerate(groups):
        for task in group:
            group_of[task] = number
    needs, spawns = _between(links.needs, group_of), _between(links.spawns, group_of)
    layers = layers_of(len(groups), needs, spawns)
    inside: list[list[int]] = [[] for _ in groups]
    for caller, called in links.spawns:
        inside[group_of[caller]].append(called)
    details = [shorten(row.detail) for row in rows]
    items = [0 if row.part is None else row.part.total for row in rows]
    shapes = boxes(groups, layers, apps, details, [bool(called) for called in inside], items)
    known = set(needs)
    spawns = [pair for pair in spawns if pair not in known]
    hidden = implied(layers, [*needs, *spawns])
    needs = [pair for pair in needs if pair not in hidden]
    spawns = [pair for pair in spawns if pair not in hidden]
    placed = lay_out([(shape.w, shape.h) for shape in shapes], layers, [*needs, *spawns])
    return Scene(
        name=shorten(name),
        ids=[row.id for row in rows],
        details=[shorten(detail, 120) for detail in details] if len(rows) <= 2 * MOST_NODES else [],
        nodes=[
            _node(placed.x[n], placed.y[n], shapes[n], apps[group[0]], group, inside[n], items[group[0]])
            for n, group in enumerate(groups)
        ],
        edges=_edges(needs, spawns, hidden, shapes, placed),
        width=placed.width,
        height=placed.height,
    )


def _grouped(apps: Sequence[str], rows: Sequence[TaskRow], links: Links) -> list[list[int]]:
    """The tasks that share a node: those of one sweep always, all others as the size of the picture asks for."""
    layers = layers_of(len(rows), links.needs, links.spawns)
    others = [i for i, row in enumerate(rows) if row.part is None]
    if len(others) == len(rows):
        return fold(apps, layers, links.needs, links.spawns)
    place = {task: n for n, task in enumerate(others)}
    needs, spawns = (
        [(place[a], place[b]) for a, b in pairs if a in place and b in place]
        for pairs in (links.needs, links.spawns)
    )
    folded = fold([apps[task] for task in others], [layers[task] for task in others], needs, spawns)
    sweeps: dict[int, list[int]] = {}
    for task, row in enumerate(rows):
        if row.part is not None:
            sweeps.setdefault(row.part.sweep, []).append(task)
    groups = [[others[n] for n in group] for group in folded]
    return sorted([*groups, *sweeps.values()], key=lambda group: group[0])


def _node(x: int, y: int, box: Box, app: str, tasks: list[int], inside: list[int], items: int) -> Node:
    return Node(
        x=x, y=y, w=box.w, h=box.h, app=app, title=box.title, detail=box.detail, tasks=tasks, inside=inside,
        cell=box.cell, pitch=box.pitch, columns=box.columns, top=box.top, items=items,
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


def _edges(
    needs: Sequence[Pair],
    spawns: Sequence[Pair],
    hidden: Iterable[Pair],
    shapes: Sequence[Box],
    placed: Layout,
) -> list[Edge]:
    routed = [*((pair, NEED) for pair in needs), *((pair, SPAWN) for pair in spawns)]
    edges = [Edge(a, b, kind, points) for ((a, b), kind), points in zip(routed, placed.routes, strict=True)]
    x, y = placed.x, placed.y
    for a, b in sorted(hidden):
        points = [x[a] + shapes[a].w, y[a] + shapes[a].h // 2, x[b], y[b] + shapes[b].h // 2]
        edges.append(Edge(a, b, IMPLIED, points))
    return edges


def _between(pairs: Iterable[Pair], group_of: Sequence[int]) -> list[Pair]:
    """The pairs of different groups, each once, in order."""
    seen = dict.fromkeys((group_of[a], group_of[b]) for a, b in pairs)
    return [pair for pair in seen if pair[0] != pair[1]]


def edge_path(points: Sequence[int]) -> str:
    """The edge as an SVG path: level where it starts and ends. The page computes the same (`cases/paths.json`)."""
    x, y = points[0], points[1]
    path = [f"M{x} {y}"]
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
