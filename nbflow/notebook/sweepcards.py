"""Sweeps under a cell: a card that counts while the sweep goes on, and stays with its last counts.

A sweep tells nobody of each item, so that a thread looks at those that are displayed and go on, a few times a second;
it sends a card when it has become another one. Nothing of the user's runs for it.
"""

from __future__ import annotations

import queue
import threading
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbflow.client.sweeps.sweep import Sweep
from nbflow.notebook.formats import Bundle
from nbflow.notebook.output import Uncaught
from nbflow.notebook.sweepcard import SweepCard

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

BETWEEN_LOOKS = 0.25  # seconds
MOST_FAILURES = 5  # items whose errors are told
MOST_SENT_AGAIN = 100  # cards
PATIENCE = 5.0  # seconds that the thread gets to end


@dataclass(eq=False, slots=True)
class _Shown:
    """A sweep that is displayed, and what stands there now."""

    sweep: Sweep
    display_id: str
    bundle: Bundle


class SweepCards:
    """The cards of sweeps of one shell, and the thread that keeps them up to date while any goes on."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._displays = Uncaught(shell)
        self._lock = threading.Lock()  # of what follows; held while a card is made and sent
        self._open: list[_Shown] = []
        self._ended: deque[_Shown] = deque(maxlen=MOST_SENT_AGAIN)
        self._looks: queue.SimpleQueue[bool] = queue.SimpleQueue()  # True: look at once; False: it is over
        self._thread: threading.Thread | None = None

    def show(self, sweep: Sweep) -> None:
        """Display a sweep under the cell that runs, and keep the display up to date."""
        shown = _Shown(sweep, uuid.uuid4().hex, (card_of(sweep).bundle(), {}))
        self._publish(shown, update=False)
        # only a kernel's front ends can update a display; a terminal would print it again
        if hasattr(self._shell, "kernel") and not self._has_its_last(shown):
            with self._lock:
                self._open.append(shown)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="nbflow-sweep-cards", daemon=True)
                self._thread.start()
            sweep.add_done_callback(lambda _: self._looks.put(True))
            self._looks.put(True)

    def settle(self) -> None:
        """Bring every card to its present state, within the cell that runs."""
        with self._lock:
            for shown in self._ended:
                self._publish(shown, update=True)
            self._ended.clear()
        self._look()
        with self._lock:
            self._ended.clear()

    def close(self) -> None:
        """Stop following; the cards stay as they are."""
        if self._thread is not None:
            self._looks.put(False)
            self._thread.join(PATIENCE)
            self._thread = None
        self._open.clear()

    def _run(self) -> None:
        going_on = True
        while going_on:
            with suppress(queue.Empty):
                going_on = self._looks.get(timeout=BETWEEN_LOOKS if self._open else None)
            self._look()

    def _look(self) -> None:
        """Send what has changed; let go of what has ended."""
        with self._lock:
            for shown in tuple(self._open):
                ended = shown.sweep.done()
                bundle: Bundle = card_of(shown.sweep).bundle(), {}
                if bundle != shown.bundle:
                    shown.bundle = bundle
                    self._publish(shown, update=True)
                if ended:
                    self._open.remove(shown)
                    self._ended.append(shown)

    @staticmethod
    def _has_its_last(shown: _Shown) -> bool:
        return shown.sweep.done() and (card_of(shown.sweep).bundle(), {}) == shown.bundle

    def _publish(self, shown: _Shown, *, update: bool) -> None:
        self._displays.publish(shown.bundle, shown.display_id, update=update)


def card_of(sweep: Sweep) -> SweepCard:
    """The card of a sweep as it stands."""
    return SweepCard(sweep.app_name, sweep.counts(), sweep.failures(MOST_FAILURES))
