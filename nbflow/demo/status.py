"""The demo's status line: how far the notebook is, how the tasks stand, how long it has taken.

On a terminal, one line that is written over; anywhere else (a log, a pipe) a line of its own whenever the counts have
changed, at most one in `LOG_EVERY` seconds. Knows nothing of kernels.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

from nbflow.notebook.marks import MARKS

LOG_EVERY = 5.0
SIGNS = {mark.word: mark.sign for mark in MARKS}


def worded(counts: Mapping[str, int]) -> str:
    """Return the counts as people read them: "✓ 63 done   ▶ 2 running"."""
    return "   ".join(f"{SIGNS[word]} {count} {word}" for word, count in counts.items() if count)


def counts_in(published: object) -> dict[str, int]:
    """Return the counts of tasks by state in what a widget has published under that name; any widget may have."""
    if not isinstance(published, Mapping):
        return {}
    return {word: count for word, count in published.items() if word in SIGNS and type(count) is int}


class StatusLine:
    """Writes how things stand to a stream; as a context manager it leaves the terminal's line clean."""

    def __init__(self, stream: TextIO) -> None:
        self.counts: dict[str, int] = {}  #: tasks by the word of their state
        self.cell = 0  #: of `cells`; 0 = none has begun
        self.cells = 0
        self._stream = stream
        self._over = stream.isatty()
        self._began = time.monotonic()
        self._logged: tuple[float, dict[str, int]] = (0.0, {})

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._began

    def show(self) -> None:
        """Write how things stand, if it is time to."""
        if self._over:
            width = shutil.get_terminal_size().columns
            self._write(f"\r\x1b[2K{self._text()[: width - 1]}")
            return
        when, counts = self._logged
        if counts != self.counts and self.seconds >= when + LOG_EVERY:
            self._logged = (self.seconds, dict(self.counts))
            self._write(self._text() + "\n")

    def __enter__(self) -> StatusLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._over:
            self._write("\r\x1b[2K")

    def _text(self) -> str:
        where = f"cell {self.cell} of {self.cells}" if self.cell else "starting a kernel"
        return "   ".join(part for part in (f"{self.seconds:5.1f} s", where, worded(self.counts)) if part)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
