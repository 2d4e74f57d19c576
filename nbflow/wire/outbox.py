"""Answers that wait to be sent, in memory that outlives the process that wrote them.

Sending every answer by itself would cost a system call a task; keeping answers back would lose those of tasks that
have ended when the process dies under the next one, and blame the wrong task for it. So a worker writes each frame
here at once, sends many at a time, and the scheduler reads what was left when the worker has died. What was sent and
not yet crossed out is then seen twice, which the machine ignores.

    [length of what follows, 8 bytes][frame][frame] ...
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile

SIZE = 1 << 20  # bytes

_LENGTH = struct.Struct("<Q")


def make() -> int:
    """A descriptor of fresh shared memory, to be inherited by the worker.

    Raises:
        OSError: there is none to be had.
    """
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("nbflow-outbox")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, SIZE)
    return fd


class Outbox:
    """One end of it: the worker adds and crosses out, the scheduler reads."""

    def __init__(self, fd: int) -> None:
        self._map = mmap.mmap(fd, SIZE)
        self._end = _LENGTH.size

    def add(self, frame: bytes | bytearray) -> bool:
        """Keep a frame; False if there is no room for it."""
        end = self._end + len(frame)
        if end > SIZE:
            return False
        self._map[self._end : end] = frame
        self._end = end
        _LENGTH.pack_into(
            self._map, 0, end - _LENGTH.size
        )  # after the frame: a crash in between leaves it out
        return True

    def content(self) -> bytes:
        """All frames that are not crossed out."""
        length: int = _LENGTH.unpack_from(self._map)[0]
        return self._map[_LENGTH.size : _LENGTH.size + length]

    def cross_out(self) -> None:
        """Everything has been sent."""
        self._end = _LENGTH.size
        _LENGTH.pack_into(self._map, 0, 0)

    @property
    def empty(self) -> bool:
        """Whether this end has added nothing since the last crossing out."""
        return self._end == _LENGTH.size

    def close(self) -> None:
        """Let go of the memory."""
        self._map.close()
