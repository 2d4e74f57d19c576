"""How far a task has come, as a bar of tqdm's shows it; tqdm is never imported for it.

In a worker process tqdm's own list of bars is looked at, so that all its front ends count, wherever they draw. On a
thread of the user's process, where that list is everybody's, what the thread prints is read: a bar is one text that
begins with a carriage return.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from nbflow.client.tasks.progress import counted, fraction_of

_DRAWN = re.compile(
    r"\r(?:(?P<text>[^\r\n]*?): +)? *(?P<percent>\d{1,3})%\|[^\r\n]*\| *(?P<count>\S+)/(?P<total>\S+) \["
)
_COUNTED = re.compile(r"\r(?:(?P<text>[^\r\n]*?): +)?(?P<count>\d+)[^\[\r\n]{0,20} \[\d")


class Bar(NamedTuple):
    """What a bar shows. `fraction`: None where its total is not known."""

    fraction: float | None
    text: str


def bar_of_tqdm(since: float) -> Bar | None:
    """The outermost bar that was made in this process `since` then (seconds since the epoch); None without one."""
    module = sys.modules.get("tqdm.std")
    if module is None:
        return None
    try:  # it may be in the midst of being imported, or of making a bar; and it is not ours
        bars = [vars(bar) for bar in tuple(module.tqdm._instances)]
        ours = [bar for bar in bars if bar.get("start_t", 0.0) >= since]
        return _shown(min(ours, key=lambda bar: abs(bar.get("pos", 0)))) if ours else None
    except Exception:
        return None


def _shown(bar: Mapping[str, Any]) -> Bar | None:
    done, total = _number(bar.get("n")), _number(bar.get("total"))
    if done is None:
        return None
    text = str(bar.get("desc") or "").removesuffix(": ")
    return Bar(fraction_of(done, total), counted(done, total, text))


def _number(given: Any) -> float | None:
    """A number for people; None for what is none, or endless."""
    if isinstance(given, int):
        return given
    return round(given, 3) if isinstance(given, float) and abs(given) < float("inf") else None


class Reader:
    """Reads the bars in what one task prints."""

    def __init__(self) -> None:
        self._last = ""

    def read(self, text: str) -> Bar | None:
        """The bar that this write draws; None if it draws none, or one below another."""
        last, self._last = self._last, text
        if "\r" not in text or (last and not last.strip("\n")):
            # tqdm goes down to the place of an inner one first
            return None
        if (found := _DRAWN.search(text)) is not None:
            count = f"{found['count']} of {found['total']}"
            return Bar(
                min(1.0, int(found["percent"]) / 100), f"{found['text']}: {count}" if found["text"] else count
            )
        if (found := _COUNTED.search(text)) is not None:
            return Bar(None, f"{found['text']}: {found['count']}" if found["text"] else found["count"])
        return None
