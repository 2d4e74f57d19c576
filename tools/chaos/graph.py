"""What is to be computed: a random graph in layers, made from a seed, and the value of each task, computed at once.

A value is a number that says which task it is and what its needs gave, so that a value that is lost, mixed up, stale
or of another attempt is a wrong number somewhere below it.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

BLOB = 100_000  # bytes of a big value: the object store has it

# How many tasks of a thousand are of a kind, or do a harm (the first time, if not said otherwise). Others are plain.
KINDS = {"big": 80, "cached": 80, "nested": 50, "joined": 50, "shell": 20}
HARMS = {
    "raises": 40,
    "exits": 12,
    "crashes": 12,  # a segmentation fault
    "hangs": 4,  # until its walltime is over
    "leaves": 10,  # child processes behind
    "shuts": 10,  # its standard streams
    "prints": 20,  # every time
    "sleeps": 60,  # every time, a few milliseconds
}
CACHED_ALIKE = 20  # so many different cached calls without needs there may be


@dataclass(frozen=True)
class Node:
    """One task. `needs` are places in the list of nodes."""

    number: int
    kind: str
    harm: str
    needs: tuple[int, ...]
    mark: int  # what makes its value another one than that of a task with the same needs


def made(seed: int, count: int) -> list[Node]:
    """The tasks of a graph, each behind those that it needs."""
    chance = random.Random(seed)
    width = chance.choice((10, 50, 200))  # narrow graphs are long, wide ones are broad
    nodes: list[Node] = []
    for number in range(count):
        layer = number // width * width
        reach = range(max(0, layer - 3 * width), layer)
        needs = (
            tuple(chance.choice(reach) for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 8)))) if reach else ()
        )
        kind = _one_of(KINDS, chance)
        mark = chance.randrange(CACHED_ALIKE) if kind == "cached" else number
        nodes.append(Node(number, kind, _one_of(HARMS, chance), needs, mark))
    return nodes


def values(nodes: Sequence[Node]) -> list[int]:
    """What each task must give."""
    found: list[int] = []
    for node in nodes:
        # a command gives its exit code to those that need it; its number is in the file that it has written
        needs = [0 if nodes[need].kind == "shell" else found[need] for need in node.needs]
        found.append(value_of(node.kind, node.mark, needs))
    return found


def value_of(kind: str, mark: int, needs: Sequence[int]) -> int:
    """What a task gives, as a number."""
    value = mixed(mark, needs)
    return mixed(value, [mixed(value, [1]), mixed(value, [2])]) if kind in ("nested", "joined") else value


def mixed(mark: int, needs: Sequence[int]) -> int:
    """A number of 32 bits that tells all these apart."""
    return zlib.crc32(repr((mark, *needs)).encode())


def downstream(nodes: Sequence[Node], first: set[int]) -> set[int]:
    """These tasks, and all that need them, directly or not."""
    found = set(first)
    for node in nodes:
        if not found.isdisjoint(node.needs):
            found.add(node.number)
    return found


def _one_of(shares: dict[str, int], chance: random.Random) -> str:
    place = chance.randrange(1000)
    for name, share in shares.items():
        place -= share
        if place < 0:
            return name
    return ""
