"""The line under a cell as it stays: what stands there when all has ended, and where nobody looks.

Pure. One row of HTML whose styles stand with it, for front ends take style sheets and scripts away.
"""

from __future__ import annotations

from nbflow.core.states import State
from nbflow.notebook.batch import Told
from nbflow.notebook.marks import MARKS
from nbflow.notebook.status import COLOURS
from nbflow.notebook.text import escape, seconds

_BOX = (
    "display:flex;flex-wrap:wrap;gap:2px 14px;align-items:center;padding:3px 10px;margin:4px 0;"
    "border:1px solid var(--jp-border-color2,#d8dee4);border-radius:9px;font-size:13px;line-height:22px;"
    "font-variant-numeric:tabular-nums;font-family:var(--jp-ui-font-family,system-ui,sans-serif)"
)
_MUTED = "var(--jp-ui-font-color2,#656d76)"
_SIGNS = {mark.word: mark for mark in MARKS}
_INKS = {state.label: ink for state, ink in COLOURS.items()} | {"recalled": COLOURS[State.RECALLING]}


NOTHING = {"text/html": "", "text/plain": ""}
"""What stays of a line that says nothing that does not stand above it as well."""


def bundle(told: Told) -> dict[str, str]:
    """What is displayed, by MIME type. The plain text is the same for the same counts."""
    return {"text/html": _html(told), "text/plain": f"nbflow: {told.sentence}"}


def _html(told: Told) -> str:
    counts = "".join(_count(word, count) for word, count in told.counts.items())
    elapsed = f'<span style="color:{_MUTED}">{escape(seconds(told.elapsed))}</span>'
    failed = ""
    if told.notice is not None and not told.notice.good:
        failed = f'<span style="flex-basis:100%;overflow-wrap:anywhere">{escape(told.notice.text)}</span>'
    return f'<div style="{_BOX}" class="nbflow-line">{counts}{elapsed}{failed}</div>'


def _count(word: str, count: int) -> str:
    ink = _INKS.get(word, _MUTED)
    sign = f'<span style="color:{ink};font-weight:600" aria-hidden="true">{_SIGNS[word].sign}</span>'
    return f'<span style="white-space:nowrap">{sign} {count:,} {word}</span>'
