"""In which order the vertices of each layer stand, so that few edges cross.

Pure and deterministic. `layout` gives the layers and the links between neighbouring layers, and places what comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Pair = tuple[int, int]

_SWEEPS = 6
_EXCHANGES = 3
_SMALL = 2_000  # vertices and links up to which neighbours are exchanged: that cost grows with their product


def order_layers(layer: Sequence[int], links: Sequence[Pair]) -> list[list[int]]:
    """The vertices of each layer from top to bottom.

    `layer` is the layer of each vertex, `links` are (left, right) between neighbouring layers. The order of the
    vertices' numbers is where the search starts, and what stays where it is as good as any other.
    """
    columns: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    for vertex, k in enumerate(layer):
        columns[k].append(vertex)
    before: list[list[int]] = [[] for _ in layer]
    after: list[list[int]] = [[] for _ in layer]
    for u, v in links:
        after[u].append(v)
        before[v].append(u)
    best, fewest = [list(column) for column in columns], crossings(columns, after)
    for turn in range(_SWEEPS):
        if not fewest:
            break
        forward = turn % 2 == 0
        _sweep(columns, before if forward else after, forward)
        now = crossings(columns, after)
        if now < fewest:
            best, fewest = [list(column) for column in columns], now
    if fewest and len(layer) + len(links) <= _SMALL:
        _exchange(best, before, after)
    return best


def crossings(columns: Sequence[Sequence[int]], after: Sequence[Sequence[int]]) -> int:
    """How many pairs of links cross: inversions, counted with a Fenwick tree in each gap between two layers."""
    total = 0
    for left, right in pairwise(columns):
        place = {vertex: i for i, vertex in enumerate(right, 1)}
        size = len(right)
        tree = [0] * (size + 1)
        seen = 0
        for vertex in left:
            ends = [place[other] for other in after[vertex]]
            for end in ends:
                total += seen
                while end:
                    total -= tree[end]
                    end &= end - 1
            for end in ends:
                seen += 1
                while end <= size:
                    tree[end] += 1
                    end += end & -end
    return total


def _sweep(columns: list[list[int]], near: Sequence[Sequence[int]], forward: bool) -> None:
    """Sort each layer by the mean place of its vertices' neighbours in the layer that was sorted before it."""
    place: dict[int, float] = {}
    for k in range(len(columns)) if forward else range(len(columns) - 1, -1, -1):
        column = columns[k]
        wanted = {vertex: (i + 0.5) / len(column) for i, vertex in enumerate(column)}
        for vertex in column:
            others = near[vertex]
            if others:
                wanted[vertex] = sum(place[other] for other in others) / len(others)
        column.sort(key=wanted.__getitem__)
        place = {vertex: (i + 0.5) / len(column) for i, vertex in enumerate(column)}


def _exchange(
    columns: list[list[int]], before: Sequence[Sequence[int]], after: Sequence[Sequence[int]]
) -> None:
    """Let neighbours within a layer change places where that takes crossings away."""
    place = {vertex: i for column in columns for i, vertex in enumerate(column)}
    for _ in range(_EXCHANGES):
        changed = False
        for column in columns:
            for i in range(len(column) - 1):
                u, v = column[i], column[i + 1]
                gain = 0
                for near in (before, after):
                    ours, theirs = sorted(place[w] for w in near[u]), sorted(place[w] for w in near[v])
                    gain += _inversions(ours, theirs) - _inversions(theirs, ours)
                if gain > 0:
                    column[i], column[i + 1] = v, u
                    place[u], place[v] = i + 1, i
                    changed = True
        if not changed:
            return


def _inversions(upper: list[int], lower: list[int]) -> int:
    """Crossings between the links of two vertices, the one with `upper` standing above; both sorted."""
    total = below = 0
    for end in upper:
        while below < len(lower) and lower[below] < end:
            below += 1
        total += below
    return total
