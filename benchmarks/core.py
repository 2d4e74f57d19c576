"""`python -m benchmarks.core`: what a move of a task costs in the core alone, as the number of tasks grows.

The machine (`nbflow.core.machine`) is driven by a host made here: 10,000 workers that are numbers in a table, and a
random layered graph of tasks, some of which fail and are tried again, while now and then a worker is lost. Calls come
twice as fast as tasks end, so most of the graph is known and waiting at the height of it. Only the CPU time
inside `handle` counts; it is divided by the moves of tasks (`Change`).
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from nbflow.core import events as ev
from nbflow.core.instructions import Dismiss, Forget, Hire, Launch, Settle, TakeBack
from nbflow.core.machine import Machine
from nbflow.core.retry import Terms
from nbflow.core.states import State

WORKERS = 10_000
SIZES = (10_000, 100_000, 1_000_000)
BATCH = 64  # events that arrive together
LAYER = 1000  # tasks
NEEDS = 3  # at most, from the layer before
FAIL = 0.02  # of all attempts
LOSE = 0.001  # of all answers, it is the end of the worker instead
TOOK = 0.001  # seconds an attempt takes, as it is told
AGAIN = Terms(3)


@dataclass(frozen=True)
class Played:
    """What a game has come to."""

    tasks: int
    moves: int
    seconds: float
    ended: dict[State, int]
    lost: int

    @property
    def per_move(self) -> float:
        """Seconds."""
        return self.seconds / self.moves


class Host:
    """Everything around the machine: a clock moved by hand, workers that answer when they are asked to."""

    def __init__(self, workers: int, seed: int = 1) -> None:
        self._machine = Machine()
        self._random = random.Random(seed)
        self._now = 0.0
        self._desks: dict[int, deque[Launch]] = {}
        # workers with something to do; may name one twice, or one that is gone
        self._busy: deque[int] = deque()
        self._hired = 0
        self._later: list[ev.Event] = []  # answers to instructions, told with the next batch
        self._needs: dict[int, tuple[int, ...]] = {}  # of the tasks that have not ended
        self.seconds = 0.0
        self.moves = self.lost = 0
        self.ended = dict.fromkeys(State, 0)
        self._tell([ev.ExecutorAdded("processes", workers)])
        while self._later:
            self._tell([])
        self.seconds = 0.0
        self.moves = 0

    def play(self, tasks: int) -> Played:
        """Call so many tasks, and go on until all have ended."""
        called, calls = 0, iter(self._calls(tasks))
        while called < tasks or self._desks_at_work or self._later:
            batch = list(islice(calls, 2 * BATCH))
            called += len(batch)
            self._tell(batch)
            self._tell(self._answers(BATCH))
        return Played(tasks, self.moves, self.seconds, self.ended, self.lost)

    def _calls(self, tasks: int) -> Iterable[ev.Event]:
        """Layer by layer; each task needs some of the layer before."""
        for number in range(1, tasks + 1):
            layer = (number - 1) // LAYER
            needs: tuple[int, ...] = ()
            if layer:
                first = (layer - 1) * LAYER + 1
                count = self._random.randint(1, NEEDS)
                needs = tuple({self._random.randrange(first, first + LAYER) for _ in range(count)})
            self._needs[number] = needs
            yield ev.Submitted(number, "app", needs, terms=AGAIN)

    @property
    def _desks_at_work(self) -> bool:
        while self._busy and not self._desks.get(self._busy[0]):
            self._busy.popleft()
        return bool(self._busy)

    def _answers(self, most: int) -> list[ev.Event]:
        """What the workers have to say next."""
        said: list[ev.Event] = []
        while len(said) < most and self._desks_at_work:
            worker = self._busy.popleft()
            desk = self._desks[worker]
            if self._random.random() < LOSE:
                del self._desks[worker]
                self.lost += 1
                said.append(ev.WorkerLost(worker))
                continue
            run = desk.popleft()
            if self._random.random() < FAIL:
                if back := self._part_with(desk, {run.task}):
                    said.append(ev.Returned(worker, back, unasked=True))
                said.append(ev.Failed(run.task, run.attempt, worker, took=TOOK))
            else:
                said.append(ev.Succeeded(run.task, run.attempt, worker, TOOK))
            if desk:
                self._busy.append(worker)
        return said

    def _tell(self, events: list[ev.Event]) -> None:
        events = self._later + events
        self._later = []
        self._now += 0.0001
        begin = time.thread_time()  # of this thread: other programs' turns are no cost of the core's
        step = self._machine.handle(events, self._now)
        self.seconds += time.thread_time() - begin
        self.moves += len(step.changes)
        for instruction in step.instructions:
            self._carry_out(instruction)
        if step.wake_at is not None and step.wake_at <= self._now:
            self._later.append(ev.Ticked())

    def _carry_out(self, instruction: object) -> None:
        if isinstance(instruction, Launch):
            desk = self._desks.get(instruction.worker)
            if desk is not None:  # else it was lost in the same batch
                desk.append(instruction)
                if len(desk) == 1:
                    self._busy.append(instruction.worker)
        elif isinstance(instruction, Settle):
            self.ended[instruction.state] += 1
            del self._needs[instruction.task]
        elif isinstance(instruction, Hire):
            self._hired += 1
            self._desks[self._hired] = deque()
            self._later.append(ev.WorkerJoined(self._hired, instruction.executor))
        elif isinstance(instruction, TakeBack):
            self._give_back(instruction)
        elif isinstance(instruction, Dismiss):
            self._desks.pop(instruction.worker, None)
        elif isinstance(instruction, Forget):
            pass

    def _part_with(self, desk: deque[Launch], tasks: set[int]) -> tuple[int, ...]:
        """These give no value here: what was to run behind them goes as well, and what behind that; those."""
        parted = []
        for run in tuple(desk):
            if not tasks.isdisjoint(self._needs[run.task]):
                desk.remove(run)
                tasks.add(run.task)
                parted.append(run.task)
        return tuple(parted)

    def _give_back(self, instruction: TakeBack) -> None:
        desk = self._desks.get(instruction.worker)
        if desk is None:
            return
        wanted = set(instruction.tasks)
        head = desk[0].task if desk else 0
        gone = {run.task for run in desk if run.task in wanted and run.task != head}
        back = tuple(run.task for run in desk if run.task in gone)
        for run in [run for run in desk if run.task in gone]:
            desk.remove(run)
        back += self._part_with(desk, set(gone))
        gone.update(back)
        kept = tuple(number for number in instruction.tasks if number not in gone)
        self._later.append(ev.Returned(instruction.worker, back, kept))


def play(tasks: int, workers: int = WORKERS) -> Played:
    """One game, from an empty machine to when all tasks have ended."""
    gc.collect()
    gc.disable()  # as in the scheduler
    try:
        return Host(workers).play(tasks)
    finally:
        gc.enable()


def measure(sizes: Iterable[int], workers: int = WORKERS, times: int = 3) -> dict[int, float]:
    """Seconds a move by number of tasks: the best of some games, for a game meets what else the machine is at."""
    return {size: min(play(size, workers).per_move for _ in range(times)) for size in sizes}


def flatness(per_move: dict[int, float]) -> float:
    """How many times the cheapest size's move the dearest one's costs."""
    return max(per_move.values()) / min(per_move.values())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.core", description=__doc__)
    parser.add_argument("--tasks", type=int, nargs="+", default=list(SIZES), help="numbers of tasks")
    parser.add_argument("--workers", type=int, default=WORKERS, help="virtual workers")
    arguments = parser.parse_args()
    for size in arguments.tasks:
        played = play(size, arguments.workers)
        ends = ", ".join(f"{count:,} {state.label}" for state, count in played.ended.items() if count)
        print(
            f"{size:>9,} tasks: {played.per_move * 1e6:.2f} µs a move, {played.seconds / size * 1e6:.2f} µs a task; "
            f"{ends}; {played.lost:,} workers lost"
        )


if __name__ == "__main__":
    main()
