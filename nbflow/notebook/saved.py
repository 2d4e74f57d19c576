"""What a saved notebook holds of the graph: the picture and, as text, all that it tells.

Pure. Pages that show notebooks take away what they do not trust: scripts, styles and identifiers always, the picture
sometimes (it lies in the page's own text), at the strictest every tag. So there is nothing here but plain elements, and
whatever is left of them reads as sentences: how many tasks, in which states, how long, what went wrong.
"""

from __future__ import annotations

import base64

from nbflow.legible import shorten
from nbflow.notebook.board import Board
from nbflow.notebook.marks import MARKS, mark_of, sentence
from nbflow.notebook.still import Still, caption, svg
from nbflow.notebook.text import escape, plain, seconds
from nbflow.numbers import name_of
from nbflow.wire.rows import TaskRow

MOST_ROWS = 400
"""Rows of the table in a saved notebook."""
MOST_ERRORS = 5
"""Failed tasks that are told of without opening the table."""

_FAILED = "failed"
_HEADINGS = " ".join(
    f"<th>{heading}</th>" for heading in ("task", "state", "app", "arguments", "time", "result or error")
)


def bundle(picture: Still) -> dict[str, str]:
    """What stands under a cell in the place of a live graph, by MIME type. The plain text tells no times."""
    return {"text/html": html(picture), "text/plain": f"nbflow graph: {sentence(picture.board.counts)}"}


def html(picture: Still) -> str:
    """The picture, what went wrong, and the tasks as a table that can be opened."""
    data = base64.b64encode(svg(picture).encode()).decode()
    notice = f"<p><b>{escape(picture.notice)}</b></p>" if picture.notice else ""
    summary = f"{sentence(picture.board.counts)} · {seconds(picture.elapsed)}"
    return (
        f'<div>{notice}<img alt="{escape(caption(picture))}" src="data:image/svg+xml;base64,{data}">'
        f"{_errors(picture.board)}"
        f"<details><summary>{escape(summary)}</summary>{_table(picture.board)}</details></div>"
    )


def _errors(board: Board) -> str:
    """The first tasks that failed, a line each."""
    failed = [row for row in board.rows if MARKS[mark_of(row)].word == _FAILED]
    if not failed:
        return ""
    sign = MARKS[mark_of(failed[0])].sign
    lines = [
        f"<li>{sign} task {name_of(row.id)} {_code(row.app)} failed: {_code(plain(row.note), 300)}</li>"
        for row in failed[:MOST_ERRORS]
    ]
    more = len(failed) - len(lines)
    rest = f"<li>and {more} more that failed: see the table</li>" if more else ""
    return f"<ul>{''.join(lines)}{rest}</ul>"


def _code(text: str, longest: int = 120) -> str:
    return f"<code>{escape(shorten(text, longest))}</code>"


def _table(board: Board) -> str:
    """The tasks, those that went wrong first where not all of them find room."""
    rows = board.rows
    if len(rows) > MOST_ROWS:
        rows = sorted(rows, key=lambda row: MARKS[mark_of(row)].word not in (_FAILED, "skipped"))[:MOST_ROWS]
    lines = [f"<table><thead><tr>{_HEADINGS}</tr></thead>\n<tbody>", *(_row(board, row) for row in rows)]
    lines.append("</tbody></table>")
    if len(board.rows) > len(rows):
        more = len(board.rows) - len(rows)
        lines.append(f"<p>and {more} more tasks; those that failed or were skipped stand first</p>")
    return "".join(lines)


def _row(board: Board, row: TaskRow) -> str:
    mark = MARKS[mark_of(row, board.silent)]
    cells = (
        name_of(row.id),
        f"{mark.sign} {mark.word}",
        shorten(row.app, 120),
        shorten(row.detail, 120),
        seconds(row.ended - row.started) if row.started and row.ended else "",
        shorten(plain(row.note), 160),
    )
    # the blanks and breaks are for those who read what is left where tables are taken away
    return "<tr>" + " ".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>\n"
