"""Which worker gets what: the pools, their queues, and how far ahead a worker is sent tasks.

No task's state is changed here; `machine` moves tasks and asks this module where to.

A worker is sent about `AHEAD` seconds of work ahead, as measured per app, and one task at a time where nothing was
measured. While many tasks wait, a worker that runs one of up to `NEXT` seconds has the next one at hand as well, so
that it waits for nobody in between. What waits behind a task that runs longer than `PATIENCE` while another worker is
idle is taken back. A worker that is to have so many tasks and no more has a successor hired when it is given the last
of them.

A task that waits inside for others lends its slot to another worker. So that there are not as many workers as tasks
that wait, a pool in which more than `SPARE` beyond its slots do so is `crowded`: from then on only calls made inside
tasks begin there, the innermost first, which is what the others wait for.
"""

from __future__ import annotations

import heapq
import math
import sys
from collections import deque
from collections.abc import Collection
from typing import Any

from nbflow.core.starts import Starts
from nbflow.core.task import Task

AHEAD = 0.010  # seconds of work on a worker's queue
NEXT = 0.1  # seconds of a task behind which one more is sent while many wait: what is gained beyond is little
AT_MOST = 1000  # tasks on a worker's queue, however short they are
BEHIND = 8  # tasks that wait for the same one, and are looked at whether they may be sent behind it
TOGETHER = 4  # needs on the same worker that a task may be sent behind
OVERHEAD = 1e-5  # seconds that a worker needs for a task besides what it takes
PATIENCE = 0.020  # seconds a task may run before what is queued behind it is given to an idle worker
STAY = 5.0  # seconds that such workers stay when nothing is left to do: what is called next may wait inside as well
A_DESK = 1e-6  # seconds between two looks for such tasks, for each desk: ten times what the look takes
# more workers whose tasks wait inside than there are slots, until none of the user's own calls begin
SPARE = 2

_LAST = math.inf


class Desk:
    """One worker, as the core sees it: what it has, in the order in which it will run it."""

    __slots__ = (
        "away",
        "blocked",
        "executor",
        "has_successor",
        "head_since",
        "left",
        "load",
        "predecessor",
        "queue",
        "recalling",
        "silent",
        "worker",
    )

    def __init__(self, worker: int, executor: str, left: int = sys.maxsize) -> None:
        self.worker = worker
        self.executor = executor
        self.queue: dict[int, float] = {}  # task -> estimated seconds; the first one runs
        self.load = 0.0  # sum of the estimates
        self.head_since = 0.0
        self.blocked = False  # its task waits for others
        self.silent = False  # it does not answer, and is given nothing
        self.away = False  # nor does it run
        self.recalling = False  # a TakeBack of the whole tail is under way
        self.left = left  # how many more tasks it may be given
        self.has_successor = False  # one was asked for that is to take its place
        self.predecessor = 0  # the one whose place it is to take; 0 = nobody's

    def remove(self, task: int) -> bool:
        """Take a task off, wherever it stands; False if it is not here."""
        estimate = self.queue.pop(task, None)
        if estimate is None:
            return False
        self.load = self.load - estimate if self.queue else 0.0
        return True

    @property
    def idle(self) -> bool:
        """Whether it could begin a task at once."""
        return not (self.queue or self.blocked or self.silent) and self.left > 0

    @property
    def absent(self) -> bool:
        """Whether another worker may have its slot meanwhile."""
        return self.blocked or self.away

    @property
    def head(self) -> int | None:
        """The task that runs."""
        return next(iter(self.queue), None)


