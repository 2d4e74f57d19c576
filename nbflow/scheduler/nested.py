"""Calls made inside tasks: the worker that makes them holds them, until it lets go of them or is gone.

What a call means, whoever makes it, is `loop`'s subject. What a worker says may be heard twice, the second time from
the outbox of one that has died; a call is made once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from nbflow.core import events as ev
from nbflow.core.instructions import Why
from nbflow.core.states import State
from nbflow.scheduler import faults
from nbflow.scheduler.jobs import Jobs
from nbflow.scheduler.snapshot import Snapshot
from nbflow.scheduler.staff import Staff
from nbflow.scheduler.workers import Worker
from nbflow.wire import messages as msg
from nbflow.wire.outcomes import Outcome

_ENDED = (Why.ASKED, Why.TIMEOUT, Why.MEMORY)


class Host(Protocol):
    """Takes calls, whoever makes them; `origin` is the worker."""

    jobs: Jobs
    staff: Staff

    def decide(self) -> None: ...
    def emit(self, event: ev.Event) -> None: ...
    def define(self, message: msg.Define) -> None: ...
    def submit(self, message: msg.Submit, origin: int) -> None: ...
    def shorten(self, message: msg.Shorten) -> None: ...
    def unreadable(self, message: msg.Unreadable) -> None: ...
    def promise(self, message: msg.Expect, origin: int) -> None: ...
    def deliver(self, message: msg.Deliver) -> None: ...
    def ended_outside(self, number: int, outcome: Outcome, state: State) -> None: ...


class NestedCalls:
    """Of all workers of a flow. `on`: what is to be done about each kind of message that a worker sends as a client."""

    def __init__(self, host: Host, snapshot: Snapshot) -> None:
        self._host = host
        self._snapshot = snapshot
        self.on: dict[Any, Callable[[Worker, Any], None]] = {
            msg.Submit: self._submit,
            msg.Define: lambda _, message: host.define(message),
            msg.Release: self._release,
            msg.Cancel: self._cancel,
            msg.Shorten: lambda _, message: host.shorten(message),
            msg.Unreadable: lambda _, message: host.unreadable(message),
            msg.Expect: self._promise,
            msg.Deliver: self._deliver,
        }

    def gone(self, worker: Worker) -> None:
        """Nobody is left to hold what its tasks have called, nor to deliver what they have promised."""
        host = self._host
        for number in worker.promises:
            lost = faults.lost(host.staff.end_of(worker.number), "before it could deliver")
            host.ended_outside(number, lost, State.FAILED)
        if calls := self._called_on(worker):
            host.decide()  # it is known then how its task has ended
            for number in calls:
                if self._goes_with(worker, number):
                    host.emit(ev.CancelRequested(number))
        host.emit(ev.Released(tuple(worker.calls)))

    def _called_on(self, worker: Worker) -> list[int]:
        """What its last task has called; the client holds what is called on its threads, as all other calls of its."""
        if not worker.threads:
            return list(worker.calls)
        parent, _ = worker.begun
        return [job.id for job in self._host.jobs.values() if job.parent == parent]

    def _goes_with(self, worker: Worker, number: int) -> bool:
        """Whether a call ends with the attempt that made it: one that was ended on purpose, by a user or by a limit."""
        jobs = self._host.jobs
        parent = jobs.find(jobs[number].parent or 0)
        story = [] if parent is None else self._snapshot.story(parent)
        return any(change.worker == worker.number and change.why in _ENDED for change in story[-3:])

    def _submit(self, worker: Worker, message: msg.Submit) -> None:
        if not self._host.jobs.knows(message.id):
            worker.calls.add(message.id)
            self._host.submit(message, worker.number)

    def _promise(self, worker: Worker, message: msg.Expect) -> None:
        if not self._host.jobs.knows(message.id):
            worker.calls.add(message.id)
            worker.promises.add(message.id)
            self._host.promise(message, worker.number)

    def _deliver(self, worker: Worker, message: msg.Deliver) -> None:
        if message.id in worker.promises:
            worker.promises.remove(message.id)
            self._host.deliver(message)

    def _release(self, worker: Worker, message: msg.Release) -> None:
        released = worker.calls.intersection(message.ids)
        worker.calls -= released
        self._host.emit(ev.Released(tuple(released)))

    def _cancel(self, worker: Worker, message: msg.Cancel) -> None:
        for number in message.ids:
            self._host.emit(ev.CancelRequested(number, message.unless_begun))
