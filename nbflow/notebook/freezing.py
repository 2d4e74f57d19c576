"""When a live graph gives way to its still picture.

Pure; time comes in as seconds of a monotonic clock. A notebook that is saved and opened without a kernel shows an
error where a widget stood, so every live view is replaced once its flow is at rest: soon, if nobody is using it. A
page that is in use says so again and again; what it said last holds for a while only, because a page that was closed
says nothing more.
"""

from __future__ import annotations

from nbflow.notebook.verbs import SHOWS, Verb

REST = 3.0
"""Seconds that a flow must be at rest, and the page unused."""
OLD_REST = 10.0
"""The same, where the flow was at rest already when the view was opened, or where no page has said anything yet."""
BUSY_FOR = 60.0
"""Seconds for which `busy` holds."""


class Freezing:
    """Tells when it is time. `quiet`: the views were replaced, and no page has spoken since."""

    def __init__(self) -> None:
        self.page_seen = False  #: a page has said something: there is a live front end
        self.frozen = False  #: the views were replaced; this happens once for each time they are drawn
        self.quiet = False
        self._shown: float | None = None
        self._moved = False  # the flow was seen under way since the view was opened
        self._rest_since: float | None = None
        self._busy_until = self._used = float("-inf")

    def shown(self, now: float) -> None:
        """A live view was displayed."""
        self._shown = now
        self.frozen = self.quiet = self._moved = False
        self._rest_since = None

    def said(self, verb: Verb, now: float) -> bool:
        """A page said something; True if it was thought to be gone."""
        back, self.quiet, self.page_seen = self.quiet, False, True
        if verb in SHOWS:
            return back
        self._used = now
        if verb is Verb.READY and self.frozen:
            self.shown(now)  # a page was loaded anew from a file of before
        if verb in (Verb.IDLE, Verb.CLOSE):
            self._busy_until = now
        elif verb is not Verb.READY:
            self._busy_until = now + BUSY_FOR
        return back

    def due(self, at_rest: bool, closed: bool, now: float) -> float | None:
        """Seconds until it is time, 0.0 for now; None while that cannot be told."""
        if self._shown is None or self.frozen:
            return None
        if closed:
            return 0.0
        if not at_rest:
            self._moved, self._rest_since = True, None
            return None
        if self._rest_since is None:
            self._rest_since = now
        rest = REST if self._moved and self.page_seen else OLD_REST
        # A page that was used is left alone for the same time after that.
        return max(0.0, max(self._rest_since, self._used) + rest - now, self._busy_until - now)

    def done(self) -> None:
        """The views were replaced."""
        self.frozen = self.quiet = True
