"""Whether somebody has interrupted the cell that runs.

A kernel answers an interrupt of a cell that awaits by cancelling its coroutine, perhaps long after it came: at the next
`await`. What is cancelled cannot tell that from a cancel that was meant, so it is noted here as it comes.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interrupts:
    """Stands before the handler of SIGINT while a cell runs, and passes on what comes."""

    def __init__(self) -> None:
        self._came = False
        self._handler: Any = None  # what we stand before
        self._note = self._noted  # one object, that is known again

    def came(self) -> bool:
        """Whether the cell that runs, or ran last, has been interrupted."""
        return self._came

    def before_cell(self, *_: object) -> None:
        """A cell begins."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._came = False
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler) and handler is not self._note:
            self._handler = handler
            signal.signal(signal.SIGINT, self._note)

    def after_cell(self, *_: object) -> None:
        """It has run to its end: the handler is as it was, unless somebody has set another one meanwhile."""
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGINT) is self._note:
            signal.signal(signal.SIGINT, self._handler)

    def _noted(self, number: int, frame: FrameType | None) -> None:
        self._came = True
        self._handler(number, frame)
