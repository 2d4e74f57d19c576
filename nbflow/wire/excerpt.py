"""How much of what a task prints is kept: head and tail, and a line that tells how much was between them."""

from __future__ import annotations

import os

HALF = 500_000  # bytes of the head, and of the tail


def excerpt(fd: int, size: int, head: int = HALF, tail: int = HALF) -> str:
    """Head and tail of a file of `size` bytes."""
    if size <= head + tail:
        return os.pread(fd, size, 0).decode("utf-8", "replace")
    begin = os.pread(fd, head, 0).decode("utf-8", "replace") + "\n" if head else ""
    end = os.pread(fd, tail, size - tail).decode("utf-8", "replace")
    return f"{begin}... {size - head - tail} bytes left out ...\n{end}"
