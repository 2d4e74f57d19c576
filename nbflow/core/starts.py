"""How many workers to start at once; whether it pays to start another after some could not be started, and when.

Those that start at once share the machine's cores: of many, each is ready only when nearly all are, and no task begins
before. So at most `AT_ONCE` are under way, and the next one starts as soon as one is ready.

A start may fail because of something that passes (the machine has no process to give, somebody kills what starts) or
for good (a wrong environment, a folder that is not there). Neither may end a flow overnight for what was over after a
minute, nor let a task wait for ever. So:

- after a failure, nothing is started until every start under way has come to an end; then one at a time, after a pause
  that doubles up to `LONGEST`, until one succeeds;
- where each fails by its own doing, and no worker of the executor was ever ready, `TRIES` in a row are enough;
- where one was, or where the cause is outside, there is patience for `OWN` or `OUTSIDE` seconds of failures alone.

Giving up ends the tasks that wait. Those that come later cause one more start each time, and wait for what comes of it.
"""

from __future__ import annotations

AT_ONCE = 16  # each takes some 0.1 s of a core
TRIES = 3
FIRST = 0.1  # seconds
LONGEST = 5.0  # seconds
OWN = 60.0  # seconds
OUTSIDE = 600.0  # seconds


class Starts:
    """How the starts of one executor's workers go. Times are in seconds, by the host's clock."""

    __slots__ = ("failing", "given_up", "misses", "not_before", "since", "worked")

    def __init__(self) -> None:
        self.worked = False  # one was ready once
        self.failing = False  # the last start has failed
        self.given_up = False
        self.misses = 0  # times in a row that all starts under way have failed
        self.since = 0.0  # of the first of them
        self.not_before = 0.0  # when the next start may be tried

    def succeeded(self) -> None:
        """A worker is ready."""
        self.worked = True
        self.failing = self.given_up = False
        self.misses = 0

    def failed(self, now: float, lasting: bool, under_way: int) -> bool:
        """A start has failed, by its own doing (`lasting`) or not; so many others are `under_way`.

        True if there is no use in waiting for the next.
        """
        self.failing = True
        if under_way:
            return False
        if not self.misses:
            self.since = now
        self.misses += 1
        self.not_before = now + min(LONGEST, FIRST * 2 ** min(self.misses - 1, 10))
        at_once = lasting and not self.worked and self.misses >= TRIES
        self.given_up |= at_once or now - self.since >= (OWN if lasting else OUTSIDE)
        return self.given_up

    def allowed(self, wanted: int, now: float, under_way: int) -> int:
        """How many of so many workers may be started now."""
        if not self.failing:
            return max(0, min(wanted, AT_ONCE - under_way))
        return 0 if under_way or now < self.not_before else min(1, wanted)
