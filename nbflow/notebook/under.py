"""What stands under a cell that runs as a task: two displays, in the order in which a cell would show it all.

    reads a, b · binds y            one line; below it what the task prints and displays, in this order
    the card, then the value        or what it displays last, where its last expression gives none

Each keeps its place and is replaced there, whatever cell runs then, as `display` says.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nbflow.core.states import State
from nbflow.legible import shorten
from nbflow.notebook.card import Card
from nbflow.notebook.formats import Bundle
from nbflow.notebook.task.displays import attached
from nbflow.notebook.task.future import NameFuture
from nbflow.notebook.task.value import NOTHING, CellValue, Displayed
from nbflow.notebook.text import escape, plain
from nbflow.sizes import in_words

if TYPE_CHECKING:
    from nbflow.client.future import AppFuture
    from nbflow.notebook.display import Cards, Shown
    from nbflow.notebook.plan import Plan

MANY_BYTES = 10_000_000  # sent, from which on it is said
PATIENCE = 0.5  # seconds that the scheduler may take to tell what a task has printed
LONGEST = 500  # characters of the line
# As far in as JupyterLab and Notebook 7 set the text of any output: a character of the code's.
QUIET = (
    "padding-left:8px;color:var(--jp-ui-font-color2,#656d76);font-size:12px;line-height:18px;"
    "font-family:var(--jp-ui-font-family,system-ui,sans-serif)"
)
PRINTED = (
    "margin:4px 0 0;padding:0 0 0 1ch;background:none;border:0;white-space:pre-wrap;overflow-wrap:anywhere;"
    "font-size:var(--jp-code-font-size,13px);line-height:var(--jp-code-line-height,1.3);"
    "font-family:var(--jp-code-font-family,monospace);color:var(--jp-content-font-color1,inherit)"
)
_IMAGES = ("image/svg+xml", "image/png", "image/jpeg")
_SOURCES = ("text/markdown", "text/latex", "text/plain")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")


def line_of(plan: Plan, sent: int) -> str:
    """What was inferred: `reads a, b · binds y`, and how much is sent where it is much."""
    reads = [name for name in plan.reads if name not in plan.turns]
    parts = [f"reads {', '.join(reads)}" if reads else "reads nothing"]
    parts.append(f"binds {', '.join(plan.binds)}" if plan.binds else "binds nothing")
    if plan.deletes:
        parts.append(f"deletes {', '.join(plan.deletes)}")
    if sent > MANY_BYTES:
        parts.append(f"sends {in_words(sent)}")
    return shorten(" · ".join(parts), LONGEST)


class Under:
    """The two displays of one cell, which stay the same when it is run again by `%nbflow run --stale`."""

    def __init__(self, cards: Cards) -> None:
        self._cards = cards
        self._head = self._tail = ""

    def show(self, future: AppFuture, plan: Plan) -> None:
        """Show a run here, and keep it up to date."""
        picture = _Picture(future, plan, self._cards)
        self._head = self._cards.follow(future, picture.head, live=True, at=self._head)
        self._tail = self._cards.follow(future, picture.tail, at=self._tail)


class _Picture:
    """How one run stands."""

    def __init__(self, future: AppFuture, plan: Plan, cards: Cards) -> None:
        self._future = future
        self._cards = cards
        self._line = line_of(plan, future.sent)
        self._has_value = plan.has_value
        self._value = NameFuture(future, None)
        self._printed = ""

    def head(self, _: Shown) -> Bundle:
        """The line, and what is printed and displayed, but for a display that comes last of all."""
        output = self._output()
        shown = self._shown()
        remarks = [f"`{name}` stayed in its task: {why}" for name, why in self._lost().items()]
        inside = shown[: len(shown) - self._ends_with_display(shown, output)]
        texts = [self._line, *remarks]
        markup = [f'<div style="{QUIET}">{escape(line)}</div>' for line in texts]
        for piece in in_order(output, inside):
            if isinstance(piece, str):
                texts.append(plain(piece).rstrip("\n"))
                markup.append(f'<pre style="{PRINTED}">{escape(plain(piece))}</pre>')
            else:
                texts.append(piece[0].get("text/plain", ""))
                markup.append(_markup(piece[0]))
        return {
            "text/plain": "\n".join(texts),
            "text/html": f'<div class="nbflow-cell">{"".join(markup)}</div>',
        }, {}

    def tail(self, shown: Shown) -> Bundle:
        """The card, until there is a value or something displayed in its place."""
        if (card := self._cards.unvalued(shown, self._value, printed=True)) is not None:
            return card.bundle(), {}
        if self._has_result():
            return self._cards.valued(self._future, self._value.result(0))
        displays = self._shown()
        if self._ends_with_display(displays, self._output() if displays else ""):
            return displays[-1].bundle
        return Card(self._future.tid, self._future.app_name, State.DONE).bundle(), {}

    # ------------------------------------------------------------ what came of it

    @property
    def _failed(self) -> bool:
        return self._future.done() and (self._future.cancelled() or self._future.exception(0) is not None)

    def _cell(self) -> CellValue | None:
        if not self._future.done() or self._failed:
            return None
        found: CellValue = self._future.result(0)
        return found

    def _has_result(self) -> bool:
        cell = self._cell()
        return cell is not None and self._has_value and cell.value is not NOTHING

    def _ends_with_display(self, shown: Sequence[Displayed], output: str) -> bool:
        """Whether what it shows ends with a display, which stands where a value would."""
        if not shown or self._failed or self._has_result():  # an error's own displays are all above its card
            return False
        return not 0 <= shown[-1].behind < len(output.encode("utf-8", "replace"))

    def _shown(self) -> Sequence[Displayed]:
        if (cell := self._cell()) is not None:
            return cell.shown
        if self._failed and not self._future.cancelled():
            error = self._future.exception(0)
            return attached(error) if error is not None else []
        return []

    def _lost(self) -> dict[str, str]:
        cell = self._cell()
        return {} if cell is None else cell.lost

    def _output(self) -> str:
        """What it has printed, as last told."""
        row: Any = self._future.flow.feed.rows.get(self._future.tid)
        if not self._future.done() and (row is None or row.state is not State.RUNNING):
            return self._printed  # it has not begun, as far as is known
        with suppress(Exception):  # closed, too slow: what was told last stands
            self._printed = self._future.flow.details(self._future.tid, PATIENCE).output
        return self._printed


def in_order(output: str, displays: Sequence[Displayed]) -> list[str | Bundle]:
    """What a cell has printed and displayed, in this order; the text first where that is not known."""
    printed = output.encode("utf-8", "replace")
    pieces: list[str | Bundle] = []
    begin = 0
    for bundle, behind in displays:
        end = len(printed) if behind < 0 else min(behind, len(printed))
        if end > begin:
            pieces.append(printed[begin:end].decode("utf-8", "replace"))
            begin = end
        pieces.append(bundle)
    if begin < len(printed):
        pieces.append(printed[begin:].decode("utf-8", "replace"))
    return pieces


def _markup(data: Mapping[str, Any]) -> str:
    """What was displayed, as a part of a larger piece of HTML: a picture as one, HTML as it is, all else as text."""
    for kind in _IMAGES:
        text = data.get(kind)
        if isinstance(text, str):
            encoded = base64.b64encode(text.encode()).decode() if kind == "image/svg+xml" else text
            if _BASE64.fullmatch(encoded):
                return f'<div><img style="margin-top:6px;max-width:100%" src="data:{kind};base64,{encoded}"/></div>'
    if isinstance(html := data.get("text/html"), str):
        return f"<div>{html}</div>"
    # what nobody can draw here is told by its source, which says more than the object's name
    text = next((data[kind] for kind in _SOURCES if isinstance(data.get(kind), str)), "")
    return f'<pre style="{PRINTED}">{escape(plain(text))}</pre>'
