"""When the client is told of the ends of tasks: at once, or together with those that come soon.

A client that has said nothing since it was told last, while its tasks go on, waits for more than one of them: to be
woken for each would cost it more than the news is worth, and take a core from the workers. Its own next call does not
depend on what it has not been told, or it would have come. So ends wait for the loop's next look, about a millisecond
from the last one; but not those that the client may be at a loss without: the first after it has said something, that
of the call it has made last, the last of all, and whatever stands before another message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbflow.core.states import State
from nbflow.wire.channel import Port
from nbflow.wire.messages import Settled

_UNDER_WAY = slice(State.DONE)


class Ends:
    """For one client. `counts`: how many tasks are in each state, kept by the machine."""

    def __init__(self, client: Port[Any], counts: Sequence[int]) -> None:
        self._outgoing = client.outgoing
        self._counts = counts
        self._told = 0  # ends in the next frame
        self._heard = True  # the client has spoken since it was told something
        self.newest = 0  #: the call that it has made last

    def heard(self) -> None:
        """The client has said something."""
        self._heard = True

    def tell(self, settled: Settled) -> None:
        """Have it in the next frame."""
        self._outgoing.append(settled)
        self._told += 1
        if settled.id == self.newest:
            self._heard = True

    @property
    def may_wait(self) -> bool:
        """Whether what there is to be sent may wait for more."""
        return not self._heard and self._told == len(self._outgoing) > 0 and any(self._counts[_UNDER_WAY])

    def sent(self) -> None:
        """All there was is being sent."""
        if self._outgoing:
            self._heard = False
            self._told = 0
