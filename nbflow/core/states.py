"""The states of a task and the moves between them.

What a task *is* lives here; what makes it move lives in `machine`. How a task ended (computed or recalled, on which
attempt, because of which need) is a field of its `Change`, never one more state.

    WAITING ──> RECALLING ──> DONE          recalled from the memo, or from an equal call that was under way
       │  ^         ├──> FAILED             that one failed
       │  └─────────┘                       not in the memo
       ├──> RUNNING ──> DONE | FAILED       this and RECALLING also ──> CANCELLED: somebody asked
       │       └──> WAITING                 retried, given back by a lost worker, or a join that waits for its tasks
       ├──> WAITING                         judged: it is to be tried again
       ├──> DONE | FAILED                   a join whose tasks ended
       └──> SKIPPED | CANCELLED             a need failed; somebody asked

    FAILED | SKIPPED | CANCELLED ──> WAITING    somebody wants it tried again; DONE is never left
"""

from __future__ import annotations

import enum


class State(enum.IntEnum):
    """Where a task stands. `label` is the word and `sign` the character that people see."""

    WAITING = 0
    RECALLING = 1
    RUNNING = 2
    DONE = 3
    FAILED = 4
    SKIPPED = 5
    CANCELLED = 6

    def __str__(self) -> str:
        """Its label; Python would say the number."""
        return self.label

    def __format__(self, spec: str) -> str:
        return format(self.label, spec)

    @property
    def label(self) -> str:
        """The word for people, in lower case."""
        return self.name.lower()

    @property
    def sign(self) -> str:
        """One character, so that colour is never the only mark."""
        return SIGNS[self]

    @property
    def ended(self) -> bool:
        """True for the four states that are not left by themselves."""
        return self >= State.DONE


SIGNS: dict[State, str] = {
    State.WAITING: "○",
    State.RECALLING: "↺",
    State.RUNNING: "▶",
    State.DONE: "✓",
    State.FAILED: "✕",
    State.SKIPPED: "⤳",
    State.CANCELLED: "⊘",
}

MOVES: dict[State, frozenset[State]] = {
    State.WAITING: frozenset(State),  # all of them: the ends are those above, itself is "judged"
    State.RECALLING: frozenset({State.DONE, State.FAILED, State.WAITING, State.CANCELLED}),
    State.RUNNING: frozenset({State.DONE, State.FAILED, State.WAITING, State.CANCELLED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset({State.WAITING}),
    State.SKIPPED: frozenset({State.WAITING}),
    State.CANCELLED: frozenset({State.WAITING}),
}
"""Every allowed move; any other is a bug of ours and raises `IllegalMove`."""
