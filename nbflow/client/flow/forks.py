"""What becomes of a process's flows when it forks: the parent keeps them, a child lets go of them.

Before a fork everything is brought to a state that both can go on from; the child has no other threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from weakref import WeakSet


class Concern:
    """What is done at each fork, until `end`, or as long as somebody holds this.

    `hold`: before it, so that nothing is half done by other threads; `go_on`: after it, in the parent; `abandon`: after
    it, in the child.
    """

    def __init__(
        self, hold: Callable[[], None], go_on: Callable[[], None], abandon: Callable[[], None]
    ) -> None:
        self.hold = hold
        self.go_on = go_on
        self.abandon = abandon
        _concerns.add(self)
        _register()

    def end(self) -> None:
        """Do nothing more."""
        _concerns.discard(self)


_concerns: WeakSet[Concern] = WeakSet()
_forking = threading.Lock()
_registered = False
_held: list[Concern] = []  # while the process is forked


def _before() -> None:
    _forking.acquire()
    _held[:] = tuple(_concerns)
    for concern in _held:
        concern.hold()


def _in_parent() -> None:
    for concern in _held:
        concern.go_on()
    _held.clear()
    _forking.release()


def _in_child() -> None:
    _held.clear()
    _forking.release()
    concerns = tuple(_concerns)
    _concerns.clear()  # a child of the child has nothing to let go of
    for concern in concerns:
        concern.abandon()


def _register() -> None:
    """Once; not at import: what is registered last is held first, and who passes messages on may take other locks."""
    global _registered
    with _forking:
        if not _registered:
            os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
            _registered = True
