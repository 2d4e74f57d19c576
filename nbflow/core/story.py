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
    Why.MEMORY: "it had too much memory",
    Why.NO_WORKERS: "no worker could be started",
    Why.NO_EXECUTOR: "there is no such executor",
    Why.NEED_GONE: "a need is not known any more",
    Why.JUDGED: "the retry handler raised",
}

_WAITS: dict[Why, str] = {
    Why.RECALLED: "not in the memo",
    Why.JOINED: "waits for the tasks it called",
    Why.RETURNED: "given back before it began",
    Why.RETRIED: "to be tried again, as somebody has asked",
}


def tell(change: Change, error: str = "") -> str:
    """A change in words, for people. `error`: that of the attempt in a line, where it is known."""
    if change.state is State.RUNNING:
        return f"began on worker {change.worker}, attempt {change.attempt}"
    if change.state is State.WAITING:
        return _WAITS.get(change.why) or _retried(change, error)
    if change.why is Why.RECALLED and change.root is not None:
        return f"{change.state.label}: as the equal call did, task {name_of(change.root)}"
    if change.why is Why.NEED:
        return f"{change.state.label}: task {name_of(change.root or 0)} gave no value"
    if change.why in _ENDS:
        return f"{change.state.label}: {_ENDS[change.why]}"
    return f"{change.state.label}: {error}" if error else change.state.label


def _retried(change: Change, error: str) -> str:
    """An attempt failed, and the task has not ended."""
    if change.why is Why.JUDGED:
        return f"the retry handler has answered: {_again(change)}"
    error = error or _ENDS.get(change.why, "")
    failed = f"attempt {change.attempt} failed{f': {error}' if error else ''}"
    return f"{failed}; {_again(change) if change.until else 'the retry handler is asked'}"


def _again(change: Change) -> str:
    wait = change.until - change.at
    return (
        "again at once"
        if wait <= 0
        else f"again in {wait:.3g} s"
        if wait < 1000
        else f"again in {wait:.0f} s"
    )


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
