"""Answers that wait to be sent, and what has begun, in memory that outlives the process that wrote them.

Sending every answer by itself would cost a system call a task; keeping answers back would lose those of tasks that
have ended when the process dies under the next one, and blame the wrong task for it. So a worker writes each answer
here at once, sends many in a frame, and the scheduler reads what was left when the worker has died. What was sent and
not yet crossed out is then seen twice, which the machine ignores.

Which task has begun last stands here as well, so that nobody has to guess whom a death hits; and the scheduler can keep
the worker from beginning another one: so that it ends the right one (`held`), or because it has asked for the others
back, and takes those that have not begun without an answer if there is none (`recalled`). The worker writes what it
begins and then looks whether it may, the scheduler writes that it must not and then looks what has begun.

    [task begun last, 8 bytes][its attempt, 4][flags, 4][how much follows, 8][message][message] ...

How many messages and how many bytes follow is one number, so that no death can come between the two.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile

from nbflow.wire.channel import frame_of

SIZE = 1 << 20  # bytes

_BEGUN = struct.Struct("<QI")
_FLAGS = _BEGUN.size  # where the byte stands
_HELD, _RECALLED = 1, 2
_CONTENT = struct.Struct("<Q")  # messages << _BITS | bytes
_BITS = 32
_AT = 16  # where it stands
_BEGIN = _AT + _CONTENT.size  # where the messages begin


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
        self._end = _BEGIN
        self._count = 0

    def add(self, count: int, encoded: bytes) -> bool:
        """Keep so many messages, encoded one after the other; False if there is no room for them."""
        end = self._end + len(encoded)
        if end > SIZE:
            return False
        self._map[self._end : end] = encoded
        self._end = end
        self._count += count
        # after the messages: a crash in between leaves them out
        _CONTENT.pack_into(self._map, _AT, self._count << _BITS | end - _BEGIN)
        return True

    def frame(self) -> bytes:
        """A frame of all messages that are not crossed out."""
        content: int = _CONTENT.unpack_from(self._map, _AT)[0]
        end = _BEGIN + (content & (1 << _BITS) - 1)
        return frame_of(content >> _BITS, self._map[_BEGIN:end])

    def cross_out(self) -> None:
        """Everything has been sent."""
        self._end = _BEGIN
        self._count = 0
        _CONTENT.pack_into(self._map, _AT, 0)

    # ------------------------------------------------------------ what has begun

    def begin(self, task: int, attempt: int) -> bool:
        """The worker is about to begin a task; True if it must not, for now."""
        _BEGUN.pack_into(self._map, 0, task, attempt)
        return self._map[_FLAGS] != 0

    @property
    def begun(self) -> tuple[int, int]:
        """(task, attempt) that the worker has begun last; (0, 0) = none yet."""
        task, attempt = _BEGUN.unpack_from(self._map)
        return task, attempt

    @property
    def must_wait(self) -> bool:
        """Whether the worker must not begin anything."""
        return self._map[_FLAGS] != 0

    def hold(self, held: bool) -> None:
        """Let the worker begin nothing until it is killed or let go."""
        self._flag(_HELD, held)

    def recall(self, recalled: bool) -> None:
        """Let the worker begin nothing until it has been heard to give back what was asked for."""
        self._flag(_RECALLED, recalled)

    def _flag(self, flag: int, on: bool) -> None:
        self._map[_FLAGS] = self._map[_FLAGS] & ~flag | flag * on

    def snapshot(self) -> bytes:
        """All that stands here: if it is the same at two times, nobody was writing."""
        return self._map[:_BEGIN] + self.frame()

    @property
    def empty(self) -> bool:
        """Whether this end has added nothing since the last crossing out."""
        return self._end == _BEGIN

    def close(self) -> None:
        """Let go of the memory."""
        self._map.close()
