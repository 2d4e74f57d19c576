"""The history of a task as it was decided, and the journal from which a machine can be replayed.

Every move is a `Change`; a task's story is its changes in order, from its submission on, which is none. A `Journal` is
an observer of the one door.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from nbflow.core.events import Event
from nbflow.core.instructions import Change, Why
from nbflow.core.states import State
from nbflow.numbers import name_of

Answer = TypeVar("Answer")


_ENDS: dict[Why, str] = {
    Why.RECALLED: "recalled from the memo",
    Why.JOINED: "its tasks ended",
    Why.ASKED: "cancelled",
    Why.LOST: "the worker was lost",
    Why.TIMEOUT: "the walltime was over",
    Why.NO_WORKERS: "no worker could be started",
    Why.NO_EXECUTOR: "there is no such executor",
    Why.NEED_GONE: "a need is not known any more",
}


def tell(change: Change) -> str:
    """A change in words, for people."""
    if change.state is State.RUNNING:
        return f"began on worker {change.worker}, attempt {change.attempt}"
    if change.state is State.WAITING:
        return "waits for the tasks it called" if change.why is Why.JOINED else "waits for another attempt"
    if change.why is Why.NEED:
        return f"{change.state.label}: task {name_of(change.root or 0)} gave no value"
    if change.why in _ENDS:
        return f"{change.state.label}: {_ENDS[change.why]}"
    return change.state.label


class Journal:
    """Everything that went through the door of a machine, in order. The machine records before it decides."""

    def __init__(self) -> None:
        self.entries: list[tuple[float, tuple[Event, ...]]] = []

    def record(self, events: Iterable[Event], now: float) -> None:
        """Keep a batch, and the time in seconds at which it was handed in."""
        self.entries.append((now, tuple(events)))

    def replay(self, handle: Callable[[Sequence[Event], float], Answer]) -> list[Answer]:
        """What another machine's door answers to the same events."""
        return [handle(events, now) for now, events in self.entries]
