"""The live line under a cell as a widget: its traits hold the whole state, set by one thread (`lines`) alone.

What it tells is made in `batch`, what takes its place in the end in `line_still`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from nbflow.notebook.batch import Told
from nbflow.notebook.formats import Bundle
from nbflow.notebook.line_still import bundle
from nbflow.notebook.live import LiveWidget
from nbflow.notebook.output import Output
from nbflow.notebook.script import STATIC, joined, sheets
from nbflow.notebook.verbs import Said

_PAGE = STATIC / "line"
_CLOCK_EVERY = 2.0  # seconds between two settings of the clock, where nothing else changes


class CellLine(LiveWidget):
    """How the tasks of one cell stand, one row high. `title` heads a browser's notification, `hear` gets clicks."""

    _esm = joined(_PAGE / "main.mjs")
    _css = sheets(STATIC / "graph" / "base.css", _PAGE / "line.css")

    counts = traitlets.Dict(help="how many tasks stand how, by word, without zeros").tag(sync=True)
    fraction = traitlets.Float(help="how much is over, from 0 to 1").tag(sync=True)
    clock = traitlets.Dict(help="elapsed, left (or null): seconds; running: whether it goes on").tag(
        sync=True
    )
    says = traitlets.Unicode(help="what a running task says of itself").tag(sync=True)
    notice = traitlets.Dict(
        help="what is said once: text, title, key (its own among all), good; empty: nothing yet"
    ).tag(sync=True)

    def __init__(self, title: str, told: Told, hear: Callable[[CellLine, Said], None]) -> None:
        self._title = title
        self._hear = hear
        self._clock_at = time.monotonic()  # when it was sent last
        super().__init__(**_traits(told))

    # ---------------------------------------------------------------- for the thread that owns it

    def tell(self, told: Told) -> None:
        """Send what has changed, as one message. The page's clock goes on by itself, and is set seldom."""
        new, now = _traits(told), time.monotonic()
        with self._changing, self.hold_sync():
            same = all(getattr(self, name) == new[name] for name in ("counts", "fraction", "says"))
            if same and told.running == self.clock["running"] and now - self._clock_at < _CLOCK_EVERY:
                del new["clock"]
            else:
                self._clock_at = now
            for name, value in new.items():
                setattr(self, name, value)
            said: dict[str, Any] = {}
            if told.notice is not None:
                said = {"text": told.notice.text, "good": told.notice.good}
                said |= {"title": self._title, "key": f"nbflow-{self.model_id}"}
            if said != self.notice:
                self.notice = said

    def show(self, output: Output, told: Told) -> None:
        """Display it there, with what is shown where widgets are not known, or not trusted."""
        data, metadata = super()._repr_mimebundle_() or ({}, {})
        output.show_late({**data, **bundle(told)}, metadata)

    def replace(self, output: Output, still: Mapping[str, str], page_seen: bool) -> None:
        """Put what stays in its place."""
        output.replace(still, here=not page_seen)
        if page_seen:
            self._give_way(still)

    def offer(self, graph: Bundle) -> None:
        """Have the page show the graph under the line's cell, unless it has: one that was loaded anew has not."""
        with self._changing:
            self.send({"graph": graph[0]})

    def _hears(self, said: Said) -> None:
        self._hear(self, said)

    def __repr__(self) -> str:
        return "nbflow line"


def _traits(told: Told) -> dict[str, Any]:
    left = None if told.left is None else round(told.left, 1)
    return {
        "counts": dict(told.counts),
        "fraction": round(told.fraction, 4),
        "clock": {"elapsed": round(told.elapsed, 1), "left": left, "running": told.running},
        "says": told.says,
    }
