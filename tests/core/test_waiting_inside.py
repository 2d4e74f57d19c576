"""Tasks that wait inside for others, played by a host: all end, and the workers are few however many tasks wait."""

from __future__ import annotations

from collections import deque

import pytest

from nbflow.core import events as ev
from nbflow.core.instructions import Dismiss, Hire, Launch, Settle, TakeBack
from nbflow.core.machine import Machine
from nbflow.core.placement import SPARE, STAY


class Host:
    """Runs tasks that call others and wait for each: `depth` levels, `width` calls in each, on an executor a level."""

    def __init__(self, slots: int, executors: list[str], depth: int, width: int) -> None:
        self.machine = Machine(validate=True)
        self.executors = executors
        self.depth = depth
        self.width = width
        self.now = 0.0
        self.numbers = 0
        self.workers = 0
        self.most = 0  # workers alive at a time
        self.hired = 0
        self.alive: set[int] = set()
        self.level: dict[int, int] = {}
        self.waits: dict[int, set[int]] = {}  # task -> what it waits for
        self.caller: dict[int, int] = {}
        self.at: dict[int, Launch] = {}
        self.queues: dict[int, list[Launch]] = {}
        self.settled: dict[int, str] = {}
        self.order: list[int] = []  # tasks of the user's own as they began
        self.inbox: deque[ev.Event] = deque()
        self.inbox += [ev.ExecutorAdded(label, slots) for label in executors]

    def call(self, level: int, caller: int | None = None, priority: float | None = None) -> int:
        self.numbers += 1
        task = self.numbers
        self.level[task] = level
        executor = self.executors[level % len(self.executors)]
        self.inbox.append(
            ev.Submitted(task, f"level {level}", (), (executor,), priority=priority, parent=caller)
        )
        if caller is not None:
            self.caller[task] = caller
            self.waits[caller].add(task)
        return task

    def run(self) -> None:
        """Until nothing happens any more."""
        while True:
            while self.inbox:
                self.now += 0.001
                step = self.machine.handle([self.inbox.popleft()], self.now)
                for instruction in step.instructions:
                    self.carry_out(instruction)
            if not self.progress():
                return

    def rest(self) -> None:
        """Until nothing is to be done at a later time either."""
        while (at := self.machine.handle([], self.now).wake_at) is not None:
            assert at > self.now, "else it would go round and round"
            self.now = at
            for instruction in self.machine.handle([ev.Ticked()], at).instructions:
                self.carry_out(instruction)

    def carry_out(self, instruction: object) -> None:
        if isinstance(instruction, Hire):
            self.workers += 1
            self.hired += 1
            self.alive.add(self.workers)
            self.queues[self.workers] = []
            self.most = max(self.most, len(self.alive))
            self.inbox.append(ev.WorkerJoined(self.workers, instruction.executor))
        elif isinstance(instruction, Dismiss):
            assert not self.queues[instruction.worker]
            self.alive.remove(instruction.worker)
        elif isinstance(instruction, Launch):
            self.queues[instruction.worker].append(instruction)
            if instruction.task not in self.caller:
                self.order.append(instruction.task)
        elif isinstance(instruction, TakeBack):
            queue = self.queues[instruction.worker]
            back = [launch for launch in queue[1:] if launch.task in instruction.tasks]
            self.queues[instruction.worker] = [launch for launch in queue if launch not in back]
            self.inbox.append(ev.Returned(instruction.worker, tuple(launch.task for launch in back)))
        elif isinstance(instruction, Settle):
            assert instruction.task not in self.settled
            self.settled[instruction.task] = instruction.state.name
            self.inbox.append(ev.Released((instruction.task,)))
            caller = self.caller.get(instruction.task)
            if caller is not None and instruction.task in self.waits[caller]:
                self.waits[caller].remove(instruction.task)
                if not self.waits[caller]:
                    self.inbox.append(ev.Unblocked(self.at[caller].worker))

    def progress(self) -> bool:
        """One worker begins the task at its head, or ends it."""
        for worker in sorted(self.alive):
            if not self.queues[worker]:
                continue
            launch = self.queues[worker][0]
            task = launch.task
            if task not in self.at:
                self.at[task] = launch
                self.waits[task] = set()
                if self.level[task] + 1 < self.depth:
                    for _ in range(self.width):
                        self.call(self.level[task] + 1, task)
                    self.inbox.append(ev.Blocked(worker))
                return True
            if not self.waits[task]:
                self.queues[worker].pop(0)
                took = 0.00001 if self.level[task] + 1 == self.depth else 1.0
                self.inbox.append(ev.Succeeded(task, launch.attempt, worker, took))
                return True
        return False


