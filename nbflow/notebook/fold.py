"""Which tasks share one node of the picture.

    NODES    each task is a node of its own
    BLOCKS   tasks that play the same part (the same app, equal neighbours) are a block with a cell for each
    APPS     the tasks of an app are one node with their counts: one for each of its layers where the apps lie in a loop
    AUTO     nodes up to 150 tasks, as long as no layer is taller than a page; then blocks, up to 300 of them and
             2,000 tasks; then apps

Pure; tasks are numbers in the order of their submission.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from nbflow.notebook.layout import Pair

AUTO, NODES, BLOCKS, APPS, DOT = "auto", "nodes", "blocks", "apps", "dot"
LAYOUTS = (AUTO, NODES, BLOCKS, APPS, DOT)
"""What the user may ask for. `DOT` is as `NODES`, placed by Graphviz (`graphviz_layout`)."""

MOST_NODES = 300
"""More than so many nodes are not drawn while folding can help."""
MOST_SINGLE = 150
"""Up to so many tasks each is a node of its own."""
MOST_CELLS = 2_000
"""Up to so many tasks each is a cell of a block."""
MOST_FORCED = 5_000
"""Up to so many tasks each is a node where that is asked for: a page that draws more of them would stand still."""
TALLEST = 25
"""More than so many nodes in one layer are folded."""
SMALLEST_BLOCK = 4
"""Fewer tasks than this are not worth a block."""


@dataclass(frozen=True, slots=True)
class Folding:
    """Groups of tasks, each in order, the groups in the order of their first tasks; every task is in one group."""

    groups: list[list[int]]
    layout: str  #: what was chosen: `NODES`, `BLOCKS` or `APPS`


def fold(
    apps: Sequence[str],
    layers: Sequence[int],
    needs: Sequence[Pair],
    spawns: Sequence[Pair],
    layout: str = AUTO,
) -> Folding:
    """The groups for a layout, which is not `DOT`."""
    count = len(apps)
    tallest = max(Counter(layers).values(), default=0)
    if layout == NODES or (layout == AUTO and count <= MOST_SINGLE and tallest <= TALLEST):
        return Folding([[task] for task in range(count)], NODES)
    if layout == BLOCKS or (layout == AUTO and count <= MOST_CELLS):
        groups = _split_small(_grouped(_roles(apps, layers, needs, spawns)))
        if len(groups) <= MOST_NODES:
            return Folding(groups, BLOCKS)
        if layout == BLOCKS:
            groups = _grouped(list(zip(apps, layers, strict=True)))
            return Folding(groups if len(groups) <= MOST_NODES else _grouped(apps), BLOCKS)
    groups = _grouped(_parts(apps, layers, [*needs, *spawns]))
    return Folding(groups if len(groups) <= MOST_NODES else _grouped(apps), APPS)


def _parts(apps: Sequence[str], layers: Sequence[int], pairs: Iterable[Pair]) -> Sequence[Hashable]:
    """A key for each task: its app, and its layer too if its app would lie in a loop with others without that."""
    numbers = _numbered(apps)
    after: list[set[int]] = [set() for _ in range(max(numbers, default=-1) + 1)]
    for a, b in pairs:
        if numbers[a] != numbers[b]:
            after[numbers[a]].add(numbers[b])
    looping = _in_loops(after)
    if not looping:
        return numbers
    return [(app, layer if app in looping else -1) for app, layer in zip(numbers, layers, strict=True)]


def _in_loops(after: Sequence[Iterable[int]]) -> set[int]:
    """The vertices from which a way leads back to them: in each direction, what no loop holds is taken away."""
    left = set(range(len(after)))
    before: list[set[int]] = [set() for _ in after]
    for a, others in enumerate(after):
        for b in others:
            before[b].add(a)
    for ahead, behind in ((after, before), (before, after)):
        missing = [sum(b in left for b in behind[vertex]) for vertex in range(len(after))]
        free = [vertex for vertex in left if not missing[vertex]]
        while free:
            vertex = free.pop()
            left.discard(vertex)
            for b in ahead[vertex]:
                missing[b] -= 1
                if b in left and not missing[b]:
                    free.append(b)
    return left


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
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return list(map(numbers.__getitem__, keys))


def _grouped(keys: Sequence[Hashable]) -> list[list[int]]:
    groups: defaultdict[Hashable, list[int]] = defaultdict(list)
    for task, key in enumerate(keys):
        groups[key].append(task)
    return list(groups.values())


def _split_small(groups: list[list[int]]) -> list[list[int]]:
    """Groups that are too small for a block fall apart again."""
    parts = [
        part
        for group in groups
        for part in ([group] if len(group) >= SMALLEST_BLOCK else [[t] for t in group])
    ]
    return sorted(parts, key=lambda part: part[0])
