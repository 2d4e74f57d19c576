"""What the machine keeps of a task, and what it answers: plain records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from nbflow.core.instructions import Change, Instruction, Why
from nbflow.core.retry import Terms
from nbflow.core.states import State


class Task(msgspec.Struct):
    """What the machine knows of a task."""

    id: int
    app: str
    needs: tuple[int, ...]
    executors: tuple[str, ...]
    terms: Terms
    walltime: float
    cached: bool
    priority: float | None = None
    keyed: bool = False  # its value is to be remembered
    asked: bool = False  # the memo was asked for it
    once: bool = False  # it cannot be tried again: no worker runs it, or a need of it is not known any more
    depth: int = 0  # how many tasks it was called inside of
    rank: float | None = None  # the priority of the outermost of them that has one
    state: State = State.WAITING
    attempt: int = 0
    failures: int = 0
    spent: float = 0.0  # the costs of its failures; each costs 1 where nobody judges
    trial: Why | None = None  # how the attempt ended that is being judged
    due: float = 0.0  # when its walltime is over, or its next attempt may begin; 0.0 = neither
    worker: int = 0  # the one that has it, or had it last; 0 = none
    queued: bool = False  # on a desk
    unmet: int = 0  # needs, or tasks that a join waits for, that have not ended
    dependants: Sequence[int] = ()  # a list once there are any
    holds: int = 1  # the caller's, one of every dependant that is not DONE, one of every join made of it
    inner: tuple[int, ...] | None = None  # of a join whose body has ended
    doom: Why | None = None  # it is being ended: ASKED, TIMEOUT or MEMORY
    unwanted: bool = False  # it ends if the worker that it was sent ahead to gives it back
    root: int | None = None  # of one that has ended: the task that is to blame, if another one is
    story: list[Change] = []  # until it has ended; the host has it then

    @property
    def outside(self) -> bool:
        """No worker of ours has ever had it: its value comes from elsewhere."""
        return not self.worker


class Ended(msgspec.Struct, gc=False):
    """What a task that is DONE and held looks like (`tasks`): of a `Task`, what is asked about such a one."""

    id: int
    state: State
    depth: int
    rank: float | None
    priority: float | None
    holds: int
    inner: tuple[int, ...] | None

    needs: ClassVar[tuple[int, ...]] = ()
    dependants: ClassVar[tuple[int, ...]] = ()
    story: ClassVar[tuple[Change, ...]] = ()
    root: ClassVar[None] = None
    trial: ClassVar[None] = None
    doom: ClassVar[None] = None
    queued: ClassVar[bool] = False
    worker: ClassVar[int] = 0
    unmet: ClassVar[int] = 0
    due: ClassVar[float] = 0.0


class Step(msgspec.Struct):
    """What came of a batch of events. `wake_at`: hand in a `Ticked` at that time (seconds), None = no need to."""

    instructions: list[Instruction]
    changes: list[Change]
    wake_at: float | None = None
