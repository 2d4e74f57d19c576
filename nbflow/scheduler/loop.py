"""The scheduler's loop: messages become events, the machine decides, instructions are carried out.

    socket ──> message ──> event ──> machine.handle ──> instructions ──> messages ──> socket
                                                    └─> changes ──> rows for those who watch

One thread. What is decided is decided in `nbflow.core`; values are bytes that pass through.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import select
import shutil
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from nbflow.core import events as ev
from nbflow.core import instructions as do
from nbflow.core.instructions import Why
from nbflow.core.machine import Machine
from nbflow.core.states import State
from nbflow.numbers import name_of
from nbflow.scheduler import history
from nbflow.scheduler.history import Job
from nbflow.scheduler.sockets import Sockets
from nbflow.scheduler.workers import Worker, cannot_start, watch_process
from nbflow.values.objects import discard
from nbflow.wire import messages as msg
from nbflow.wire.channel import ChannelClosed, Port

PUBLISH_EVERY = 0.05  # seconds between two batches of rows for those who watch
GRACE = 0.5  # seconds that workers get to end by themselves


class Scheduler:
    """Everything of one flow."""

    def __init__(self, client: Port[msg.FromClient], setup: msg.Configure) -> None:
        self.client = client
        self.setup = setup
        self.machine = Machine(validate=setup.validate)
        self.workers: dict[int, Worker] = {}
        self.jobs: dict[int, Job] = {}
        self.events: list[ev.Event] = []
        self._functions: dict[bytes, msg.Define] = {}
        self._memo: dict[bytes, msg.Outcome] = {}
        self._remembered: set[str] = set()  # files of values that the memo holds
        self._specs = {spec.label: spec for spec in setup.executors}
        self._next_worker = 1
        self._last_words: dict[int, str] = {}  # how workers ended
        self._no_start = ""  # why the last one that did not start did not
        self._watched = False
        self._dirty: dict[int, None] = {}  # tasks whose row has changed, in order
        self._published = 0.0
        self._wake_at: float | None = None
        self._sockets = Sockets()
        self._sockets.add(self.client, self._from_client)
        parent = watch_process(os.getppid())
        if parent is not None:
            self._sockets.listen(parent, self._stop)
        self._on_client: dict[Any, Callable[[Any], None]] = {
            msg.Submit: self._submit,
            msg.Define: self._define,
            msg.Release: self._release,
            msg.Cancel: self._cancel,
            msg.Watch: self._watch,
            msg.Inspect: self._inspect,
            msg.Survey: self._survey,
        }
        self._on_worker: dict[Any, Callable[[Worker, Any], None]] = {
            msg.Hello: self._hello,
            msg.Finished: self._finished,
            msg.Gathered: self._gathered,
            msg.Returned: self._returned,
            msg.Printed: self._printed,
            msg.Blocked: self._blocked,
            msg.Unblocked: self._unblocked,
            msg.Submit: self._nested_submit,
            msg.Define: self._nested_define,
            msg.Release: self._nested_release,
            msg.Cancel: self._nested_cancel,
        }
        self._carry: dict[type[do.Instruction], Callable[[Any], None]] = {
            do.Launch: self._launch,
            do.Settle: self._settle,
            do.Forget: self._forget,
            do.Recall: self._recall,
            do.Remember: self._remember,
            do.TakeBack: self._take_back,
            do.Abort: self._abort,
            do.Hire: self._hire,
            do.Dismiss: self._dismiss,
        }
        self.events += [ev.ExecutorAdded(spec.label, spec.workers) for spec in setup.executors]

    # ------------------------------------------------------------ the loop

    def run(self) -> None:
        """Until the client goes."""
        try:
            while True:
                self._decide()
                self._publish()
                self._sockets.flush()
                self._sockets.wait(self._timeout())
        except _Stopped:
            pass
        finally:
            self._end()

    def _timeout(self) -> float | None:
        if self._wake_at is None and not self._dirty:
            return None
        publish_at = self._published + PUBLISH_EVERY if self._dirty else float("inf")
        return max(0.0, min(self._wake_at or float("inf"), publish_at) - time.time())

    def _decide(self) -> None:
        now = time.time()
        if self._wake_at is not None and now >= self._wake_at:
            self.events.append(ev.Ticked())
        while self.events:
            events, self.events = self.events, []
            step = self.machine.handle(events, now)
            self._wake_at = step.wake_at
            carry = self._carry
            for instruction in step.instructions:
                carry[type(instruction)](instruction)
            if self._watched:
                self._dirty.update((change.task, None) for change in step.changes)

    def _stop(self) -> None:
        raise _Stopped

    def _end(self) -> None:
        """End the workers, remove what is temporary."""
        for worker in self.workers.values():
            worker.port.close()
        deadline = time.monotonic() + GRACE
        for worker in self.workers.values():
            with suppress(Exception):
                worker.process.wait(max(0.0, deadline - time.monotonic()))
        for worker in self.workers.values():
            worker.bury()
        for directory in self.setup.temporary:
            shutil.rmtree(directory, ignore_errors=True)

    # ------------------------------------------------------------ from the client

    def _from_client(self) -> None:
        try:
            self.take(self.client.receive())
        except ChannelClosed:
            raise _Stopped from None

    def take(self, messages: list[msg.FromClient]) -> None:
        """Messages of the client."""
        on = self._on_client
        for message in messages:
            on[type(message)](message)

    def _define(self, message: msg.Define) -> None:
        self._functions[message.digest] = message

    def _submit(self, message: msg.Submit, origin: int = 0) -> None:
        define = self._functions[message.function]
        if not define.reusable:  # it comes with every call
            del self._functions[message.function]
        self.jobs[message.id] = Job(
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
        if self._watched:
            self._dirty[message.id] = None
        self.events.append(
            ev.Submitted(
                message.id,
                message.app,
                tuple(message.needs),
                tuple(message.executors),
                message.retries,
                message.walltime,
                bool(message.key),
            )
        )

    def _release(self, message: msg.Release) -> None:
        self.events.append(ev.Released(tuple(message.ids)))

    def _cancel(self, message: msg.Cancel) -> None:
        self._decide()  # calls that came just before it are to be cancelled as well
        self.events += [ev.CancelRequested(number) for number in message.ids or tuple(self.machine.tasks)]

    def _watch(self, message: msg.Watch) -> None:
        self._watched = True
        self._dirty.update(dict.fromkeys(self.jobs))

    def _inspect(self, message: msg.Inspect) -> None:
        self._decide()  # what came before the question counts for the answer
        job = self.jobs.get(message.id)
        if job is None:
            self.client.outgoing.append(msg.Details(message.id, None, None))
        else:
            story = self._story(job)
            answer = msg.Details(job.id, history.row(job, story), history.details(job, story))
            self.client.outgoing.append(answer)

    def _story(self, job: Job) -> list[do.Change]:
        """The changes of a task up to now: the machine has them until it is settled."""
        task = None if job.story else self.machine.tasks.get(job.id)
        return job.story if task is None else task.story

    def _survey(self, message: msg.Survey) -> None:
        self._decide()
        self._publish(now=True)  # whoever asks has the rows by then that the counts are of
        desks = self.machine.desks
        rows = [
            msg.WorkerRow(
                w.number, w.executor, w.process.pid, desks[w.number].head if w.number in desks else None
            )
            for w in self.workers.values()
        ]
        self.client.outgoing.append(msg.Status(list(self.machine.counts), rows, os.getpid()))

    # ------------------------------------------------------------ from a worker

    def _from_worker(self, worker: Worker) -> None:
        try:
            messages = worker.port.receive()
        except ChannelClosed:
            self._lost(worker)
            return
        self._hear(worker, messages)

    def _hear(self, worker: Worker, messages: list[msg.FromWorker]) -> None:
        on = self._on_worker
        for message in messages:
            on[type(message)](worker, message)

    def _process_ended(self, worker: Worker) -> None:
        """The process has ended, whoever may still hold its socket: take in what it has said, then let it go."""
        if worker.number in self.workers:
            with suppress(ChannelClosed):
                while messages := worker.port.receive():
                    self._hear(worker, messages)
            self._lost(worker)

    def _lost(self, worker: Worker) -> None:
        if self.workers.pop(worker.number, None) is None:
            return
        self._sockets.drop(worker.port.fileno())
        if worker.pidfd is not None:
            self._sockets.drop(worker.pidfd)
        self._hear(worker, worker.last_messages())
        words = worker.bury()
        if worker.ready:
            self._last_words[worker.number] = words
            self.events.append(ev.WorkerLost(worker.number))
            # nobody is left to hold what its task has called
            self.events.append(ev.Released(tuple(worker.calls)))
        else:
            self._no_start = words
            self.events.append(ev.HireFailed(worker.executor))

    def _hello(self, worker: Worker, message: msg.Hello) -> None:
        worker.ready = True
        self.events.append(ev.WorkerJoined(worker.number, worker.executor))

    def _finished(self, worker: Worker, message: msg.Finished) -> None:
        task = self.machine.tasks.get(message.id)
        current = (
            task is not None
            and task.queued
            and task.attempt == message.attempt
            and task.worker == worker.number
        )
        if not current:
            self._discard(message.outcome)
            return
        job = self.jobs[message.id]
        job.outcome = message.outcome
        job.note = message.note
        job.output = message.output
        job.started, job.ended = message.started, message.ended
        if type(message.outcome) is msg.Failure:
            job.error_line = message.outcome.line
            self.events.append(ev.Failed(message.id, message.attempt, worker.number))
        else:
            took = message.ended - message.started
            self.events.append(ev.Succeeded(message.id, message.attempt, worker.number, took))

    def _gathered(self, worker: Worker, message: msg.Gathered) -> None:
        job = self.jobs[message.id]
        job.template = message.template
        job.output = message.output
        job.started = message.started
        self.events.append(ev.Joined(message.id, message.attempt, worker.number, tuple(message.needs)))

    def _returned(self, worker: Worker, message: msg.Returned) -> None:
        self.events.append(ev.Returned(worker.number, tuple(message.ids), tuple(message.kept)))

    def _printed(self, worker: Worker, message: msg.Printed) -> None:
        job = self.jobs.get(message.id)
        if job is not None and job.submit is not None:
            job.output = message.output

    def _blocked(self, worker: Worker, message: msg.Blocked) -> None:
        self.events.append(ev.Blocked(worker.number))

    def _unblocked(self, worker: Worker, message: msg.Unblocked) -> None:
        self.events.append(ev.Unblocked(worker.number))

    def _nested_submit(self, worker: Worker, message: msg.Submit) -> None:
        if message.id not in self.jobs:  # else: left in the outbox of a dead worker, and heard before
            worker.calls.add(message.id)
            self._submit(message, worker.number)

    def _nested_define(self, worker: Worker, message: msg.Define) -> None:
        self._define(message)

    def _nested_release(self, worker: Worker, message: msg.Release) -> None:
        released = worker.calls.intersection(
            message.ids
        )  # what it still holds: a release may be heard twice too
        worker.calls -= released
        self.events.append(ev.Released(tuple(released)))

    def _nested_cancel(self, worker: Worker, message: msg.Cancel) -> None:
        self.events += [ev.CancelRequested(number) for number in message.ids]

    # ------------------------------------------------------------ instructions

    def _launch(self, launch: do.Launch) -> None:
        job = self.jobs[launch.task]
        submit = job.submit
        assert submit is not None
        worker = self.workers.get(launch.worker)
        if worker is None:
            return  # it has died meanwhile; its loss is among the events
        outgoing = worker.port.outgoing
        if submit.function not in worker.knows:
            if job.function.reusable:
                worker.knows.add(submit.function)
            outgoing.append(job.function)
        values: list[Any] = [self.jobs[number].outcome for number in submit.needs]
        outgoing.append(
            msg.Run(
                launch.task,
                launch.attempt,
                submit.app,
                submit.kind,
                submit.function,
                submit.payload,
                values,
                submit.streams,
                submit.outputs,
            )
        )

    def _settle(self, settle: do.Settle) -> None:
        job = self.jobs[settle.task]
        if job.submit is not None:
            self._discard(job.submit.payload)
        job.story = settle.story
        outcome = self._outcome(settle, job)
        history.conclude(job, outcome)
        if job.origin == 0:
            self.client.outgoing.append(msg.Settled(settle.task, outcome))
        elif (worker := self.workers.get(job.origin)) is not None:
            worker.port.outgoing.append(msg.Settled(settle.task, outcome))

    def _outcome(self, settle: do.Settle, job: Job) -> msg.Outcome:
        why = settle.why
        if why is Why.ATTEMPT or why is Why.RECALLED:
            assert job.outcome is not None
            return job.outcome
        if why is Why.JOINED:
            inner: list[Any] = [
                self.jobs[number].outcome for number in self.machine.tasks[settle.task].inner or ()
            ]
            return inner[0] if not job.template else msg.Composed(job.template, inner)
        if why is Why.NEED:
            return self._blame(settle)
        if why is Why.ASKED:
            return msg.Withdrawn()
        return msg.Lost(*self._words(why, settle, job))

    def _blame(self, settle: do.Settle) -> msg.Blamed:
        assert settle.root is not None
        root = self.jobs[settle.root]
        cause = root.outcome if isinstance(root.outcome, (msg.Failure, msg.Lost)) else None
        return msg.Blamed(settle.root, root.app, cause, join=settle.state is State.FAILED)

    def _words(self, why: Why, settle: do.Settle, job: Job) -> tuple[str, str]:
        """The class of an error that the scheduler found, and its text."""
        submit = job.submit
        if why is Why.LOST:
            words = self._last_words.get(job.story[-1].worker, "its worker is gone")
            return "WorkerLost", f"{words} (while it ran task {name_of(job.id)} `{job.app}`)"
        if why is Why.TIMEOUT:
            limit = submit.walltime if submit is not None else 0.0
            return (
                "AppTimeout",
                f"task {name_of(job.id)} `{job.app}` ran longer than its walltime of {limit:g} s and was ended",
            )
        if why is Why.NO_WORKERS:
            labels = (submit.executors if submit is not None else None) or list(self._specs)
            return "WorkerLost", cannot_start(labels[0], self._no_start)
        if why is Why.NO_EXECUTOR:
            return "UsageError", f"no executor of `{job.app}`'s is there; there are: {', '.join(self._specs)}"
        return (
            "UsageError",
            f"the value of task {name_of(settle.root or 0)}, which `{job.app}` needs, is not known any more",
        )

    def _forget(self, forget: do.Forget) -> None:
        job = self.jobs[forget.task]
        if isinstance(job.outcome, msg.Stored):
            self._discard(job.outcome)
        if not isinstance(
            job.outcome, (msg.Failure, msg.Lost)
        ):  # errors stay: a task that is yet to end may blame it
            job.outcome = None

    def _discard(self, outcome: Any) -> None:
        if type(outcome) is msg.Stored and outcome.path not in self._remembered:
            discard(outcome.path)

    def _recall(self, recall: do.Recall) -> None:
        job = self.jobs[recall.task]
        assert job.submit is not None
        outcome = self._memo.get(job.submit.key)
        if outcome is not None:
            job.outcome = outcome
            job.note = "recalled"
        self.events.append(ev.Recalled(recall.task, outcome is not None))

    def _remember(self, remember: do.Remember) -> None:
        job = self.jobs[remember.task]
        if job.submit is not None and job.submit.key and isinstance(job.outcome, (msg.Inline, msg.Stored)):
            self._memo[job.submit.key] = job.outcome
            if isinstance(job.outcome, msg.Stored):
                self._remembered.add(job.outcome.path)

    def _take_back(self, take: do.TakeBack) -> None:
        if (worker := self.workers.get(take.worker)) is not None:
            worker.port.outgoing.append(msg.TakeBack(list(take.tasks)))

    def _abort(self, abort: do.Abort) -> None:
        if (worker := self.workers.get(abort.worker)) is not None:
            worker.kill()

    def _hire(self, hire: do.Hire) -> None:
        number = self._next_worker
        self._next_worker += 1
        try:
            worker = Worker(number, self._specs[hire.executor], self.setup.run_dir, self.setup.sys_path)
        except OSError as error:
            self._no_start = f"a process cannot be started: {error}"
            self.events.append(ev.HireFailed(hire.executor))
            return
        self.workers[number] = worker
        self._sockets.add(worker.port, lambda: self._from_worker(worker))
        if worker.pidfd is not None:
            self._sockets.listen(worker.pidfd, lambda: self._process_ended(worker))
        worker.port.outgoing.append(
            msg.Setup(number, self.setup.directory, self.setup.store_dirs, list(self._specs))
        )

    def _dismiss(self, dismiss: do.Dismiss) -> None:
        if (worker := self.workers.get(dismiss.worker)) is not None:
            worker.kill()  # it is idle

    # ------------------------------------------------------------ for those who watch

    def _publish(self, *, now: bool = False) -> None:
        at = time.time()
        if self._dirty and (now or at - self._published >= PUBLISH_EVERY):
            jobs = [self.jobs[number] for number in self._dirty]
            rows = [history.row(job, self._story(job)) for job in jobs]
            self._dirty.clear()
            self._published = at
            self.client.outgoing.append(msg.Rows(rows))


class _Stopped(Exception):
    """The client has gone."""


def main(fd: int) -> None:
    """The whole life of a scheduler process; `fd` is its socket to the client."""
    faulthandler.enable()
    gc.disable()  # nothing here makes cycles, and the collector would walk the records of all tasks again and again
    os.set_inheritable(fd, False)
    sock = socket.socket(fileno=fd)
    port: Port[msg.FromClient] = Port(sock, msg.FromClient)
    messages: list[msg.FromClient] = []
    try:
        while not messages:
            select.select([port], [], [])
            messages = port.receive()
    except ChannelClosed:
        return
    setup, *others = messages
    assert isinstance(setup, msg.Configure)
    scheduler = Scheduler(port, setup)
    scheduler.take(others)
    scheduler.run()
