"""Dictionaries that have been large give their room back: Python's own keep it for ever."""

from __future__ import annotations

import sys
from typing import Any

_USUAL = 1 << 16  # bytes: a smaller one is not worth the look
_PER_ENTRY = 128  # bytes; one that grows and shrinks by a half has less


def shrink(table: dict[Any, Any]) -> None:
    """Have `table` take no more room than what is in it needs, if it takes far more; else it costs next to nothing."""
    room = sys.getsizeof(table)
    if room > _USUAL and room > 4 * _PER_ENTRY * len(table):
        entries = list(table.items())
        table.clear()
        table.update(entries)
