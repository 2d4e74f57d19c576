"""The card of a sweep: how many of its items are in which state, as a bar and in words, and the first that failed.

Pure. As on a task's card, the text is the same in every run that goes the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbflow.core.states import State
from nbflow.legible import shorten
from nbflow.notebook.card import BOX, TRACE
from nbflow.notebook.status import COLOURS
from nbflow.notebook.text import escape

PALE = "var(--jp-border-color1,#c3cad2)"  # of what waits, in the bar
BAR = (
    "display:flex;height:4px;margin:5px 0 3px;width:280px;max-width:100%;min-width:100%;border-radius:2px;"
    "overflow:hidden;background:" + PALE
)
ORDER = (State.DONE, State.RUNNING, State.FAILED, State.CANCELLED, State.WAITING)


@dataclass(frozen=True, slots=True)
class SweepCard:
    """A sweep at one moment. `counts`: of its items; `failures`: a line for each of the first that failed."""

    app: str
    counts: Mapping[State, int]
    failures: Sequence[str] = ()

    @property
    def total(self) -> int:
        """How many items there are."""
        return sum(self.counts.values())

    @property
    def state(self) -> State:
        """What the card is marked as: what is worst of what has happened, while it goes on that it does."""
        counts = self.counts
        if counts.get(State.RUNNING) or counts.get(State.WAITING):
            return State.RUNNING if self.total != counts.get(State.WAITING) else State.WAITING
        worst = (state for state in (State.FAILED, State.CANCELLED) if counts.get(state))
        return next(worst, State.DONE)

    def bundle(self) -> dict[str, str]:
        """What is displayed, by MIME type."""
        return {"text/html": self._html(), "text/plain": self._text()}

    @property
    def _items(self) -> str:
        return f"{self.total:,} {'item' if self.total == 1 else 'items'}"

    def _name(self) -> str:
        return f"sweep of {self._items} over `{shorten(self.app)}`"

    def _told(self) -> list[tuple[State, int]]:
        return [(state, self.counts[state]) for state in ORDER if self.counts.get(state)]

    def _lines(self) -> list[str]:
        left = self.counts.get(State.FAILED, 0) - len(self.failures)
        return [
            *map(shorten, self.failures),
            *([f"and {left:,} more failed"] if left > 0 and self.failures else []),
        ]

    def _text(self) -> str:
        if not self.state.ended:
            return f"{self._name()} has not ended yet"
        told = ", ".join(f"{count:,} {state.label}" for state, count in self._told()) or "nothing to do"
        return "\n".join([f"{self._name()}: {told}", *(f"  {line}" for line in self._lines())])

    def _html(self) -> str:
        counts = "".join(
            f' · <span style="color:{COLOURS[state]}">{state.sign}</span> {count:,} {state.label}'
            for state, count in self._told()
        )
        parts = "".join(
            f'<span style="width:{100 * count / self.total:.3f}%;background:'
            f'{PALE if state is State.WAITING else COLOURS[state]}"></span>'
            for state, count in self._told()
        )
        failures = "\n".join(map(escape, self._lines()))
        body = f'<pre style="{TRACE}">{failures}</pre>' if failures else ""
        return (
            f'<div style="{BOX};font-variant-numeric:tabular-nums" class="nbflow-card" data-card="{self.state.label}">'
            f'<span style="color:{COLOURS[self.state]}">{self.state.sign}</span> <b>{escape(shorten(self.app))}</b>'
            f'<span style="color:var(--jp-ui-font-color2,#656d76)"> · {self._items}</span>{counts}'
            f'<div style="{BAR}" aria-hidden="true">{parts}</div>{body}</div>'
        )
