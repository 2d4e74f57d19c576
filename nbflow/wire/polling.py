"""Polls that look again and again for a moment before they sleep, where the last answer came soon.

To sleep and be woken costs more than the waking itself: a virtual machine gives the idle core away, and what the
process needs is not in its caches any more when it comes back. A scheduler that sleeps between the steps of one call
takes five times as long for each of them as one that stays awake.

Between two looks the core is left to whoever wants it. Where others do, and have it for long, nothing is looked for in
the next while: a process that sleeps is let in before one that gave way. Where nothing comes soon, the next wait sleeps
at once. So a flow that has nothing to do costs nothing, and one of long tasks next to nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

AWAKE = 0.0002  # seconds of looking before it sleeps; a worker's answer to a short call takes half of that
WANTED = 0.00015  # seconds for which others have the core, from which on they are taken to want it
LONGEST = 1e6  # of a selector's unit that a wait sleeps: more than 2**31 ms is refused by the system
ASIDE = 0.01  # seconds for which nothing is looked for then: beside that, to find out anew costs little


class AdaptivePoll:
    """The waits of one waiter.

    `poll`: a selector's, whose unit of time is kept to: 0 = it only looks, None = it sleeps until something is ready.
    `give_way` and `clock`: for tests.
    """

    def __init__(
        self,
        poll: Callable[[Any], list[tuple[int, int]]],
        give_way: Callable[[], object] = os.sched_yield,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._poll = poll
        self._give_way = give_way
        self._clock = clock
        self._soon = False  # the last wait was a short one
        self._not_before = 0.0  # when to look again before sleeping

    def wait(self, timeout: float | None) -> list[tuple[int, int]]:
        """(descriptor, events) of what is ready; none if the time is over, which may be noticed `AWAKE` later.

        Nor is there any after `LONGEST`: whoever has longer to wait asks again.
        """
        poll, clock = self._poll, self._clock
        if timeout is not None and timeout > LONGEST:
            timeout = LONGEST
        begun = now = clock()
        if self._soon and timeout != 0 and now >= self._not_before:
            while not (ready := poll(0)):
                before = now
                self._give_way()
                now = clock()
                if now - begun >= AWAKE:
                    if now - before >= WANTED:
                        self._not_before = now + ASIDE
                    ready = poll(timeout)
                    break
        else:
            ready = poll(timeout)
        self._soon = bool(ready) and clock() - begun < AWAKE
        return ready
