"""Which tasks share one node of the picture.

Up to 300 tasks each task has its own sign, and is a node of its own as long as the picture stays readable: where a
layer would become taller than a page, tasks that play the same part fold into a block with a cell for each. Beyond
that, folding goes on until the picture is small: first tasks with the same app and equal neighbours, then with the
same app and layer, then with the same app. Pure; tasks are numbers in the order of their submission.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from nbflow.notebook.layout import Pair

MOST_NODES = 300
"""More than so many nodes are not drawn while folding can help."""
TALLEST = 12
"""More than so many nodes in one layer are folded."""
SMALLEST_BLOCK = 4
"""Fewer tasks than this are not worth a block."""


def fold(
    apps: Sequence[str], layers: Sequence[int], needs: Sequence[Pair], spawns: Sequence[Pair]
) -> list[list[int]]:
    """Groups of tasks, each in order, the groups in the order of their first tasks; every task is in one group."""
    count = len(apps)
    tallest = max(_tally(layers).values(), default=0)
    if count <= MOST_NODES and tallest <= TALLEST:
        return [[task] for task in range(count)]
    groups = _split_small(_grouped(_roles(apps, layers, needs, spawns)))
    if len(groups) > MOST_NODES:
        groups = _grouped(list(zip(apps, layers, strict=True)))
    if len(groups) > MOST_NODES:
        groups = _grouped(apps)
    return groups


def _roles(
    apps: Sequence[str], layers: Sequence[int], needs: Iterable[Pair], spawns: Iterable[Pair]
) -> list[int]:
    """A number for each task, equal for those with the same app, layer and sets of neighbours' numbers."""
    near: list[list[tuple[int, int]]] = [[] for _ in apps]
    for kind, pairs in ((0, needs), (2, spawns)):
        for a, b in pairs:
            near[a].append((kind, b))
            near[b].append((kind + 1, a))
    colour = _numbered(list(zip(apps, layers, strict=True)))
    kinds = max(colour, default=-1) + 1
    # Each round tells more roles apart, or it was the last. A graph whose tasks all differ is not worth more rounds
    # than it takes to see that it will not fold.
    while kinds <= MOST_NODES:
        colour = _numbered([(own, frozenset((kind, colour[other]) for kind, other in around))
                            for own, around in zip(colour, near, strict=True)])  # fmt: skip
        if max(colour, default=-1) + 1 == kinds:
            break
        kinds = max(colour) + 1
    return colour


def _numbered(keys: Sequence[Hashable]) -> list[int]:
    """The same number for equal keys, counted from 0 in the order in which they first appear."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def _grouped(keys: Sequence[Hashable]) -> list[list[int]]:
    groups: dict[Hashable, list[int]] = {}
    for task, key in enumerate(keys):
        groups.setdefault(key, []).append(task)
    return list(groups.values())


def _split_small(groups: list[list[int]]) -> list[list[int]]:
    """Groups that are too small for a block fall apart again."""
    parts = [
        part
        for group in groups
        for part in ([group] if len(group) >= SMALLEST_BLOCK else [[t] for t in group])
    ]
    return sorted(parts, key=lambda part: part[0])


def _tally(layers: Iterable[int]) -> dict[int, int]:
    tally: dict[int, int] = {}
    for layer in layers:
        tally[layer] = tally.get(layer, 0) + 1
    return tally