@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize(("depth", "width"), [(2, 1), (2, 5), (3, 2), (5, 1)])
def test_however_many_tasks_wait_the_workers_are_few(slots: int, depth: int, width: int) -> None:
    host = Host(slots, ["p"], depth, width)
    tasks = [host.call(0) for _ in range(40)]
    host.run()
    assert set(host.settled.values()) == {"DONE"}
    assert len(host.settled) == host.numbers
    assert host.most <= slots * (depth + 1) + SPARE, "slots at work, as many a level that wait, and a few"
    assert host.order == tasks, "the user's own calls begin in their order"
    assert len(host.alive) <= 2 * slots + SPARE, "some of those who stood in stay for a while"
    host.rest()
    assert len(host.alive) == slots, "then they go"


@pytest.mark.parametrize("slots", [1, 2])
def test_nor_are_there_many_where_they_wait_for_those_of_another_executor(slots: int) -> None:
    host = Host(slots, ["here", "there"], 2, 1)
    for _ in range(60):
        host.call(0)
    host.run()
    assert set(host.settled.values()) == {"DONE"}
    assert host.most <= 4 * slots + SPARE + 1


def test_a_deep_recursion_takes_a_worker_a_level_and_gives_them_back() -> None:
    host = Host(1, ["p"], 60, 1)
    host.call(0)
    host.run()
    assert len(host.settled) == 60
    assert host.most == 60
    assert len(host.alive) <= 2 + SPARE
    host.rest()
    assert len(host.alive) == 1


def test_workers_that_stood_in_do_not_add_to_the_slots() -> None:
    host = Host(1, ["p"], 10, 1)
    host.call(0)
    host.run()
    host.depth = 1
    running = []
    for _ in range(20):
        host.call(0)
    while host.inbox:
        step = host.machine.handle([host.inbox.popleft()], host.now)
        for instruction in step.instructions:
            host.carry_out(instruction)
        running.append(sum(bool(queue) for queue in host.queues.values()))
    assert max(running) == 1


def test_no_worker_is_hired_anew_where_tasks_that_wait_are_called_soon_after() -> None:
    host = Host(2, ["p"], 2, 3)
    for _ in range(6):
        host.call(0)
    host.run()
    hired = host.hired
    for _ in range(20):
        host.now += STAY / 2
        for _ in range(6):
            host.call(0)
        host.run()
    assert host.hired <= hired + 1, "those that have stood in were still there"


def test_few_workers_are_hired_anew_where_task_after_task_waits() -> None:
    host = Host(2, ["p"], 2, 1)
    for _ in range(80):
        host.call(0)
    host.run()
    assert host.hired <= 12


def test_a_call_of_the_users_own_begins_while_a_few_tasks_wait_for_hours() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p"), ev.Submitted(1, "driver")], 0.0)
    machine.handle([ev.Submitted(2, "a", parent=1), ev.Submitted(3, "a", parent=1), ev.Blocked(1)], 0.1)
    machine.handle([ev.WorkerJoined(2, "p"), ev.Submitted(4, "mine")], 0.2)
    step = machine.handle([ev.Succeeded(2, 1, 2, 60.0), ev.Submitted(5, "a", parent=1)], 60.2)
    assert [i.task for i in step.instructions if isinstance(i, Launch)] == [3]
    step = machine.handle([ev.Succeeded(3, 1, 2, 60.0)], 120.2)
    assert [i.task for i in step.instructions if isinstance(i, Launch)] == [4], (
        "it called before 5 was called"
    )


def test_calls_inside_have_the_priority_of_the_task_that_made_them() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p"), ev.Submitted(1, "a", priority=2.0)], 0)
    calls = [
        ev.Submitted(2, "urgent", priority=1.0),
        ev.Submitted(3, "mine"),
        ev.Submitted(4, "later", priority=3.0),
        ev.Submitted(5, "inside", parent=1),
        ev.Submitted(6, "inside", parent=1, priority=-1.0),
    ]
    machine.handle([*calls, ev.Blocked(1)], 0.1)
    order = []
    step = machine.handle([ev.WorkerJoined(2, "p")], 0.2)
    while launches := [i for i in step.instructions if isinstance(i, Launch)]:
        order += [launch.task for launch in launches]
        step = machine.handle([ev.Succeeded(launches[-1].task, 1, 2, 1.0)], 0.3)
    assert order == [2, 6, 5, 4, 3]


def test_where_all_do_nothing_but_wait_what_was_held_back_begins() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1)], 0.0)
    machine.handle([ev.Submitted(n, "waits for the last") for n in range(1, 11)], 0.0)
    begun, worker = 0, 0
    events: list[ev.Event] = [ev.Ticked()]
    hires = 1
    while events or hires:
        if not events:
            hires -= 1
            worker += 1
            events = [ev.WorkerJoined(worker, "p")]
        step = machine.handle(events, 0.1)
        launches = [i for i in step.instructions if isinstance(i, Launch)]
        hires += sum(isinstance(i, Hire) for i in step.instructions)
        begun += len(launches)
        events = [ev.Blocked(launch.worker) for launch in launches]
    assert begun == 10
