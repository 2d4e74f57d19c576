"""What the machine tells the host: imperatives, carried out in their order.

Carrying one out may lead to a later event; it never calls the machine from within.
"""

from __future__ import annotations

import enum

import msgspec

from nbflow.core.states import State


class Why(enum.IntEnum):
    """Why a task ended as it did, where the attempt itself does not say."""

    ATTEMPT = 0  # the attempt's own value or error
    RECALLED = 1  # the memo knew
    JOINED = 2  # the tasks that a join waited for ended
    NEED = 3  # a need, or a task that a join waited for, gave no value
    ASKED = 4  # somebody cancelled it
    LOST = 5  # its worker died
    TIMEOUT = 6  # its walltime was over
    NO_WORKERS = 7  # workers of its executor cannot start
    NO_EXECUTOR = 8  # there is no executor of that name
    NEED_GONE = 9  # a need is not known (any more)
    JUDGED = 10  # the retry handler has said so
    RETURNED = 11  # a worker gave it back before it had begun
    MEMORY = 12  # it had more memory than it may, or than the machine could spare
    RETRIED = 13  # somebody wants it tried again


class Change(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One move of one task. `at` and `until` are in seconds, by the host's clock."""

    task: int
    state: State
    at: float
    attempt: int
    worker: int  # 0 = none
    why: Why
    root: int | None
    until: float = 0.0  # of a task that is tried again: from when on


class Instruction(msgspec.Struct, frozen=True):
    """The root of the instructions."""


class Recall(Instruction, frozen=True):
    """Ask the memo, answer with `Recalled`."""

    task: int


class Launch(Instruction, frozen=True):
    """Send the task to the worker, behind what it already has."""

    task: int
    attempt: int
    worker: int


class Note(Instruction, frozen=True):
    """An attempt gave nothing, which is not the task's end: keep its error for the story."""

    task: int
    attempt: int
    worker: int
    why: Why


class Judge(Instruction, frozen=True):
    """Ask what the failure costs that the `Note` just before is about; the answer is `Judged`.

    `spent`: what those before it have cost.
    """

    task: int
    attempt: int
    spent: float


class TakeBack(Instruction, frozen=True):
    """Ask the worker for those of these tasks that it has not begun; it answers with `Returned`."""

    worker: int
    tasks: tuple[int, ...]


class Abort(Instruction, frozen=True):
    """Kill the worker, so that the task stops that stands at the head of its queue. `WorkerLost` follows.

    Unless the worker has begun one of those `behind`: then the task has ended, and its answer is on the way.
    """

    worker: int
    behind: tuple[int, ...] = ()


class Remember(Instruction, frozen=True):
    """Put the task's value into the memo. Comes before `Settle`: a crash here must not lose what a user has seen."""

    task: int


class Settle(Instruction, frozen=True):
    """The task has ended: tell who called it.

    `root` is the task that is to blame, if another one is; `story` are its changes, for whoever keeps them.
    """

    task: int
    state: State
    why: Why
    root: int | None
    story: list[Change]


class Forget(Instruction, frozen=True):
    """Nobody holds the ended task and nothing waits for it: its value can go, or what it was to be tried again with."""

    task: int


class Revive(Instruction, frozen=True):
    """The task, which was settled without a value, goes on: it will be launched, or settled, once more.

    `joins`: as a join that waits for the tasks that it had called; its body does not run again.
    """

    task: int
    joins: bool = False


class Hire(Instruction, frozen=True):
    """Start a worker; `WorkerJoined` or `HireFailed` follows.

    `successor_of`: the worker that is at its last task, and whose place it is to take; 0 = nobody's.
    """

    executor: str
    successor_of: int = 0


class Dismiss(Instruction, frozen=True):
    """The worker has nothing to do and is one too many, or has had its tasks: let it end. `WorkerLost` follows."""

    worker: int
