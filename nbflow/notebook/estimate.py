"""How long a flow will still take, and which tasks it takes so long for: the critical path.

Pure. What is not over is estimated from what was measured: how far a task says it has come, else how long calls of its
app took in this flow, else in earlier ones.

    left = max(the longest way through what is not over, all work that is not over / workers)

A task that called others is over when they are: its own time is theirs, and whoever needs it waits for them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from nbflow.core.states import State
from nbflow.notebook.layout import Pair
from nbflow.notebook.view import links_of
from nbflow.wire.rows import TaskRow

LATELY = 10_000
"""Rows of a flow from which it is told how long its apps take."""
GROUND = 0.5
"""The share of the tasks left that must have been measured before anything is said."""


class Pace(msgspec.Struct, array_like=True):
    """How long calls of an app took: `count` of them, `mean` seconds each (an item of a sweep counts as one)."""

    count: float
    mean: float

    def add(self, seconds: float, count: int = 1) -> None:
        """Some more calls, that took so long together."""
        self.count += count
        self.mean += (seconds - count * self.mean) / self.count


class Left(msgspec.Struct, frozen=True):
    """What is left, in seconds. `least`: some tasks were never measured, so that it is more than that."""

    seconds: float
    least: bool = False


class Paces:
    """How long the apps of a flow take: as measured here, until then as in `earlier` flows."""

    def __init__(self, earlier: Mapping[str, Pace]) -> None:
        self._earlier = earlier
        self.here: dict[str, Pace] = {}  #: as measured in this flow
        self._news: dict[str, Pace] = {}  # of that, what nobody has taken yet
        self._callers: set[int] = set()  # tasks that have called others: their time is not their own

    def update(self, rows: Iterable[TaskRow], before: Callable[[int], TaskRow | None]) -> None:
        """Rows have changed; `before` gives the row that a task had."""
        taken: dict[str, tuple[int, float]] = {}  # of each app: how many calls, and how long they took
        callers, done = self._callers, State.DONE
        for row in rows:
            if row.parent is not None:
                callers.add(row.parent)
            if row.state is not done or row.recalled or not row.started or row.id in callers:
                continue
            old = before(row.id)
            if old is None or not old.state.ended:
                calls, seconds = taken.get(row.app, (0, 0.0))
                calls += 1 if row.part is None else max(1, row.part.count)
                taken[row.app] = calls, seconds + max(0.0, row.ended - row.started)
        for app, (calls, seconds) in taken.items():
            for kept in (self.here, self._news):
                kept.setdefault(app, Pace(0, 0.0)).add(seconds, calls)

    def take_news(self) -> dict[str, Pace]:
        """What was measured since this was asked last."""
        news, self._news = self._news, {}
        return news

    def of(self, row: TaskRow) -> float | None:
        """Seconds that a task is expected to take; None if nothing is known."""
        pace = self.here.get(row.app) or self._earlier.get(row.app)
        if pace is None or pace.count <= 0:
            return None
        return pace.mean * (1 if row.part is None else row.part.count)


def paces_of(rows: dict[int, TaskRow], earlier: Mapping[str, Pace]) -> Mapping[str, Pace]:
    """How long calls of each app took among the latest of `rows`, which are a flow's; else as in `earlier` flows."""
    paces = Paces({})
    # from the last one on: a task's calls stand behind it
    paces.update(itertools.islice(reversed(rows.values()), LATELY), lambda number: None)
    return {**earlier, **paces.here}


def remaining(row: TaskRow, expected: float | None, now: float) -> float | None:
    """Seconds that one task still takes, given how long it is `expected` to; None if there is no telling."""
    if row.state.ended:
        return 0.0
    if row.state is not State.RUNNING or not row.started:
        return expected
    spent = max(0.0, now - row.started)
    if row.progress is not None and row.progress.fraction:
        fraction = min(1.0, row.progress.fraction)
        return spent * (1.0 - fraction) / fraction
    return None if expected is None else max(0.0, expected - spent)


