"""The table of `%nbflow cells`, as text and as HTML. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbflow.core.states import State
from nbflow.legible import shorten
from nbflow.notebook.staleness import FRESH, STALE, Standing
from nbflow.notebook.status import COLOURS
from nbflow.notebook.text import escape, plain

COLUMNS = ("cell", "reads", "binds", "state", "why")
SIGNS = {
    FRESH: (State.DONE.sign, COLOURS[State.DONE]),
    STALE: ("↻", COLOURS[State.SKIPPED]),
    **{state.label: (state.sign, COLOURS[state]) for state in State},
}
CELL = "text-align:left;vertical-align:top;padding:2px 16px 2px 0"


@dataclass(frozen=True, slots=True)
class CellTable:
    """The cells that ran as tasks, a line each."""

    rows: Sequence[Standing]

    def _texts(self) -> list[tuple[str, str, str, str, str]]:
        return [
            (
                shorten(_called(row.run.sent.label, row.run.sent.number)),
                shorten(", ".join(row.run.plan.reads)),
                shorten(", ".join(row.run.plan.binds)),
                row.word,
                "; ".join(plain(text) for text in (row.why, row.remark) if text),
            )
            for row in self.rows
        ]

    def __repr__(self) -> str:
        """The table as text."""
        rows = [(*cells[:3], f"{SIGNS[cells[3]][0]} {cells[3]}", cells[4]) for cells in self._texts()]
        widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in (COLUMNS, *rows)
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col" style="{CELL}">{name}</th>' for name in COLUMNS)
        body = ""
        for *texts, word, why in self._texts():
            sign, colour = SIGNS[word]
            cells = "".join(f'<td style="{CELL}">{escape(text)}</td>' for text in texts)
            state = f'<td style="{CELL};white-space:nowrap"><span style="color:{colour}">{sign}</span> {word}</td>'
            body += f'<tr>{cells}{state}<td style="{CELL}">{escape(why)}</td></tr>'
        return f'<table style="margin:0"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _called(label: str, number: int) -> str:
    """A cell by its number, and by the name that somebody gave it."""
    cell = f"In[{number}]"
    return cell if label == cell else f"{label} ({cell})"
