"""How soon a thread that waits for a message gets the interpreter, where another one computes.

A thread that computes keeps the interpreter for 5 ms once somebody else wants it, unless `sys.setswitchinterval` says
otherwise: for as long as a chain of a hundred short tasks takes, what they have given could not be heard of. While one
of ours waits for what tasks under way will give, it is half a millisecond. What the program has set counts again once
nobody waits; an interval that is shorter still is left alone.
"""

from __future__ import annotations

import sys

SOON = 497  # microseconds; nobody else sets it to that, so it is known as ours

_usual = SOON  # the interval that was found


def shorten() -> None:
    """From here to `restore` a thread waits. Several may at a time: the first that has waited ends it for all."""
    global _usual
    found = interval()
    if found > SOON:
        _usual = found
        _set(SOON)


def restore() -> None:
    """Have the program's own interval again, unless it has set another one meanwhile."""
    if interval() == SOON:
        _set(_usual)


def interval() -> int:
    """For how many microseconds a thread keeps the interpreter."""
    return round(sys.getswitchinterval() * 1e6)


def _set(microseconds: int) -> None:
    sys.setswitchinterval((microseconds + 0.5) / 1e6)  # what is less than a whole one is cut off
