"""What the host tells the machine: past participles, each one thing that has happened.

An event about an attempt names worker and attempt, so that a late or doubled one is known as such and ignored.
"""

from __future__ import annotations

import msgspec

from nbflow.core.retry import NEVER, Terms
from nbflow.core.states import State


class Event(msgspec.Struct, frozen=True):
    """The root of the events."""


class ExecutorAdded(Event, frozen=True):
    """There is a set of equal workers, `slots` of them at work at a time.

    `on_demand`: hired when there is work for them, not before; `reserved`: only for tasks that name this executor;
    `tasks_per_worker`: each is parted with after so many, 0 = never.
    """

    executor: str
    slots: int
    on_demand: bool = False
    reserved: bool = False
    tasks_per_worker: int = 0


class WorkerJoined(Event, frozen=True):
    """A worker that was asked for by `Hire` is ready."""

    worker: int
    executor: str
    successor_of: int = 0  # as it was said by the `Hire`


class HireFailed(Event, frozen=True):
    """A worker that was asked for by `Hire` ended before it was ready.

    `lasting`: by its own doing, so that the next one is likely to do the same.
    """

    executor: str
    lasting: bool = True


class WorkerLost(Event, frozen=True):
    """A worker process has ended, whoever wanted it.

    `begun`: the last (task, attempt) that it has begun, which is to be counted if it has not ended; None = not known,
    so that whatever stands at the head of its queue counts.
    """

    worker: int
    begun: tuple[int, int] | None = None


class Overgrown(Event, frozen=True):
    """The worker's processes have too much memory, and `task` has made them so; None = what it ran before has.

    Ignored if that task is no longer there, or if the worker has one.
    """

    worker: int
    task: int | None


class Silent(Event, frozen=True):
    """The worker does not answer: `tasks`, which it has not begun, were taken from it without its help.

    It is given nothing until `Answers`. `away`: it does not run either, so its slot is free until then. May be told
    again, once more is known.
    """

    worker: int
    tasks: tuple[int, ...]
    away: bool


class Answers(Event, frozen=True):
    """A worker that was `Silent` answers, and has thrown away what was taken from it."""

    worker: int


class Submitted(Event, frozen=True):
    """A call was made. The caller holds it until `Released`."""

    task: int
    app: str
    needs: tuple[int, ...] = ()
    executors: tuple[str, ...] = ()  # () = any
    terms: Terms = NEVER  # of further attempts
    walltime: float = 0.0  # seconds; 0.0 = no limit
    cached: bool = False  # the memo is asked before it runs
    priority: float | None = None  # the lowest first; those without one last
    parent: int | None = None  # the task inside which it was made
    keyed: bool = False  # what it gives is told to the memo


class Promised(Event, frozen=True):
    """A value is on its way from outside the flow, where no worker of ours computes it. The caller holds it."""

    task: int
    app: str


class Delivered(Event, frozen=True):
    """What was `Promised` has ended: DONE, FAILED or CANCELLED."""

    task: int
    state: State


class Recalled(Event, frozen=True):
    """The memo was asked; `found` says whether it knew.

    It may have waited for an equal call under way; `failed`: that one failed, and `root` is to blame for it.
    """

    task: int
    found: bool
    failed: bool = False
    root: int | None = None


class Succeeded(Event, frozen=True):
    """An attempt gave a value. `took` is in seconds."""

    task: int
    attempt: int
    worker: int
    took: float


class Failed(Event, frozen=True):
    """An attempt raised. Ignored if it is no longer the current attempt.

    `may_retry`: the task's policy counts this error among those after which it is tried again. `took` is in seconds;
    None: it has not run.
    """

    task: int
    attempt: int
    worker: int
    may_retry: bool = True
    took: float | None = None


class Judged(Event, frozen=True):
    """The answer to `Judge`: what the failure costs, or that nobody could say, which ends the task.

    Ignored if nobody waits for it any more.
    """

    task: int
    attempt: int
    cost: float
    refused: bool = False


class Joined(Event, frozen=True):
    """The body of a join app ended: the task ends when `inner` have ended."""

    task: int
    attempt: int
    worker: int
    inner: tuple[int, ...]


class Returned(Event, frozen=True):
    """The answer to `TakeBack`: a worker gave back `tasks`, which it had not begun; `kept` it had.

    With a task that another one follows it gives that one back as well. `unasked`: it gave back what was to follow a
    task that has given no value, and says so before it says that.
    """

    worker: int
    tasks: tuple[int, ...]
    kept: tuple[int, ...] = ()
    unasked: bool = False


class Blocked(Event, frozen=True):
    """A worker's task waits for other tasks: its slot is free."""

    worker: int


class Unblocked(Event, frozen=True):
    """A worker's task goes on."""

    worker: int


class CancelRequested(Event, frozen=True):
    """Somebody wants this task not to run, or to stop; `unless_begun`: if it runs already it may go on."""

    task: int
    unless_begun: bool = False


class RetryRequested(Event, frozen=True):
    """Somebody wants these tasks, which ended without a value, tried again: those that `again.chosen` has named."""

    tasks: tuple[int, ...]


class Awaited(Event, frozen=True):
    """A task, `by`, waits for an equal call to end: `task`."""

    task: int
    by: int


class Released(Event, frozen=True):
    """The caller no longer holds these tasks."""

    tasks: tuple[int, ...]


class Ticked(Event, frozen=True):
    """The time that `Step.wake_at` named has come."""
