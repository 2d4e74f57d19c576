"""Stretches in which an interrupt must not raise: a message half sent, or taken off the socket and not passed on.

Python runs the handler of SIGINT, which is what the notebook's Interrupt button sends, between any two steps of the
main thread, whichever thread the system has told; masking the signal is therefore not enough. In `undisturbed` the
handler is one that only remembers, and what it remembers is handled, and may raise, when the stretch ends.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps it in enums, at several times the cost
import os
import signal
import threading
from types import FrameType
from typing import Any

_INT = int(signal.SIGINT)
_main = [threading.main_thread().ident]  # in a list: a forked child may have another one


class _Undisturbed:
    """A context manager, to be entered as often as wanted; only the main thread runs handlers, so only it is held."""

    def __init__(self) -> None:
        self._depth = 0
        self._handler: Any = None
        self._frame: FrameType | None = None
        self._came = False

    def __enter__(self) -> None:
        if threading.get_ident() == _main[0]:
            if not self._depth:
                self.shut_out()
            self._depth += 1

    def __exit__(self, *_: object) -> None:
        if threading.get_ident() == _main[0]:
            self._depth -= 1
            if not self._depth:
                self.let_in()

    def let_in(self) -> None:
        """Within a stretch: from here to `shut_out` an interrupt raises as usual, and what came before does now."""
        if threading.get_ident() == _main[0] and self._handler is not None:
            _signal.signal(_INT, self._handler)
            if self._came:
                self._came = False
                frame, self._frame = self._frame, None
                if callable(self._handler):
                    self._handler(_INT, frame)

    def shut_out(self) -> None:
        """The end of `let_in`."""
        if threading.get_ident() == _main[0]:
            # None: a handler that Python did not set and could not put back; it raises nothing either
            set_in_python = _signal.getsignal(_INT) is not None
            self._handler = _signal.signal(_INT, self._remember) if set_in_python else None

    def _remember(self, _number: int, frame: FrameType | None) -> None:
        self._came = True
        self._frame = frame

    def forked(self) -> None:
        """In a forked child: it begins outside of any stretch, wherever the main thread of the parent was."""
        _main[0] = threading.main_thread().ident
        if self._depth:
            self._depth, self._came, self._frame = 0, False, None
            self.let_in()


undisturbed = _Undisturbed()
os.register_at_fork(after_in_child=undisturbed.forked)