def time_left(
    rows: Sequence[TaskRow], expected: Callable[[TaskRow], float | None], now: float, workers: int
) -> Left | None:
    """How long until all `rows` have ended, with so many workers; None as long as there is no ground to say.

    `now` is in seconds since the epoch. 0 when all have ended; never less than the longest way that is left.
    """
    first_end = State.DONE  # to ask each row's state whether it is an end costs ten times as much
    unended = [row for row in rows if row.state < first_end]
    if not unended:
        return Left(0.0)
    calling = {row.parent for row in rows if row.parent is not None}
    weights: list[float] = []
    unknown = 0
    for row in unended:
        left = 0.0 if row.id in calling else remaining(row, expected(row), now)
        unknown += left is None
        weights.append(left or 0.0)
    if len(unended) - unknown < GROUND * len(unended):
        return None
    longest, _ = longest_way(unended, weights)
    return Left(max(longest, sum(weights) / max(1, workers)), unknown > 0)


def critical_path(
    rows: Sequence[TaskRow], expected: Callable[[TaskRow], float | None], now: float
) -> list[int]:
    """The tasks (places in `rows`, in order) that decide how long the flow takes: the longest way from first to last.

    What has ended counts as long as it took, what has not as long as it is expected to.
    """
    calling = {row.parent for row in rows if row.parent is not None}
    weights = []
    for row in rows:
        if row.id in calling or row.recalled:
            weights.append(0.0)
        elif row.state.ended:
            weights.append(max(0.0, row.ended - row.started) if row.started else 0.0)
        else:
            spent = max(0.0, now - row.started) if row.started and row.state is State.RUNNING else 0.0
            weights.append(spent + (remaining(row, expected(row), now) or 0.0))
    return longest_way(rows, weights)[1]


def longest_way(rows: Sequence[TaskRow], weights: Sequence[float]) -> tuple[float, list[int]]:
    """Length of the longest way along needs and calls, and the places of its tasks in order."""
    links = links_of(rows)
    linked = sorted({place for pair in (*links.needs, *links.spawns) for place in pair})
    alone = {*range(len(rows))}.difference(linked)
    if not alone:
        return _longest_linked(weights, links.needs, links.spawns)
    longest = max(alone, key=lambda place: (weights[place], place))
    number = {place: n for n, place in enumerate(linked)}
    length, way = _longest_linked(
        [weights[place] for place in linked],
        [(number[a], number[b]) for a, b in links.needs],
        [(number[a], number[b]) for a, b in links.spawns],
    )
    if weights[longest] >= length or not way:
        return weights[longest], [longest]
    return length, [linked[n] for n in way]


def _longest_linked(
    weights: Sequence[float], needs: Sequence[Pair], spawns: Sequence[Pair]
) -> tuple[float, list[int]]:
    """The same of tasks that have links; 0.0 and no way if there are none."""
    count = len(weights)
    # Each task has a beginning (its place) and an end (count more): what it called lies between them.
    after: list[list[int]] = [[place + count] for place in range(count)] + [[] for _ in range(count)]
    before = [0] * count + [1] * count
    for need, task in needs:
        after[need + count].append(task)
        before[task] += 1
    for caller, called in spawns:
        after[caller].append(called)
        after[called + count].append(caller + count)
        before[called] += 1
        before[caller + count] += 1
    length = [0.0] * (2 * count)
    came_from = [-1] * (2 * count)
    last, longest = -1, -1.0
    for point in _in_order(after, before):
        here = length[point]
        if point >= count and here >= longest:
            last, longest = point, here
        before[point] = _SEEN
        for target in after[point]:
            there = here + (weights[point] if target == point + count else 0.0)
            if before[target] != _SEEN and (came_from[target] < 0 or there > length[target]):
                length[target], came_from[target] = there, point
    way: list[int] = []
    while last >= 0:
        if last < count:
            way.append(last)
        last = came_from[last]
    return max(0.0, longest), way[::-1]


_SEEN = -1


def _in_order(after: Sequence[Sequence[int]], before: Sequence[int]) -> Iterator[int]:
    """All points, each after those that lead to it; of a circle, which no flow that goes on has, the first one first.

    `before`: how many lead to each.
    """
    lacking = list(before)
    ready = [point for point, number in enumerate(before) if not number]
    for forced in range(len(after) + 1):
        while ready:
            point = ready.pop()
            if lacking[point] == _SEEN:
                continue
            lacking[point] = _SEEN
            yield point
            for target in after[point]:
                if lacking[target] != _SEEN:
                    lacking[target] -= 1
                    if not lacking[target]:
                        ready.append(target)
        ready = [forced] if forced < len(after) else []
