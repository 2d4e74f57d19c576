"""Stretches in which an interrupt must not raise: a message half sent, or taken off the socket and not passed on.

Python runs the handler of SIGINT, which is what the notebook's Interrupt button sends, or of the alarm that ends what
takes too long, between any two steps of the main thread, whichever thread the system has told; masking the signal is
therefore not enough. In `undisturbed` the handler is one that only remembers, and what it remembers is handled, and may
raise, when the stretch ends.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps it in enums, at several times the cost
import os
import signal
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any

_HELD = tuple(int(getattr(signal, name)) for name in
              ("SIGINT", "SIGALRM", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGPROF")
              if hasattr(signal, name))  # fmt: skip
"""Signals whose handlers are likely to raise: interrupts, limits of time, requests to end."""
_main = [threading.main_thread().ident]  # in a list: a forked child may have another one


class _Undisturbed:
    """A context manager, to be entered as often as wanted; only the main thread runs handlers, so only it is held."""

    def __init__(self) -> None:
        self._depth = 0
        self._seen: tuple[Any, ...] = ()  # the handlers of `_HELD`, as found last
        self._handlers: dict[int, Any] = {}  # of those, what is called
        self._out = False  # they are shut out now
        self._came: dict[int, FrameType | None] = {}  # what was remembered, and in the midst of what it came
        self._hold = self._remember  # one object, that is known again

    def __enter__(self) -> None:
        if threading.get_ident() == _main[0]:
            if not self._depth:
                try:
                    self.shut_out()
                except BaseException:
                    self.let_in()
                    raise
            self._depth += 1

    def __exit__(self, *_: object) -> None:
        if threading.get_ident() == _main[0]:
            self._depth -= 1
            if not self._depth:
                self.let_in()

    def let_in(self) -> None:
        """Within a stretch: from here to `shut_out` an interrupt raises as usual, and what came before does now."""
        if threading.get_ident() == _main[0] and self._out:
            self._out = False
            try:
                _put(self._handlers)
            finally:
                if self._came:
                    (number, frame), *others = self._came.items()
                    self._came = {}
                    for other, _ in others:  # they run as soon as the first one has, whether it raises or not
                        signal.raise_signal(other)
                    self._handlers[number](number, frame)

    def shut_out(self) -> None:
        """The end of `let_in`."""
        if threading.get_ident() == _main[0]:
            # compared at a tenth of what it takes to look at each; what Python has not set raises nothing
            if (seen := tuple(map(_signal.getsignal, _HELD))) != self._seen:
                self._seen = seen
                found = {
                    # ours is there where putting it back was cut short: it stands for what it was put in place of
                    number: self._handlers.get(number) if handler is self._hold else handler
                    for number, handler in zip(_HELD, seen, strict=True)
                }
                self._handlers = {number: handler for number, handler in found.items() if callable(handler)}
            self._out = True
            _put(dict.fromkeys(self._handlers, self._hold))

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._came[number] = frame

    def forked(self) -> None:
        """In a forked child: it begins outside of any stretch, wherever the main thread of the parent was."""
        _main[0] = threading.main_thread().ident
        if self._depth:
            self._depth, self._came = 0, {}
            self.let_in()


def _put(handlers: Mapping[int, Any]) -> None:
    """Have each of these signals handled so.

    To set one runs the handlers of what has come: what one of them raises is raised once all are set.
    """
    left, raised = list(handlers.items()), None
    while left:
        try:
            while left:
                _signal.signal(*left[-1])
                left.pop()
        except BaseException as error:
            raised = error
    if raised is not None:
        raise raised


def is_of_a_handler(error: BaseException) -> bool:
    """Whether an error was raised by a handler of a signal, which Python may run in the midst of anything."""
    handlers = {getattr(_signal.getsignal(number), "__code__", None) for number in _HELD} - {None}
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code not in handlers:
        trace = trace.tb_next
    return trace is not None


undisturbed = _Undisturbed()
os.register_at_fork(after_in_child=undisturbed.forked)
