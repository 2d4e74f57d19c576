"""Workers that do not answer: stopped by a signal or a debugger, frozen, or held up by a call that lets no thread run.

What such a worker has begun waits until it goes on. What it has not begun goes elsewhere, and never begins twice: the
worker writes what it begins into memory that the scheduler shares, and looks there whether it may.

    a `TakeBack`, or it is stopped              ──> doubt: it must begin nothing more until it has answered
    nothing has moved there until the next look ──> `Silent`: what it has not begun is taken from it
    and it had no processor for a second        ──> "not responding"; its slot is lent to another worker
    it answers                                  ──> `Answers`: it has thrown away what was taken

After a `TakeBack` the next look comes soon: an idle worker waits for what was asked for, or the user who cancels it,
and a call into C may let no thread run for as long as it takes. Such a call also keeps back the answers of the tasks
before it, which stand in the shared memory, and are heard from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from nbflow.core import events as ev
from nbflow.core.placement import Desk
from nbflow.core.task import Task
from nbflow.scheduler import figures
from nbflow.scheduler.workers import Worker, WorkerProcess
from nbflow.wire import messages as msg

SOON = 0.002  # seconds after which an answer is not waited for any more: where threads run it takes 0.3 ms
HALTED = 1.0  # seconds without any processor after which a worker counts as not responding


class Host(Protocol):
    """Whose workers they are."""

    def hear(self, worker: Worker, messages: Sequence[msg.FromWorker]) -> None:
        """Take what a worker has said."""

    def emit(self, event: ev.Event) -> None:
        """Take what has happened."""

    def decide(self) -> None:
        """Have the machine know all that has happened."""

    def call_off(self, worker: int, tasks: Sequence[int]) -> None:
        """Take note that these are taken from a worker; the machine is told next."""


class Doubt(NamedTuple):
    """What is known of a worker since it has not answered."""

    ticks: int  # what it has had of the processors
    since: float  # when that was
    memory: bytes  # what stood in the memory that it shares
    taken: bool = False  # what it has not begun goes elsewhere


class Silence:
    """Finds them among the workers of one flow. `desks` and `tasks` are the machine's."""

    def __init__(self, host: Host, desks: Mapping[int, Desk], tasks: Mapping[int, Task]) -> None:
        self.news = False  #: it has changed who responds; whoever tells it sets this back
        self.due: float | None = None  #: when to look at those that were pressed; None = there are none
        self._host = host
        self._desks = desks
        self._tasks = tasks
        self._doubts: dict[int, Doubt] = {}
        self._ahead: dict[int, tuple[int, int]] = {}  # what workers have begun, answers before it missing
        self._pressed: dict[int, WorkerProcess] = {}

    @property
    def pressing(self) -> bool:
        """Whether there is more to find out soon."""
        return bool(self._ahead) or any(not doubt.taken for doubt in self._doubts.values())

    def press(self, worker: Worker, now: float) -> None:
        """It was just asked for tasks back."""
        if not isinstance(worker, WorkerProcess) or worker.number in self._doubts:
            return
        self._doubt(worker, figures.processor_time(worker.pid), now)
        self._pressed[worker.number] = worker
        if self.due is None:
            self.due = now + SOON

    def look_at_pressed(self, now: float) -> None:
        """When it is due: take what they have not begun from those in which nothing has moved."""
        self.due = None
        pressed, self._pressed = self._pressed, {}
        for number, worker in pressed.items():
            doubt = self._doubts.get(number)
            if doubt is None or doubt.taken:
                continue
            memory, desk = worker.outbox.snapshot(), self._desks.get(number)
            still = memory == doubt.memory and desk is not None and bool(desk.queue)
            if still:
                self._take(worker, not worker.responding)
            else:  # it is between two tasks, and about to answer
                self._pressed[number] = worker
                self.due = now + SOON
            self._doubts[number] = doubt._replace(memory=memory, taken=still)

    def look(self, worker: Worker, now: float) -> None:
        """After its figures were brought up to date."""
        if not isinstance(worker, WorkerProcess):
            return
        self._hear_what_is_kept_back(worker)
        doubt = self._doubts.get(worker.number)
        if doubt is None and not worker.crew.stopped:
            return
        ticks = figures.processor_time(worker.pid)
        if doubt is None:
            self._doubt(worker, ticks, now)
            if not worker.asked:
                desk = self._desks.get(worker.number)
                worker.take_back([] if desk is None else list(desk.queue))
            return
        memory = worker.outbox.snapshot()
        still = memory == doubt.memory
        since = doubt.since if ticks == doubt.ticks else now
        halted = now - since >= HALTED
        if halted == worker.responding:
            worker.responding = not halted
            self.news = True
            if doubt.taken:
                self._host.emit(ev.Silent(worker.number, (), halted))
        if still and not doubt.taken:
            self._take(worker, halted)
        self._doubts[worker.number] = Doubt(ticks, since, memory, doubt.taken or still)

    def _hear_what_is_kept_back(self, worker: WorkerProcess) -> None:
        """Answers before a task that has run since the last look, and at whose beginning they were not sent."""
        begun, desk = worker.outbox.begun, self._desks.get(worker.number)
        before = self._ahead.pop(worker.number, None)
        if desk is None or begun[0] == desk.head or begun[0] not in desk.queue:
            return
        if begun == before:
            self._host.hear(worker, worker.last_messages())  # what is heard again counts once
            self._host.decide()
        else:
            self._ahead[worker.number] = begun

    def _doubt(self, worker: WorkerProcess, ticks: int, now: float) -> None:
        worker.outbox.recall(True)
        self._doubts[worker.number] = Doubt(ticks, now, worker.outbox.snapshot())

    def _take(self, worker: WorkerProcess, halted: bool) -> None:
        """Take from it what it has not begun."""
        self._host.hear(worker, worker.last_messages())  # answers that it was about to send
        self._host.decide()
        desk = self._desks.get(worker.number)
        if desk is None:
            return
        tasks = list(desk.queue)
        begun, attempt = worker.outbox.begun
        if begun in desk.queue and self._tasks[begun].attempt == attempt:
            # those before it have ended: their answers are on the way
            tasks = tasks[tasks.index(begun) + 1 :]
            self._host.emit(ev.Returned(worker.number, (), (begun,), unasked=True))
        self._host.call_off(worker.number, tasks)
        if tasks:
            worker.take_back(tasks)  # it is to throw away all of them, and may have been asked for some
        self._host.emit(ev.Silent(worker.number, tuple(tasks), halted))

    def answered(self, worker: Worker) -> None:
        """It has answered a `TakeBack`."""
        worker.asked = max(0, worker.asked - 1)
        if worker.asked or (doubt := self._doubts.pop(worker.number, None)) is None:
            return
        assert isinstance(worker, WorkerProcess)
        worker.outbox.recall(False)
        self.news |= not worker.responding
        worker.responding = True
        if doubt.taken:
            self._host.emit(ev.Answers(worker.number))

    def gone(self, worker: Worker) -> None:
        """It has ended."""
        self._ahead.pop(worker.number, None)
        self._doubts.pop(worker.number, None)
