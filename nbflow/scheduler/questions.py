"""What the client asks about the flow, and how it is answered: at once, with what was heard up to then decided.

To ask changes nothing, but for who wants tasks tried again: that is an event once it is known which may be.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

from nbflow.core import events as ev
from nbflow.core.machine import Machine
from nbflow.scheduler import again, history
from nbflow.scheduler.guard import Guard
from nbflow.scheduler.hands import Hands
from nbflow.scheduler.jobs import Jobs
from nbflow.scheduler.snapshot import Snapshot
from nbflow.scheduler.telling import Telling
from nbflow.wire import messages as msg
from nbflow.wire.channel import Port


class Host(Protocol):
    """Who is asked."""

    client: Port[msg.FromClient]
    machine: Machine
    jobs: Jobs
    guard: Guard
    telling: Telling

    def decide(self) -> None:
        """Have the machine know all that was heard."""

    def emit(self, event: ev.Event) -> None:
        """Take what has happened."""


class Questions:
    """Of the client of one flow. `on`: what is to be done about each kind of question."""

    def __init__(self, host: Host, snapshot: Snapshot, hands: Hands) -> None:
        self._host = host
        self._snapshot = snapshot
        self._hands = hands
        self.on: dict[Any, Callable[[Any], None]] = {
            msg.Inspect: self._inspect,
            msg.Retry: self._retry,
            msg.Fetch: self._fetch,
            msg.Survey: self._survey,
            msg.Checkpoint: self._checkpoint,
        }

    def _answer(self, message: Any) -> None:
        self._host.client.outgoing.append(message)

    def _inspect(self, message: msg.Inspect) -> None:
        self._host.decide()  # what came before the question counts for the answer
        job = self._host.jobs.find(message.id)
        if job is None:
            self._answer(msg.Details(message.id, None, None))
            return
        story = self._snapshot.story(job)
        executor = self._hands.executor_of(next((c.worker for c in reversed(story) if c.worker), 0))
        details = history.details(job, story, job.id in self._hands.kept, executor)
        self._answer(msg.Details(job.id, self._snapshot.row(job, story), details))

    def _retry(self, message: msg.Retry) -> None:
        self._host.decide()  # what has ended before it may be tried again
        answer = again.answer(message, self._host.machine.tasks, self._host.jobs)
        self._answer(answer)  # before whatever comes of it
        if answer.tasks:
            self._host.emit(ev.RetryRequested(tuple(answer.tasks)))

    def _fetch(self, message: msg.Fetch) -> None:
        self._host.decide()  # it may just have ended
        kept = self._hands.kept.get(message.id)
        self._answer(again.saved(message.id, kept, self._host.machine.tasks, self._host.jobs))

    def _survey(self, message: msg.Survey) -> None:
        host = self._host
        host.decide()
        host.telling.tell(now=True)  # whoever asks has the rows by then that the counts are of
        host.guard.read()
        counts, store = list(host.machine.counts), self._hands.store.row()
        self._answer(msg.Status(counts, self._snapshot.workers(), os.getpid(), store))

    def _checkpoint(self, message: msg.Checkpoint) -> None:
        self._host.decide()  # what ended before the question is to be written
        self._hands.memo.when_written(lambda: self._answer(msg.Checkpointed()))
