"""A task's card: what stands under a cell that ends with a future, until the task's value takes its place.

Pure: a card becomes a bundle of HTML and plain text. The text is the same in every run as long as the task behaves the
same, so notebooks can be compared: it holds no times, no addresses, and nothing that changes while the task goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbflow.core.states import State
from nbflow.legible import shorten
from nbflow.notebook.status import COLOURS
from nbflow.notebook.text import escape, plain
from nbflow.notebook.traces import ARROW
from nbflow.numbers import name_of

BOX = (
    "display:inline-block;box-sizing:border-box;max-width:100%;padding:6px 12px;border-radius:9px;"
    "overflow-wrap:anywhere;"
    "border:1px solid var(--jp-border-color2,#d8dee4);font-size:13px;line-height:20px;"
    "font-family:var(--jp-ui-font-family,system-ui,sans-serif)"
)
FOLDED = "margin:4px 0 0;font-size:12px;line-height:17px"
HERE = "font-weight:600;background:rgba(214,92,50,.16)"  # the line that failed, on light and on dark ground
TRACE = (
    "margin:6px 0 0;padding:0;background:none;border:0;overflow-x:auto;white-space:pre;word-break:normal;"
    "font-size:12px;line-height:17px;"
    "font-family:var(--jp-code-font-family,monospace)"
)


@dataclass(frozen=True, slots=True)
class Card:
    """A task as its card shows it.

    `detail` tells its arguments, `remark` how it ended (one line), `lines` what there is to read about that; `folded`
    is what there is besides, each part behind its heading.
    """

    task: int
    app: str
    state: State
    detail: str = ""
    remark: str = ""
    lines: Sequence[str] = ()
    folded: Sequence[tuple[str, str]] = ()

    def bundle(self) -> dict[str, str]:
        """What is displayed, by MIME type."""
        return {"text/html": self._html(), "text/plain": self._text()}

    def _headline(self) -> str:
        """What happened, in words; for a task that goes on, that it does."""
        task = f"task {name_of(self.task)} `{shorten(self.app)}`"
        if not self.state.ended:
            return f"{task} has not ended yet"
        return f"{task} {ENDED[self.state]}{self._remark()}"

    def _remark(self) -> str:
        """How it ended, with what joins it to what stands before it."""
        if not self.remark:
            return ""
        return f"{' because ' if self.state is State.SKIPPED else ': '}{shorten(plain(self.remark))}"

    def _text(self) -> str:
        return "\n".join([self._headline(), *map(plain, self.lines)])

    def _html(self) -> str:
        word = ENDED[self.state] if self.state.ended else self.state.label
        detail = f" · {escape(shorten(self.detail))}" if self.detail else ""
        body = f'<pre style="{TRACE}">{chr(10).join(map(_line, self.lines))}</pre>' if self.lines else ""
        folded = "".join(_folded(heading, text) for heading, text in self.folded)
        task = f"task {name_of(self.task)}"
        return (
            f'<div style="{BOX}" class="nbflow-card" data-card="{self.state.label}">'
            f'<span style="color:{COLOURS[self.state]}">{self.state.sign}</span> '
            f"<b>{escape(shorten(self.app))}</b> {word}{escape(self._remark())}"
            f'<span style="color:var(--jp-ui-font-color2,#656d76)"> · {task}{detail}</span>{body}{folded}</div>'
        )


def _line(line: str) -> str:
    """One line to read; the one that failed stands out."""
    text = escape(plain(line))
    return f'<span style="{HERE}">{text}</span>' if line.startswith(ARROW) else text


def _folded(heading: str, text: str) -> str:
    return (
        f'<details style="{FOLDED}"><summary style="cursor:pointer">{escape(heading)}</summary>'
        f'<pre style="{TRACE}">{escape(plain(text))}</pre></details>'
    )


ENDED = {
    State.DONE: "done",
    State.FAILED: "failed",
    State.SKIPPED: "was skipped",
    State.CANCELLED: "was cancelled",
}
