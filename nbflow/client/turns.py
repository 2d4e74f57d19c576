"""How soon a thread that waits for a message gets the interpreter, where another one computes.

A thread that computes keeps the interpreter for 5 ms once somebody else wants it, unless `sys.setswitchinterval` says
otherwise: for as long as a chain of a hundred short tasks takes, what they have given could not be heard of. While one
of ours waits for what tasks under way will give, it is half a millisecond. What the program has set counts again once
nobody waits; an interval that is shorter still is left alone.
"""

from __future__ import annotations

import sys

SOON = 0.0005  # seconds

_usual = SOON  # the interval that was found


def shorten() -> None:
    """From here to `restore` a thread waits. Several may at a time: the first that has waited ends it for all."""
    global _usual
    found = sys.getswitchinterval()
    if found > SOON:
        _usual = round(found, 6)  # it counts microseconds, and cuts off what is a little less
        sys.setswitchinterval(SOON)


def restore() -> None:
    """Have the program's own interval again, unless it has set another one meanwhile."""
    if sys.getswitchinterval() == SOON:
        sys.setswitchinterval(_usual)
