"""How a flow stands, as text and as HTML: counts by state, workers and their memory, big values, elapsed time. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nbflow.client.flow.feed import NOTHING_STORED
from nbflow.core.states import State
from nbflow.legible import shorten
from nbflow.notebook.marks import MARKS, SILENT, silence_of
from nbflow.notebook.text import escape, seconds
from nbflow.sizes import in_words
from nbflow.wire.rows import StoreRow, TaskRow, WorkerRow

COLOURS = {
    State.WAITING: "var(--jp-ui-font-color2, #656d76)",
    State.RECALLING: "#8250a8",
    State.RUNNING: "var(--jp-brand-color1, #0b6bcb)",
    State.DONE: "var(--jp-success-color1, #1a7f5a)",
    State.FAILED: "var(--jp-error-color1, #c4461b)",
    State.SKIPPED: "var(--jp-warn-color1, #9a6700)",
    State.CANCELLED: "var(--jp-ui-font-color2, #656d76)",
}


@dataclass(frozen=True, slots=True)
class Status:
    """A flow at one moment. `elapsed` is in seconds."""

    name: str
    counts: Mapping[State, int]
    workers: Sequence[WorkerRow]
    elapsed: float
    store: StoreRow = NOTHING_STORED

    def __repr__(self) -> str:
        """The table as text."""
        width = max((len(str(count)) for count in self.counts.values()), default=1)
        rows = [f"  {state.sign} {state.label:<9} {count:>{width}}" for state, count in self._told()]
        return "\n".join(
            [self._headline(), *rows, *(f"  {line}" for line in (*self._values(), *self._silent()))]
        )

    def _repr_html_(self) -> str:
        cells = "".join(
            f'<td style="text-align:left;padding:2px 16px 2px 0">'
            f'<span style="color:{COLOURS[state]}">{state.sign}</span> {state.label} <b>{count}</b></td>'
            for state, count in self._told()
        )
        return (
            f'<div style="text-align:left;padding:0 0 4px">{escape(self._headline())}</div>'
            '<table style="margin:0;font-variant-numeric:tabular-nums">'
            f"<tbody><tr>{cells}</tr></tbody></table>"
            + "".join(f'<div style="text-align:left">{escape(line)}</div>' for line in self._values())
        ) + "".join(
            f'<div style="color:{COLOURS[State.SKIPPED]};text-align:left">{escape(line)}</div>'
            for line in self._silent()
        )

    def _told(self) -> list[tuple[State, int]]:
        return [(state, self.counts[state]) for state in State if self.counts.get(state)]

    def _headline(self) -> str:
        total = sum(self.counts.values())
        parts = [many(total, "task")]
        if total:
            parts.append(seconds(self.elapsed))
        executors = Counter(worker.executor for worker in self.workers)
        crew = ", ".join(
            f"{many(number, 'worker')} ({shorten(label)})" for label, number in executors.items()
        )
        parts.append(crew or "no worker yet")
        if memory := sum(worker.memory for worker in self.workers):
            parts.append(in_words(memory))
        return f"{shorten(self.name)}: {' · '.join(parts)}"

    def _values(self) -> list[str]:
        """A line about the object store, if there ever was something in it."""
        store = self.store
        if not store.peak:
            return []
        disk = f", {in_words(store.spilled)} of it on disk" if store.spilled else ""
        return [f"big values: {in_words(store.total)}{disk}, at most {in_words(store.peak)} at a time"]

    def _silent(self) -> list[str]:
        """A line for each worker that does not respond."""
        sign = MARKS[SILENT].sign
        return [
            f"{sign} worker {worker.worker} is not responding: {silence_of(worker)}"
            for worker in self.workers
            if not worker.responding
        ]


def many(number: int, word: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number} {word}" if number == 1 else f"{number:,} {word}s"


def elapsed(rows: Iterable[TaskRow], now: float) -> float:
    """Seconds from the first call until now, or until the last end where all tasks ended; 0.0 without tasks."""
    rows = list(rows)
    if not rows:
        return 0.0
    end = max(row.ended for row in rows) if all(row.state.ended for row in rows) else now
    return max(end - min(row.submitted for row in rows), 0.0)
