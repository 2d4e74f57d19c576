"""What other processes of the user learn of a flow at its door, and how it ends when one of them asks for that.

    `end` at the door ──> all tasks are cancelled ──> the client hears why ──> the scheduler ends, and is lost to nobody

Each step waits for the one before, but not for ever: neither a task nor a client that hangs keeps the flow alive.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from nbflow.core.machine import Machine
from nbflow.core.states import State
from nbflow.scheduler.door import Door
from nbflow.scheduler.sockets import Sockets
from nbflow.wire import leftovers
from nbflow.wire import messages as msg
from nbflow.wire.channel import Port
from nbflow.wire.door import FlowState
from nbflow.wire.rows import WorkerRow

WITHIN = 5.0  # seconds that tasks get to be cancelled, and then the client to listen


class Visits:
    """Of one flow. `rows` are its workers now; `cancel_all` withdraws its tasks."""

    def __init__(
        self,
        client: Port[msg.FromClient],
        setup: msg.Configure,
        machine: Machine,
        sockets: Sockets,
        *,
        rows: Callable[[], list[WorkerRow]],
        cancel_all: Callable[[], None],
    ) -> None:
        self._client = client
        self._setup = setup
        self._machine = machine
        self._sockets = sockets
        self._rows = rows
        self._cancel_all = cancel_all
        self._driver = os.getppid()
        self._since = time.time()
        self._id = os.environ.get(leftovers.FLOW, "")
        self._leave_at: float | None = None  # the latest time, if it was asked to end
        self._said_farewell = False
        self._door = Door(sockets, {"state": self._state, "end": self._end})

    def open(self) -> None:
        """Let visitors in from now on."""
        self._door.open(self._id)

    @property
    def due(self) -> float | None:
        """When `over` is to be asked next, in seconds since the epoch; None = no time by itself."""
        visitors = self._door.due
        if self._leave_at is None:  # nearly always
            return visitors
        if self._is_ready():
            return 0.0
        return self._leave_at if visitors is None else min(visitors, self._leave_at)

    def _is_ready(self) -> bool:
        """Whether the next step of the end may be taken."""
        if self._said_farewell:
            return self._sockets.has_sent(self._client)
        return not sum(self._machine.counts[: State.DONE])

    def over(self) -> bool:
        """Whether the flow ends now because it was asked to. To be called in every round, before anything is sent."""
        if self._leave_at is None and self._door.due is None:
            return False
        now = time.time()
        self._door.look(now)
        if self._leave_at is None:
            return False
        if now < self._leave_at and not self._is_ready():
            return False
        if not self._said_farewell:
            self._said_farewell = True
            self._leave_at = now + WITHIN
            self._client.outgoing.append(msg.Ended("was ended by `nbflow end`"))
            return False
        return True

    def close(self) -> None:
        """The flow has ended: the door closes."""
        self._door.close()

    def _state(self) -> FlowState:
        counts = zip(State, self._machine.counts, strict=True)
        rows = self._rows()
        return FlowState(
            self._id,
            self._setup.name,
            self._driver,
            os.getpid(),
            self._since,
            self._setup.run_dir,
            {state.label: count for state, count in counts if count},
            len(rows),
            sum(row.task is not None for row in rows),
            self._leave_at is not None,
        )

    def _end(self) -> FlowState:
        if self._leave_at is None:
            self._leave_at = time.time() + WITHIN
            self._cancel_all()
        return self._state()
