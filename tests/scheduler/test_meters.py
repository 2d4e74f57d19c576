"""What workers use, as looks find it: the most memory of a task, and the processors that a worker keeps busy."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from nbflow.core.placement import Desk
from nbflow.scheduler import figures
from nbflow.scheduler.figures import Crew
from nbflow.scheduler.meters import _TICKS, SHORTEST, Meters


class Worker:
    """As much of a worker as is looked at."""

    def __init__(self, number: int, *processes: int) -> None:
        self.number = number
        self.crew = Crew(0, processes)

    def has(self, memory: int) -> None:
        self.crew = self.crew._replace(memory=memory)


class Hall:
    """Workers at desks, and the ticks that the system says their processes have had."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.meters = Meters()
        self.desks: dict[int, Desk] = {}
        self.workers: list[Any] = []
        self.ticks: dict[int, int] = {}
        self.asked = 0
        monkeypatch.setattr(figures, "processor_time", self.had)

    def had(self, pid: int) -> int:
        self.asked += 1
        return self.ticks.get(pid, -1)

    def hire(self, number: int, *processes: int, task: int | None = None) -> Worker:
        worker = Worker(number, *processes)
        self.workers.append(worker)
        self.give(number, task)
        return worker

    def give(self, number: int, task: int | None) -> None:
        self.desks[number] = desk = Desk(number, "processes")
        if task is not None:
            desk.queue[task] = 1.0

    def look(self, now: float) -> None:
        self.meters.look(self.workers, self.desks, now)


@pytest.fixture
def hall(monkeypatch: pytest.MonkeyPatch) -> Hall:
    return Hall(monkeypatch)


def test_a_task_has_the_peak_of_all_looks_that_met_it(hall: Hall) -> None:
    worker = hall.hire(1, 11, task=7)
    for now, memory in enumerate((200, 500, 300)):
        worker.has(memory)
        hall.look(now)
    hall.give(1, 8)
    worker.has(250)
    hall.look(9)
    hall.give(1, None)
    worker.has(900)
    hall.look(10)
    assert hall.meters.peaks == {7: 500, 8: 250}


def test_processors_are_not_asked_about_while_nobody_watches(hall: Hall) -> None:
    hall.hire(1, 11, task=7)
    for now in range(5):
        hall.look(now)
    assert hall.asked == 0
    assert hall.meters.busy(1) == -1.0


def test_a_worker_is_as_busy_as_all_its_processes_since_the_look_before(hall: Hall) -> None:
    hall.meters.watched = True
    worker = hall.hire(1, 11, 12, task=7)
    hall.ticks = {11: 1000, 12: 500}
    hall.look(100.0)
    assert hall.meters.busy(1) == -1.0, "one look tells no rate"
    hall.ticks = {11: 1000 + 2 * _TICKS, 12: 500 + _TICKS, 13: _TICKS}
    worker.crew = Crew(0, (11, 12, 13))
    hall.look(102.0)
    assert hall.meters.busy(1) == 2.0
    worker.crew = Crew(0, (11,))
    hall.look(104.0)
    assert hall.meters.busy(1) == 0.0, "what has ended counts no more, and never backwards"


def test_where_the_system_does_not_tell_nothing_is_known(hall: Hall) -> None:
    hall.meters.watched = True
    hall.hire(1, 11, task=7)
    hall.look(100.0)
    hall.look(102.0)
    assert hall.asked == 2
    assert hall.meters.busy(1) == -1.0


def test_two_looks_in_a_moment_are_one(hall: Hall) -> None:
    hall.meters.watched = True
    hall.hire(1, 11, task=7)
    hall.ticks = {11: 0}
    hall.look(100.0)
    hall.ticks = {11: _TICKS}
    hall.look(100.0 + SHORTEST / 4)
    hall.look(101.0)
    assert hall.meters.busy(1) == 1.0


@pytest.mark.skipif(not figures.LINUX, reason="/proc")
def test_the_system_tells_what_a_process_has_had() -> None:
    begin = figures.processor_time(os.getpid())
    spent = time.process_time()
    while time.process_time() < spent + 5 / _TICKS:
        pass
    assert figures.processor_time(os.getpid()) >= begin + 4
