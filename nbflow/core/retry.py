"""The terms on which a task is tried again: how often, after what, and how long it waits before.

Pure arithmetic. Which error an attempt ended with is not known here; the host says whether it is one that counts.
"""

from __future__ import annotations

import msgspec

from nbflow.core.instructions import Why


class Terms(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How a task is tried again. Times are in seconds."""

    times: int  # further attempts; what the costs of all failures may add up to where failures are judged
    delay: float = 0.0  # before the first further attempt
    factor: float = 2.0  # by which it grows each time
    longest: float = 60.0  # no delay is longer
    lost: bool = True  # a lost worker counts
    timeout: bool = True  # so does a walltime that is over
    memory: bool = True  # so does having been ended for its memory

    def covers(self, why: Why) -> bool:
        """Whether an attempt that ended so may be followed by another one."""
        if why is Why.LOST:
            return self.lost
        if why is Why.TIMEOUT:
            return self.timeout
        return self.memory if why is Why.MEMORY else True

    def pause(self, failures: int) -> float:
        """Seconds between the last of so many failures (from 1) and the next attempt."""
        try:
            return min(self.longest, self.delay * self.factor ** (failures - 1))
        except OverflowError:
            return self.longest if self.delay else 0.0


NEVER = Terms(0)
"""No further attempt, whatever happens."""
