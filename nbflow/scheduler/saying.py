"""What the scheduler has to say for itself goes to its log, in the run directory."""

from __future__ import annotations

import sys
from contextlib import suppress


def say(text: str) -> None:
    """Into the scheduler's log, if that can be written: it may lie on the same full disk."""
    with suppress(OSError):
        print(f"nbflow: {text}", file=sys.stderr, flush=True)
