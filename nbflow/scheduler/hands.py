"""The scheduler's hands: they carry out what the machine says, and know no more than that.

    Launch, TakeBack    ──> messages to workers        Settle, Judge    ──> messages to who made the call
    Recall, Remember    ──> the memo                   Forget           ──> values that nobody needs are discarded
    Hire, Dismiss, Abort ──> the staff                 Note             ──> the history

Each task holds its arguments until it has a value and its value until it is forgotten, see `store`. One that ended
without a value holds its arguments until it is forgotten, for another try.

Carrying one out may lead to a later event; it never calls the machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nbflow.core import events as ev
from nbflow.core import instructions as do
from nbflow.core.instructions import Why
from nbflow.core.states import State
from nbflow.scheduler import faults, history
from nbflow.scheduler.ends import Ends
from nbflow.scheduler.exports import Exports, NotExported
from nbflow.scheduler.history import Job
from nbflow.scheduler.jobs import Jobs
from nbflow.scheduler.lines import Lines
from nbflow.scheduler.memo import Memo
from nbflow.scheduler.staff import Staff
from nbflow.scheduler.store import Store
from nbflow.scheduler.workers import Worker
from nbflow.wire import messages as msg
from nbflow.wire.channel import Port
from nbflow.wire.outcomes import (
    VALUES,
    Blamed,
    Composed,
    Failure,
    Held,
    Here,
    Lost,
    Outcome,
    Stored,
    Value,
    Withdrawn,
)

DONE, ATTEMPT, JOINED = State.DONE, Why.ATTEMPT, Why.JOINED


class Kept(NamedTuple):
    """What a task that ended without a value can be tried again with."""

    submit: msg.Submit
    function: msg.Define
    origin: int
    template: bytes
    inner: list[int]


class Hands:
    """What acts for one flow. `jobs` are its tasks as the host has them; `emit` takes what comes of an instruction."""

    def __init__(
        self,
        client: Port[msg.FromClient],
        ends: Ends,
        press: Callable[[Worker], None],
        setup: msg.Configure,
        jobs: Jobs,
        staff: Staff,
        emit: Callable[[ev.Event], None],
        listen: Callable[[int, Callable[[], None]], None],
    ) -> None:
        self.store = Store(setup.store_dirs, setup.store_limit, self._say_freed, listen)
        self.exports = Exports(lambda number: client.outgoing.append(msg.Export(number)))
        self.memo = Memo(
            setup.memo,
            jobs,
            self.exports,
            emit=emit,
            hold=self.store.hold,
            discard=self.discard,
            warn=self._warn_user,
        )
        self._client = client
        self._ends = ends
        self._press = press
        self._client_process = os.getppid()
        self._jobs = jobs
        self._staff = staff
        self._emit = emit
        self._lines = Lines(self._send)
        #: of tasks that ended without a value, as long as somebody holds them
        self.kept: dict[int, Kept] = {}
        self.carry: dict[type[do.Instruction], Callable[[Any], None]] = {
            do.Launch: self._launch,
            do.Settle: self._settle,
            do.Note: self._note,
            do.Judge: self._judge,
            do.Forget: self._forget,
            do.Revive: self._revive,
            do.Recall: self._recall,
            do.Remember: self._remember,
            do.TakeBack: self._take_back,
            do.Abort: self._abort,
            do.Hire: self._hire,
            do.Dismiss: self._dismiss,
        }

    def _warn_user(self, text: str) -> None:
        self._client.outgoing.append(msg.Warned(text))

    def _launch(self, launch: do.Launch) -> None:
        if self.exports.used:
            self._lines.add(launch)
        else:
            self._send(launch)

    def _send(self, launch: do.Launch) -> bool:
        """Tell a worker to run a task; False if that has to wait for a value that is still in the client's process."""
        job = self._jobs[launch.task]
        submit = job.submit
        worker = self._staff.workers.get(launch.worker)
        if submit is None or worker is None:
            return True  # it has ended in the line, or its worker has died: that is among the events
        values: list[Any] = (
            []  # who keeps the arguments has the futures in them
            if type(submit.payload) is Held
            else [self._value_of(number) for number in submit.needs]
        )
        if self.exports.used and not worker.threads:
            if not self.exports.fetch(values, lambda: self._lines.go_on(launch)):
                return False
            try:
                values[:] = map(self.exports.put_in, values)
            except NotExported as error:
                job.outcome = error.failure
                self._emit(ev.Failed(launch.task, launch.attempt, launch.worker, False))
                return True
        if self.store.files:
            for value in (submit.payload, *values):
                self.store.touch(value, worker.pid)
        if submit.function not in worker.knows:
            if job.function.reusable:
                worker.knows.add(submit.function)
            worker.send(job.function)
        worker.send(
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
                submit.retries.on if submit.retries is not None else b"",
            )
        )
        return True

    def _value_of(self, number: int) -> Any:
        """The value of a need; what has none yet was sent to the same worker before."""
        outcome = self._jobs.outcome(number)
        return outcome if type(outcome) in VALUES else Here(number)

    def _settle(self, settle: do.Settle) -> None:
        job = self._jobs[settle.task]
        if job.submit is not None:
            self._keep_or_discard(job, job.submit, settle)
        job.story = [*job.before, *settle.story] if job.before else settle.story
        outcome = self._outcome(settle, job)
        if settle.why is JOINED:
            self.store.hold(outcome)  # any other value is held since it came
        if type(job.outcome) is Stored and outcome is not job.outcome:
            self.store.drop(job.outcome)  # it came, and counts no more
        if job.submit is not None and job.submit.key:
            self.memo.ended(job, outcome, settle.root)
        history.conclude(job, outcome)
        self._jobs.settled(job)
        if job.origin == 0:
            self._ends.tell(msg.Settled(settle.task, outcome))
        else:
            self._tell_caller(job, outcome)

    def _keep_or_discard(self, job: Job, submit: msg.Submit, settle: do.Settle) -> None:
        """The task has ended: its arguments are not needed any more, but for another try."""
        if settle.state is DONE or settle.why is Why.NEED_GONE or job.part is not None:
            self.discard(submit.payload)
        else:
            self.kept[job.id] = Kept(submit, job.function, job.origin, job.template, job.inner)

    def _revive(self, revive: do.Revive) -> None:
        kept = self.kept.pop(revive.task)
        job = self._jobs.revive(revive.task)
        history.tried_again(job)
        job.submit, job.function, job.origin = kept.submit, kept.function, kept.origin
        job.template, job.inner = (kept.template, kept.inner) if revive.joins else (b"", [])

    def _note(self, note: do.Note) -> None:
        job = self._jobs[note.task]
        if note.why is not Why.ATTEMPT:
            job.outcome = faults.found(note.why, job, self._staff, note.worker)
        history.attempt_failed(job)

    def _judge(self, judge: do.Judge) -> None:
        job = self._jobs[judge.task]
        assert isinstance(job.outcome, (Failure, Lost))
        question = msg.Judge(
            job.id, judge.attempt, job.app, list(job.needs), job.outcome, job.failures, judge.spent
        )
        self._client.outgoing.append(question)

    def _tell_caller(self, job: Job, outcome: Outcome) -> None:
        """A call made inside a task of another process has ended."""
        worker = self._staff.get(job.origin)
        if worker is None:
            return
        if self.exports.used:
            if not self.exports.fetch([outcome], lambda: self._tell_caller(job, outcome)):
                return
            try:
                outcome = self.exports.put_in(outcome)
            except NotExported as error:
                outcome = error.failure
        worker.send(msg.Settled(job.id, outcome))

    def _outcome(self, settle: do.Settle, job: Job) -> Outcome:
        why = settle.why
        if why is ATTEMPT or why is Why.RECALLED or why is Why.JUDGED:
            assert job.outcome is not None
            return job.outcome
        if why is JOINED:
            return self._joined(job)
        if why is Why.NEED:
            return self._blame(settle)
        if why is Why.ASKED:
            return Withdrawn()
        return faults.found(why, job, self._staff, job.story[-1].worker, settle.root)

    def _joined(self, job: Job) -> Value:
        """The value of a join whose tasks have ended."""
        inner: list[Any] = [self._jobs.outcome(number) for number in job.inner]
        value: Value = Composed(job.template, inner) if job.template else inner[0]
        return value

    def _blame(self, settle: do.Settle) -> Blamed:
        assert settle.root is not None
        root = self._jobs[settle.root]
        cause = root.outcome.cause if isinstance(root.outcome, Blamed) else root.outcome
        if not isinstance(cause, (Failure, Lost)):
            cause = None
        if type(cause) is Failure:
            cause = faults.in_brief(cause)
        return Blamed(settle.root, root.app, cause, join=settle.state is State.FAILED)

    def _forget(self, forget: do.Forget) -> None:
        if (kept := self.kept.pop(forget.task, None)) is not None:
            self.discard(kept.submit.payload)
        outcome = self._jobs.forget(forget.task)
        if isinstance(outcome, (Stored, Held)):
            self.discard(outcome)
        elif type(outcome) is Composed:
            self.store.drop(outcome)  # what stays in the client's process is its parts' own

    def discard(self, outcome: Any) -> None:
        """One who held a value does not any more; nothing happens to one that lies in no place."""
        if type(outcome) is Stored:
            self.store.drop(outcome)
        elif type(outcome) is Held and not self.memo.keeps(outcome):
            self.discard(self.exports.forget(outcome.number))
            self._client.outgoing.append(msg.Drop(outcome.number))

    def refuse(self, outcome: Any) -> None:
        """A value has come that nobody holds."""
        if type(outcome) is Stored:
            self.store.refuse(outcome)
        else:
            self.discard(outcome)

    def _say_freed(self, process: int, paths: list[str], reuse: bool) -> bool:
        if process == self._client_process:
            self._client.outgoing.append(msg.Freed(paths, reuse))
            return True
        for worker in self._staff.workers.values():
            if worker.pid == process and not worker.threads:
                worker.send(msg.Freed(paths, reuse))
                return True
        return False

    def _recall(self, recall: do.Recall) -> None:
        self.memo.recall(self._jobs[recall.task])

    def _remember(self, remember: do.Remember) -> None:
        job = self._jobs[remember.task]
        if job.submit is not None and job.submit.key:
            joined = job.template or job.inner
            self.memo.remember(job, self._joined(job) if joined else job.outcome)

    def _take_back(self, take: do.TakeBack) -> None:
        worker = self._staff.get(take.worker)
        if worker is None:
            return
        if not_sent := self._lines.take_out(take.worker, take.tasks):
            self._emit(ev.Returned(take.worker, tuple(not_sent)))
        if sent := [number for number in take.tasks if number not in not_sent]:
            worker.take_back(sent)
            self._press(worker)

    def call_off(self, worker: int, tasks: Sequence[int]) -> None:
        """These were taken from a worker: those that were not sent to it yet never are."""
        self._lines.take_out(worker, tasks)

    def gone(self, worker: int) -> None:
        """It has ended: what was yet to be sent to it never is."""
        self._lines.gone(worker)

    def _abort(self, abort: do.Abort) -> None:
        self._staff.kill(abort.worker, abort.behind)

    def executor_of(self, worker: int) -> str:
        """Which one a worker is of, or was; "" where nobody knows."""
        return self._staff.executor_of(worker)

    def _hire(self, hire: do.Hire) -> None:
        self._staff.hire(hire.executor, hire.successor_of)

    def _dismiss(self, dismiss: do.Dismiss) -> None:
        self._staff.dismiss(dismiss.worker)
