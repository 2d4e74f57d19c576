"""Where the nodes of a graph stand: layers from left to right, as time goes.

Pure and deterministic: the same graph, in the same order, gives the same picture. It knows sizes and edges by number,
not what they mean. No recursion, so a chain may be as long as it likes.

    layers_of   longest path: each node stands right of all it needs
    lay_out     1. long edges become chains of dummies, one a layer
                2. order within the layers: barycentre sweeps from the order given, the best kept; then, in small
                   graphs, neighbours change places as long as that takes crossings away
                3. heights: least squares towards the neighbours, kept apart (pool adjacent violators)
                4. columns as wide as their widest node, gaps that grow with the slope of their edges
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nbflow.notebook.ordering import order_layers

Pair = tuple[int, int]

GAP, CLOSE = 14, 4
"""Pixels between two nodes of a column, and between two that are low."""
LOW = 24
"""Pixels of height up to which a node is low."""
_COLUMN_GAP = 30
_STEEP = 26  # more pixels between two columns, at most, where edges climb far
_PASSES = 6
_MOST_DUMMIES = 6  # for each node; an edge beyond that is drawn straight through


@dataclass(frozen=True, slots=True)
class Layout:
    """Left upper corners of the nodes, and the points of each edge: x0, y0, x1, y1, ... All whole pixels.

    `curved`: the points are those of Bezier curves, a start and then three for each.
    """

    x: list[int]
    y: list[int]
    routes: list[list[int]]
    width: int
    height: int
    curved: bool = False


def layers_of(count: int, needs: Iterable[Pair], spawns: Iterable[Pair] = ()) -> list[int]:
    """The layer of each of `count` nodes, from 0.

    `needs` are (source, target): the target stands at least one layer right of the source. `spawns` are (caller,
    called): the called node stands right of its caller, and whatever needs the caller stands right of all that it
    called. A cycle is broken at its first node. A node that needs nothing stands next to what needs it first.
    """
    spawned = sorted(set(spawns))
    needed = sorted({pair for pair in needs if pair[0] != pair[1]})
    if not needed and not spawned:
        return [0] * count
    # The end of a caller: a point after all that it called. Others end where they stand.
    end = list(range(count))
    for caller, _ in spawned:
        if end[caller] == caller:
            end[caller] = len(end)
            end.append(end[caller])
    arcs: list[tuple[int, int, int]] = [(end[a], b, 1) for a, b in needed]
    arcs += [(caller, end[caller], 0) for caller in range(count) if end[caller] != caller]
    for caller, called in spawned:
        if caller != called:
            arcs += [(caller, called, 1), (end[called], end[caller], 0)]
    return _pack(_ranked(len(end), count, arcs)[:count])


def _ranked(total: int, count: int, arcs: Sequence[tuple[int, int, int]]) -> list[int]:
    """Longest paths over `arcs` of (source, target, length); then the sources are drawn to their first target."""
    out: list[list[Pair]] = [[] for _ in range(total)]
    missing = [0] * total
    for a, b, length in arcs:
        out[a].append((b, length))
        missing[b] += 1
    roots = [node for node in range(total) if not missing[node]]
    rank, placed, ready = [0] * total, [False] * total, deque(roots)
    untried = 0
    for _ in range(total):
        if not ready:  # a cycle: its first node is placed as if its other needs were not there
            while placed[untried]:
                untried += 1
            ready.append(untried)
        node = ready.popleft()
        placed[node] = True
        for b, length in out[node]:
            missing[b] -= 1
            if not placed[b]:
                rank[b] = max(rank[b], rank[node] + length)
                if not missing[b]:
                    ready.append(b)
    for node in roots:
        if out[node] and node < count:
            rank[node] = max(0, min(rank[b] - length for b, length in out[node]))
    return rank


def _pack(ranks: list[int]) -> list[int]:
    """The same order of layers without the empty ones."""
    number = {rank: k for k, rank in enumerate(sorted(set(ranks)))}
    return [number[rank] for rank in ranks]


def lay_out(sizes: Sequence[Pair], layers: Sequence[int], edges: Sequence[Pair]) -> Layout:
    """Place nodes of (width, height) in their layers, and route the edges between them.

    Nodes of a layer do not overlap; among equals the order of the nodes given is kept. An edge that does not lead to
    a later layer is drawn straight.
    """
    count = len(sizes)
    if not count:
        return Layout([], [], [[] for _ in edges], 0, 0)
    vertex_layer, chains, links = _with_dummies(count, layers, edges)
    columns = order_layers(vertex_layer, links)
    heights = [size[1] for size in sizes] + [0] * (len(vertex_layer) - count)
    middle = _middles(columns, links, heights, count)
    # An edge may pass above all nodes, or below: the picture holds it too.
    top = round(min(m - heights[v] // 2 for v, m in enumerate(middle)))
    centre = [round(m) - top + 1 for m in middle]
    y = [centre[v] - heights[v] // 2 for v in range(count)]
    wide = [max((sizes[v][0] for v in column if v < count), default=0) for column in columns]
    left = _column_starts(wide, links, vertex_layer, centre)
    x = [left[layers[v]] + (wide[layers[v]] - sizes[v][0]) // 2 for v in range(count)]
    routes = [
        _route(chain, x, sizes, centre, [(left[layer], left[layer] + wide[layer]) for layer in
                                         (vertex_layer[d] for d in chain[1:-1])])
        for chain in chains
    ]  # fmt: skip
    height = max(c + heights[v] - heights[v] // 2 for v, c in enumerate(centre)) + 1
    return Layout(x, y, routes, left[-1] + wide[-1], height)


def _with_dummies(
    count: int, layers: Sequence[int], edges: Sequence[Pair]
) -> tuple[list[int], list[list[int]], list[Pair]]:
    """The layer of each vertex (nodes, then dummies), the chain of vertices of each edge, the links between layers."""
    vertex_layer, chains = list(layers), []
    links: set[Pair] = set()
    most = count + _MOST_DUMMIES * count
    for a, b in edges:
        chain = [a]
        if len(vertex_layer) + layers[b] - layers[a] <= most:
            for layer in range(layers[a] + 1, layers[b]):
                chain.append(len(vertex_layer))
                vertex_layer.append(layer)
        chain.append(b)
        chains.append(chain)
        links.update((u, v) for u, v in pairwise(chain) if vertex_layer[v] - vertex_layer[u] == 1)
    return vertex_layer, chains, sorted(links)


def _middles(columns: list[list[int]], links: list[Pair], heights: list[int], count: int) -> list[float]:
    """The height at which the middle of each vertex stands."""
    before: list[list[int]] = [[] for _ in heights]
    after: list[list[int]] = [[] for _ in heights]
    for u, v in links:
        after[u].append(v)
        before[v].append(u)
    middle = [0.0] * len(heights)
    apart: list[list[float]] = []
    for column in columns:
        gaps = [0.0]
        gaps += [(heights[u] + heights[v]) / 2 + _gap(heights[u], heights[v]) for u, v in pairwise(column)]
        apart.append(gaps)
        for v, y in zip(column, _running(gaps), strict=True):
            middle[v] = y
    for turn in range(_PASSES):
        # The last two turns look both ways, so that a node stands between what it needs and what needs it.
        forward, both = turn % 2 == 0, turn >= _PASSES - 2
        for k in range(len(columns)) if forward else range(len(columns) - 1, -1, -1):
            column = columns[k]
            wanted = []
            for v in column:
                near = before[v] + after[v] if both else before[v] if forward else after[v]
                wanted.append(sum(middle[u] for u in near) / len(near) if near else middle[v])
            # Dummies weigh more: a long edge is straight first.
            weight = [1.0 if v < count else 4.0 for v in column]
            for v, y in zip(column, kept_apart(wanted, weight, apart[k]), strict=True):
                middle[v] = y
    return middle


def _gap(above: int, below: int) -> int:
    """Pixels between two neighbours of a column; an edge that passes has no height."""
    return CLOSE if 0 < above <= LOW and 0 < below <= LOW else GAP


def kept_apart(wanted: Sequence[float], weight: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """The values nearest to `wanted` (weighted least squares) of which each is `gaps[i]` or more above the one before.

    Pool adjacent violators: values that would come too close move together as one block. `gaps[0]` is not looked at.
    """
    offset = _running([0.0, *gaps[1:]]) if wanted else []
    blocks: list[tuple[float, float, int]] = []  # (weighted sum, weight, how many)
    for value, heavy, off in zip(wanted, weight, offset, strict=True):
        total, mass, size = heavy * (value - off), heavy, 1
        while blocks and blocks[-1][0] * mass > total * blocks[-1][1]:
            before = blocks.pop()
            total, mass, size = total + before[0], mass + before[1], size + before[2]
        blocks.append((total, mass, size))
    means = [total / mass for total, mass, size in blocks for _ in range(size)]
    return [mean + off for mean, off in zip(means, offset, strict=True)]


def _running(steps: Iterable[float]) -> list[float]:
    """Sums of the first step, of the first two, and so on."""
    sums, total = [], 0.0
    for step in steps:
        total += step
        sums.append(total)
    return sums


def _column_starts(wide: list[int], links: list[Pair], layer: list[int], centre: list[int]) -> list[int]:
    """The left side of each column."""
    climb = [0] * len(wide)
    for u, v in links:
        climb[layer[u]] = max(climb[layer[u]], abs(centre[u] - centre[v]))
    left = [0]
    for k in range(len(wide) - 1):
        left.append(left[k] + wide[k] + _COLUMN_GAP + min(_STEEP, climb[k] // 12))
    return left


def _route(
    chain: list[int], x: list[int], sizes: Sequence[Pair], centre: list[int], spans: list[Pair]
) -> list[int]:
    """From the right side of the first node through the columns of the dummies to the left side of the last node."""
    first, last = chain[0], chain[-1]
    points = [x[first] + sizes[first][0], centre[first]]
    for dummy, (begin, end) in zip(chain[1:-1], spans, strict=True):
        points += [begin, centre[dummy], end, centre[dummy]]
    return [*points, x[last], centre[last]]
