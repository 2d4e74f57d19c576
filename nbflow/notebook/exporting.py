"""The graph as a file: what the page offers for download, and what `graph.save` writes.

Pure. Each is text: the picture (SVG), a page that stands for itself (HTML), Graphviz' language (DOT), the tasks as data
(JSON). A PNG is the picture drawn by a browser; there is none here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from nbflow.legible import legible, shorten
from nbflow.notebook import saved, still
from nbflow.notebook.dot import to_dot
from nbflow.notebook.marks import MARKS, mark_of
from nbflow.notebook.text import escape
from nbflow.numbers import name_of
from nbflow.wire.rows import TaskRow

Still = still.Still


def page(picture: Still) -> str:
    """The picture and the table of the tasks as a document of its own: no script, nothing to fetch."""
    name = escape(shorten(picture.scene.name))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        '<meta name="viewport" content="width=device-width"><style>'
        ":root{color-scheme:light dark}body{font:14px/1.5 system-ui,sans-serif;margin:16px}"
        "img{max-width:100%;height:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
        "th,td{text-align:left;padding:2px 12px 2px 0;vertical-align:top}summary{cursor:pointer;padding:8px 0}"
        f"</style></head><body>{saved.html(picture)}</body></html>\n"
    )


def data(picture: Still) -> str:
    """The tasks in the order of their submission, as JSON. Times are in seconds since the epoch, 0 = not yet.

    `fetch` and `store` are seconds between `started` and `ended` for which values were on their way; 0 = hardly any.
    """
    board = picture.board
    told = {
        "name": picture.scene.name,
        "counts": board.counts,
        "elapsed": picture.elapsed,
        "tasks": [_task(row, mark_of(row, board.silent)) for row in board.rows],
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=1).decode() + "\n"


def _task(row: TaskRow, mark: int) -> dict[str, Any]:
    return {
        "task": name_of(row.id),
        "app": legible(row.app),
        "arguments": legible(row.detail),
        "state": MARKS[mark].word,
        "needs": [name_of(need) for need in row.needs],
        "called_by": None if row.parent is None else name_of(row.parent),
        "attempt": row.attempt,
        "worker": row.worker,
        "submitted": row.submitted,
        "started": row.started,
        "ended": row.ended,
        "fetch": row.transfer.fetch if row.transfer is not None else 0.0,
        "store": row.transfer.store if row.transfer is not None else 0.0,
        "note": legible(row.note),
    }


def _dot(picture: Still) -> str:
    source: str = to_dot(picture.board.rows, picture.scene.name).source
    return source


KINDS: Mapping[str, Callable[[Still], str]] = {"svg": still.svg, "html": page, "dot": _dot, "json": data}
"""What a file's suffix says, and what makes its text."""
EXPORTED = tuple(KINDS)


def kind_of(suffix: str) -> str:
    """The kind that a file's suffix (`.svg`, `.html`, `.dot` or `.gv`, `.json`) stands for.

    Raises ValueError for another one.
    """
    word = suffix.lower().lstrip(".")
    word = {"gv": "dot", "htm": "html"}.get(word, word)
    if word in KINDS:
        return word
    if word == "png":
        raise ValueError(
            "a PNG is drawn by a browser: choose Export, PNG in the graph's head, or save it as .svg here"
        )
    raise ValueError(
        f"a graph is saved as .svg, .html, .dot (.gv) or .json, which the name says; not as {suffix!r}"
    )