class Pool:
    """An executor: its desks and the tasks that are ready for them."""

    __slots__ = (
        "absent",
        "blocked",
        "desks",
        "executor",
        "hiring",
        "idle",
        "launched",
        "look_at",
        "nested",
        "on_demand",
        "per_worker",
        "quiet_since",
        "ranked",
        "ready",
        "silent",
        "slots",
        "starts",
        "took",
        "turns",
    )

    def __init__(self, executor: str, slots: int, on_demand: bool = False, per_worker: int = 0) -> None:
        self.executor = executor
        self.slots = slots
        self.on_demand = on_demand  # workers are hired when there is work for them, not before
        self.per_worker = per_worker  # tasks until a worker is parted with; 0 = any number
        # ready tasks: the first of all is the one of the lowest priority, the deepest, the one whose turn is earliest
        self.ready: deque[tuple[int, int]] = deque()  # (turn, task) of those that have no priority
        self.ranked: list[tuple[float, int, int]] = []  # (priority, turn, task), a heap
        # (priority, -depth, its own priority, turn, task) of calls made inside tasks, a heap
        self.nested: list[tuple[float, int, float, int, int]] = []
        self.turns = 0
        self.desks: dict[int, Desk] = {}
        # desks that could start at once, longest idle first; used from the end
        self.idle: dict[int, Desk] = {}
        self.quiet_since: float | None = None  # when the last of its tasks ended, if there is none
        self.hiring = 0  # workers asked for and not yet joined
        self.starts = Starts()
        self.launched = 0  # tasks on all desks
        self.look_at = 0.0  # when to look for what waits behind a task that has run for long
        self.blocked = 0  # desks whose task waits for others
        self.absent = 0  # desks whose slot is free meanwhile: those, and those that are halted
        self.silent: dict[int, Desk] = {}  # desks that do not answer
        self.took: dict[str, float] = {}  # app -> seconds, a moving mean

    def add(self, task: Task, *, first: bool = False) -> None:
        """Put a ready task behind its equals, or before them: where it was taken from."""
        self.turns += 1
        turn = -self.turns if first else self.turns
        if task.depth:
            own = _LAST if task.priority is None else task.priority
            rank = own if task.rank is None else task.rank
            heapq.heappush(self.nested, (rank, -task.depth, own, turn, task.id))
        elif task.priority is not None:
            heapq.heappush(self.ranked, (task.priority, turn, task.id))
        elif first:
            self.ready.appendleft((turn, task.id))
        else:
            self.ready.append((turn, task.id))

    def remove(self, task: Task) -> bool:
        """Take a task out, wherever it stands: a look at all that are ready. False if it is not ready here."""
        if not task.depth and task.priority is None:
            kept = deque(entry for entry in self.ready if entry[-1] != task.id)
            found, self.ready = len(kept) < len(self.ready), kept
            return found
        heap: list[Any] = self.nested if task.depth else self.ranked
        place = next((n for n, entry in enumerate(heap) if entry[-1] == task.id), None)
        if place is None:
            return False
        del heap[place]
        heapq.heapify(heap)
        return True

    def clear_of(self, tasks: Collection[int]) -> None:
        """Take out whatever is left here of tasks that were cancelled: they are about to come once more."""
        self.ready = deque(entry for entry in self.ready if entry[-1] not in tasks)
        heaps: list[list[Any]] = [self.ranked, self.nested]
        for heap in heaps:
            kept = [entry for entry in heap if entry[-1] not in tasks]
            if len(kept) < len(heap):
                heap[:] = kept
                heapq.heapify(heap)

    def take(self, *, whatever: bool = False) -> int | None:
        """Take out the ready task that is to begin next; None if none may. `whatever`: also where it is crowded."""
        nested, ranked, ready = self.nested, self.ranked, self.ready
        if nested:
            head = nested[0]
            if self.blocked and self.crowded and not whatever:
                return heapq.heappop(nested)[-1]
            other = ranked[0][:2] if ranked else (_LAST, ready[0][0]) if ready else (_LAST, _LAST)
            if (head[0], head[3]) <= other:
                return heapq.heappop(nested)[-1]
        elif self.blocked and self.crowded and not whatever:
            return None
        if ranked:
            return heapq.heappop(ranked)[-1]
        return ready.popleft()[1] if ready else None

    @property
    def waiting(self) -> int:
        """How many tasks are ready, cancelled ones among them."""
        return len(self.ready) + len(self.ranked) + len(self.nested)

    @property
    def crowded(self) -> bool:
        """Whether so many tasks wait inside for others that only those they may wait for are to begin."""
        return self.blocked >= self.slots + SPARE

    @property
    def startable(self) -> int:
        """How many of the ready tasks may begin."""
        return len(self.nested) if self.crowded else self.waiting

    def measured(self, app: str, took: float) -> None:
        """An attempt of `app` took so many seconds."""
        took += OVERHEAD
        before = self.took.get(app)
        self.took[app] = took if before is None else 0.8 * before + 0.2 * took

    def room(self, desk: Desk) -> int:
        """How many more tasks to send ahead to a desk that has just ended one; 0 while it has work for long enough."""
        ready = len(self.ready) + len(self.ranked) + len(self.nested)
        if not ready or desk.blocked or desk.silent:
            return 0
        if desk.load > AHEAD / 2:
            return int(desk.left > 0 and self.one_more(desk))
        if self.busy + (not desk.queue) > self.slots:
            return 0  # it has stood in for one whose task has waited
        # of all that is there: one that has its share leaves what is ready to those that have less
        share = -(-(ready + self.launched) // len(self.desks)) - len(desk.queue)
        return max(0, min(AT_MOST - len(desk.queue), share, desk.left))

    def one_more(self, desk: Desk) -> bool:
        """Whether a desk that has a task is to have the next one at hand, although the first takes long."""
        return len(desk.queue) == 1 and desk.load <= NEXT and self.waiting >= 2 * len(self.desks)

    @property
    def workers_short(self) -> int:
        """How many workers to hire: every slot has one, and one whose task waits inside is stood in for."""
        free = self.slots - self.at_work
        wanted = min(free, self.startable)
        if not self.on_demand and not self.starts.given_up:
            wanted = max(wanted, min(free, self.slots - self.manned))
        return max(0, wanted - self.hiring)

    def surplus(self, now: float) -> int:
        """How many idle workers to part with; those may stand by for a while that a crowd would call for."""
        if self.waiting or self.launched:
            self.quiet_since = None
        elif self.quiet_since is None:
            self.quiet_since = now
        stays = self.quiet_since is None or now - self.quiet_since < STAY
        spare = self.slots + SPARE if stays else 0
        return max(0, min(len(self.idle), self.at_work - self.slots - spare))

    @property
    def parts_at(self) -> float | None:
        """When to part with the idle workers that have stayed; None = there are none."""
        if self.quiet_since is None or not self.idle or self.at_work <= self.slots:
            return None
        return self.quiet_since + STAY

    @property
    def at_work(self) -> int:
        """How many workers are there whose task does not wait for others, and is not their last."""
        there = len(self.desks) - self.absent
        return there - sum(not desk.absent for desk in self.spent()) if self.per_worker else there

    @property
    def manned(self) -> int:
        """How many workers are there, whatever they do, that are not at their last task."""
        return len(self.desks) - len(self.spent())

    def spent(self) -> list[Desk]:
        """The desks that were given their last task."""
        return [desk for desk in self.desks.values() if not desk.left] if self.per_worker else []

    @property
    def slot_free(self) -> bool:
        """Whether an idle desk may begin.

        A successor waits until its predecessor has ended its last task, who stood in until a slot is free again.
        """
        return self.busy < self.slots

    @property
    def busy(self) -> int:
        """How many workers are at a task that does not wait for others, nor is halted."""
        return len(self.desks) - self.absent - len(self.idle)

    @property
    def stuck(self) -> bool:
        """Whether tasks wait on a desk behind another one while an idle desk could begin."""
        if not self.idle:
            return False
        busy = len(self.desks) - len(self.idle) - sum(not desk.queue for desk in self.silent.values())
        return self.launched > busy and self.slot_free

    def tails(self, now: float) -> list[tuple[int, tuple[int, ...]]]:
        """(worker, tasks) to take back: what waits behind a task that has run for long."""
        found = []
        for desk in self.desks.values():
            if (
                len(desk.queue) > 1
                and not desk.recalling
                and (desk.blocked or now - desk.head_since >= PATIENCE)
            ):
                found.append((desk.worker, tuple(desk.queue)[1:]))
                desk.recalling = True
        first = min(
            (d.head_since for d in self.desks.values() if len(d.queue) > 1 and not d.recalling), default=now
        )
        # before long in any case: whatever runs may be given one to wait behind it
        self.look_at = max(min(first, now) + PATIENCE, now + A_DESK * len(self.desks))
        return found
