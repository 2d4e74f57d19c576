"""The scheduler's loop: messages become events, the machine decides, instructions are carried out.

    socket ──> message ──> event ──> machine.handle ──> instructions ──> `hands` ──> messages ──> socket
                                                    └─> changes ──> rows for those who watch

One thread. Here is what is heard; what is decided is decided in `nbflow.core`, what is done about it is in `hands`.
Values are bytes that pass through.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import select
import shutil
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import force_setattr

from nbflow.core import events as ev
from nbflow.core.machine import Machine
from nbflow.core.retry import NEVER
from nbflow.core.states import State
from nbflow.scheduler import history
from nbflow.scheduler.ends import Ends
from nbflow.scheduler.guard import Guard
from nbflow.scheduler.hands import Hands
from nbflow.scheduler.history import Job
from nbflow.scheduler.jobs import WATCHED, Jobs
from nbflow.scheduler.nested import NestedCalls
from nbflow.scheduler.outputs import Outputs
from nbflow.scheduler.questions import Questions
from nbflow.scheduler.silence import Silence
from nbflow.scheduler.snapshot import Snapshot
from nbflow.scheduler.sockets import Sockets
from nbflow.scheduler.staff import GRACE, Staff
from nbflow.scheduler.telling import Telling
from nbflow.scheduler.visits import Visits
from nbflow.scheduler.workers import Worker, watch_process
from nbflow.wire import leftovers
from nbflow.wire import messages as msg
from nbflow.wire.channel import ChannelClosed, NoFrame, Port
from nbflow.wire.outcomes import Failure, Held, Stored, Withdrawn

# seconds between two looks at workers, visitors and who watches, while there is much to do
LOOK_EVERY = 0.001


class Scheduler:
    """Everything of one flow."""

    def __init__(self, client: Port[msg.FromClient], setup: msg.Configure) -> None:
        self.client = client
        self.setup = setup
        self.machine = Machine(judged=setup.judged, validate=setup.validate)
        self.jobs = Jobs()
        self.events: list[ev.Event] = []
        self._functions: dict[bytes, msg.Define] = {}
        self._apps: dict[str, str] = {}
        self._wake_at: float | None = None
        self._sockets = Sockets()
        self._sockets.add(self.client, self._from_client)
        parent = watch_process(os.getppid())
        if parent is not None:
            self._sockets.listen(parent, self._stop)
        self._outputs = Outputs()
        self.staff = Staff(self, setup, self._sockets, client)
        self._ends = Ends(client, self.machine.counts)
        desks, tasks = self.machine.desks, self.machine.tasks
        self._silence = Silence(self, desks, tasks.live)
        self._hands = Hands(
            client,
            self._ends,
            lambda worker: self._silence.press(worker, time.time()),
            setup,
            self.jobs,
            self.staff,
            self.emit,
            self._sockets.listen,
        )
        self._store = self._hands.store
        self.guard = Guard(self.staff, desks, self.machine.pools, self._silence, self.emit)
        self._snapshot = Snapshot(self.jobs, self.machine, self.staff, self.guard)
        self._nested = NestedCalls(self, self._snapshot)
        self.telling = Telling(
            self.jobs, self._snapshot.task, lambda rows: client.outgoing.append(msg.Rows(rows))
        )
        self._memo = self._hands.memo
        self._visits = Visits(
            client,
            setup,
            self.machine,
            self._sockets,
            rows=self._snapshot.workers,
            cancel_all=lambda: self._cancel(msg.Cancel([])),
        )
        self._on_client = self._heard_of_client()
        self._on_worker = self._heard_of_workers()

    def _heard_of_client(self) -> dict[Any, Callable[[Any], None]]:
        """What is done with each message of the client."""
        return {
            msg.Submit: self.submit,
            msg.Define: self.define,
            msg.Release: self._release,
            msg.Cancel: self._cancel,
            msg.Shorten: self.shorten,
            msg.Unreadable: self.unreadable,
            msg.Watch: self._watch,
            msg.Judged: self._judged,
            msg.AddExecutor: self._add_executor,
            msg.ImportPath: self.staff.import_from,
            msg.Expect: self.promise,
            msg.Deliver: self.deliver,
            msg.Exported: self._exported,
            msg.FromThread: self._from_thread,
            msg.ThreadEnded: self._thread_ended,
            msg.Keep: lambda message: self._store.keep(0, message.files),
            msg.LetGo: lambda message: self._store.let_go(0, message.files),
            **Questions(self, self._snapshot, self._hands).on,
        }

    def _heard_of_workers(self) -> dict[Any, Callable[[Worker, Any], None]]:
        """What is done with each message of a worker's process."""
        return {
            msg.Hello: self._hello,
            msg.Finished: self._finished,
            msg.Gathered: self._gathered,
            msg.Returned: self._returned,
            msg.Printed: self._printed,
            msg.Reported: self._reported,
            msg.Leaving: self._leaving,
            msg.Blocked: self._blocked,
            msg.Unblocked: self._unblocked,
            msg.Keep: lambda worker, message: self._store.keep(worker.number, message.files),
            msg.LetGo: lambda worker, message: self._store.let_go(worker.number, message.files),
            **self._nested.on,
        }

    # ------------------------------------------------------------ the loop

    def run(self) -> None:
        """Until the client goes."""
        try:
            self._visits.open()
            look_at = 0.0  # when to see to what nobody waits for: not between the steps of a task
            while True:
                self.decide()
                now = time.time()
                look = look_at <= now or now + LOOK_EVERY < look_at or self._visits.due is not None
                self._flush(at_once=look)
                if look:
                    look_at = now + LOOK_EVERY
                    if self._visits.over():
                        break
                    self._look()
                    self.telling.tell()
                    self._flush()
                    timeout = self._timeout()
                else:
                    timeout = look_at - now
                self._sockets.wait(timeout)
        except _Stopped:
            pass
        finally:
            self._end()

    def _flush(self, *, at_once: bool = True) -> None:
        """Send what there is to be said; else, it is so again soon."""
        if not at_once and self._ends.may_wait:
            self._sockets.flush(but=self.client)
        else:
            self._ends.sent()
            self._sockets.flush()

    def _timeout(self) -> float | None:
        first = self._wake_at
        dues = self._memo.due, self.guard.due, self._silence.due, self._visits.due, self._store.due
        for at in (*dues, self.telling.due):
            if at is not None and (first is None or at < first):
                first = at
        return None if first is None else max(0.0, first - time.time())

    def decide(self) -> None:
        """Have the machine know all that has happened, and do what it says."""
        now = time.time()
        if self._wake_at is not None and now >= self._wake_at:
            self.events.append(ev.Ticked())
        if self._memo.due is not None and now >= self._memo.due:
            self._memo.write()
        while self.events:
            events, self.events = self.events, []
            step = self.machine.handle(events, now)
            self._wake_at = step.wake_at
            carry = self._hands.carry
            for instruction in step.instructions:
                carry[type(instruction)](instruction)
            if self.telling.watched:
                self.telling.changed([change.task for change in step.changes])
            step.instructions.clear()  # the machine keeps its last step
        self.jobs.pack()

    def _look(self) -> None:
        """Have the guard look at the workers, and the store at what rests, if it is time."""
        now = time.time()
        if self._store.due is not None and now >= self._store.due:
            self._store.look(now)
        if self._silence.due is not None and now >= self._silence.due:
            self._silence.look_at_pressed(now)
            self.decide()
        if self.guard.due is not None and now >= self.guard.due:
            self.guard.look(now)
            self.decide()  # at once: what was looked at is what is decided about
        self.guard.plan(now)
        self.jobs.shrink()
        self.machine.tasks.shrink()
        if self.guard.news or self._silence.news:
            self.guard.news = self._silence.news = False
            if self.telling.watched:
                self.client.outgoing.append(msg.Workers(self._snapshot.workers(), self._store.row()))

    def _stop(self) -> None:
        raise _Stopped

    def _end(self) -> None:
        """End the workers, write the last checkpoint, remove what is temporary."""
        self.staff.end()
        leftovers.end_all(os.environ.get(leftovers.FLOW, ""), GRACE)
        leftovers.end_orphans(GRACE)
        self._memo.end()
        self._store.close()
        for directory in self.setup.temporary:
            shutil.rmtree(directory, ignore_errors=True)
        self._visits.close()

    # ------------------------------------------------------------ from the client

    def _from_client(self) -> None:
        self._ends.heard()
        try:
            self.take(self.client.receive())
        except NoFrame:
            raise  # a bug of ours: it is told in the log, and by how this process ends
        except ChannelClosed:
            raise _Stopped from None

    def take(self, messages: list[msg.FromClient]) -> None:
        """Messages of the client."""
        on = self._on_client
        for message in messages:
            on[type(message)](message)

    def define(self, message: msg.Define) -> None:
        self._functions[message.digest] = message

    def submit(self, message: msg.Submit, origin: int = 0) -> None:
        define = self._functions[message.function]
        if not define.reusable:  # it comes with every call
            del self._functions[message.function]
        # each name and each digest once: a message brings copies of its own, and a million may wait
        force_setattr(message, "app", self._apps.setdefault(message.app, message.app))
        force_setattr(message, "function", define.digest)
        if type(message.payload) is Stored:
            self._store.hold(message.payload)
        job = Job(
            message.id,
            message.app,
            message.parent,
            message.needs,
            message.detail,
            origin,
            define,
            time.time(),
            message,
        )
        if message.part is not None:
            job.part = message.part
        self.jobs.add(job)
        if not origin:
            self._ends.newest = message.id
        if self.telling.watched:
            self.telling.changed((message.id,))
        self.events.append(
            ev.Submitted(
                message.id,
                # how long one item takes says nothing of how long many do
                message.app if message.part is None else f"{message.app}[]",
                message.needs,
                message.executors,
                message.retries.terms if message.retries is not None else NEVER,
                message.walltime or 0.0,
                bool(message.key) and self.setup.memo.memoize,
                message.priority,
                message.parent,
                bool(message.key),
            )
        )

    def shorten(self, message: msg.Shorten) -> None:
        """Items of a task of many are another one's."""
        job = self.jobs.get(message.id)
        if job is not None and job.submit is not None:  # else it has ended, and its answer tells
            history.shorten(job, message.count)
            if self.telling.watched:
                self.telling.changed((message.id,))

    def _add_executor(self, message: msg.AddExecutor) -> None:
        self.staff.add(message.executor)

    def promise(self, message: msg.Expect, origin: int = 0) -> None:
        job = Job(
            message.id, message.app, message.parent, (), "", origin, history.NO_FUNCTION, time.time(), None
        )
        self.jobs.add(job)
        self.emit(ev.Promised(message.id, message.app))

    def deliver(self, message: msg.Deliver) -> None:
        outcome = message.outcome
        state = (
            State.CANCELLED
            if isinstance(outcome, Withdrawn)
            else State.FAILED
            if isinstance(outcome, Failure)
            else State.DONE
        )
        self.ended_outside(message.id, outcome, state, message.note)

    def ended_outside(self, number: int, outcome: Any, state: State, note: str = "") -> None:
        """A promised value has come, or will not."""
        self.decide()  # the promise may have come with this very frame
        task = self.machine.tasks.live.get(number)
        if task is None or task.state is not State.RUNNING or not task.outside:
            self._hands.refuse(outcome)
            return
        job = self.jobs[number]
        self._store.hold(outcome)
        job.outcome, job.note = outcome, note
        self._hands.exports.used |= isinstance(outcome, Held)
        self.emit(ev.Delivered(number, state))

    def _exported(self, message: msg.Exported) -> None:
        self.decide()  # what was to be launched before this answer is
        self._store.hold(message.outcome)
        if not self._hands.exports.answered(message.number, message.outcome):
            self._hands.discard(message.outcome)

    def _from_thread(self, message: msg.FromThread) -> None:
        if (worker := self.staff.get(message.worker)) is not None:
            self.hear(worker, [message.message])

    def _thread_ended(self, message: msg.ThreadEnded) -> None:
        self.staff.thread_ended(message.worker, (message.task, message.attempt))

    def unreadable(self, message: msg.Unreadable) -> None:
        """A value was recalled, and cannot be rebuilt."""
        self._memo.forget(message.key, message.app, message.why)

    def _release(self, message: msg.Release) -> None:
        self.events.append(ev.Released(tuple(message.ids)))

    def _cancel(self, message: msg.Cancel) -> None:
        self.decide()  # calls that came just before it are to be cancelled as well
        self.events += [
            ev.CancelRequested(number, message.unless_begun)
            for number in message.ids or tuple(self.machine.tasks.live)
        ]

    def _watch(self, message: msg.Watch) -> None:
        self.jobs.lately = WATCHED
        self.telling.begin()
        self.guard.meters.watched = True

    def _judged(self, message: msg.Judged) -> None:
        task = self.machine.tasks.live.get(message.id)
        if task is None or task.trial is None or task.attempt != message.attempt:
            return  # it was cancelled meanwhile
        job = self.jobs[message.id]
        job.spent = (job.spent or 0.0) + message.cost
        if message.fault is not None:
            job.outcome = message.fault
        self.events.append(ev.Judged(message.id, message.attempt, message.cost, message.fault is not None))

    # ------------------------------------------------------------ from a worker

    def hear(self, worker: Worker, messages: Sequence[msg.FromWorker]) -> None:
        """What a worker has said, in its order."""
        on = self._on_worker
        for message in messages:
            on[type(message)](worker, message)

    def call_off(self, worker: int, tasks: Sequence[int]) -> None:
        """These were taken from a worker: those that were not sent to it yet never are."""
        self._hands.call_off(worker, tasks)

    def emit(self, event: ev.Event) -> None:
        """What has happened, for the machine."""
        self.events.append(event)

    def gone(self, worker: Worker) -> None:
        """It has ended, and all that it has said was heard."""
        self._nested.gone(worker)
        self._hands.gone(worker.number)
        if not worker.threads:
            self._store.gone(worker.number, worker.pid)
        self._silence.gone(worker)

    def _hello(self, worker: Worker, message: msg.Hello) -> None:
        self.staff.ready(worker)

    def _finished(self, worker: Worker, message: msg.Finished) -> None:
        task = self.machine.tasks.live.get(message.id)
        current = (
            task is not None
            and task.queued
            and task.attempt == message.attempt
            and task.worker == worker.number
        )
        if not current:
            if self.jobs.outcome(message.id) != message.outcome:  # else it is heard again, and in use
                self._hands.refuse(message.outcome)
            return
        job = self.jobs[message.id]
        if type(job.outcome) is Stored:
            self._store.drop(job.outcome)
        job.outcome = message.outcome
        if type(message.outcome) is Stored:
            self._store.hold(message.outcome)
        self._hands.exports.used |= type(message.outcome) is Held
        job.note = message.note
        if message.output or job.output:
            self._outputs.keep(job, message.output)
        job.started, job.ended, job.transfer = message.started, message.ended, message.transfer
        took = message.ended - message.started
        if type(message.outcome) is Failure:
            job.error_line = message.outcome.line
            self.events.append(ev.Failed(message.id, message.attempt, worker.number, message.may_retry, took))
        else:
            if job.failures:
                history.forgive(job)
            if message.tally is not None:
                history.answered(job, message.tally)
            self.events.append(ev.Succeeded(message.id, message.attempt, worker.number, took))

    def _gathered(self, worker: Worker, message: msg.Gathered) -> None:
        job = self.jobs.get(message.id)
        if job is None:
            return  # it has ended long ago
        job.template, job.inner = message.template, message.needs
        if message.output or job.output:
            self._outputs.keep(job, message.output)
        job.started = message.started
        self.events.append(ev.Joined(message.id, message.attempt, worker.number, tuple(message.needs)))

    def _returned(self, worker: Worker, message: msg.Returned) -> None:
        event = ev.Returned(worker.number, tuple(message.ids), tuple(message.kept), message.unasked)
        self.events.append(event)
        if not message.unasked:
            self._silence.answered(worker)

    def _printed(self, worker: Worker, message: msg.Printed) -> None:
        job = self.jobs.get(message.id)
        if job is not None and job.submit is not None:
            self._outputs.keep(job, message.output)

    def _reported(self, worker: Worker, message: msg.Reported) -> None:
        task = self.machine.tasks.live.get(message.id)
        if task is None or (task.attempt, task.worker) != (message.attempt, worker.number):
            return  # what an attempt says that does not count any more
        self.jobs[message.id].progress = message.progress
        if self.telling.watched:
            self.telling.changed((message.id,))

    def _leaving(self, worker: Worker, message: msg.Leaving) -> None:
        self.staff.leaves(worker, message.why)

    def _blocked(self, worker: Worker, message: msg.Blocked) -> None:
        self.events.append(ev.Blocked(worker.number))

    def _unblocked(self, worker: Worker, message: msg.Unblocked) -> None:
        self.events.append(ev.Unblocked(worker.number))


class _Stopped(Exception):
    """The client has gone."""


def main(fd: int, *locks: int) -> None:
    """The whole life of a scheduler process; `fd` is its socket to the client.

    `locks` are kept open, and given to nobody else, for as long as it lives: the flow's claim to its directories.
    """
    faulthandler.enable()
    gc.disable()  # nothing here makes cycles, and the collector would walk the records of all tasks again and again
    for inherited in (fd, *locks):
        os.set_inheritable(inherited, False)
    sock = socket.socket(fileno=fd)
    port: Port[msg.FromClient] = Port(sock, msg.FromClient)
    messages: list[msg.FromClient] = []
    try:
        while not messages:
            select.select([port], [], [])
            messages = port.receive()
    except NoFrame:
        raise  # as later on, see `_from_client`
    except ChannelClosed:
        return
    setup, *others = messages
    assert isinstance(setup, msg.Configure)
    scheduler = Scheduler(port, setup)
    scheduler.take(others)
    scheduler.run()
