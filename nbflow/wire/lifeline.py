"""A worker ends with its scheduler, whatever it is at: in compiled code that holds the interpreter, stopped, asleep.

The scheduler keeps one end of a pipe into which nobody writes; each worker has the other one, and asks the system to
kill its whole process group at the moment when the pipe is closed, however its holder has ended. So nothing in the
worker has to run for that, and what a task has started ends as well. Where the system cannot do this (it is Linux that
can), a worker ends when it next reads its socket.

This is PR_SET_PDEATHSIG without its traps: that one knows no groups, and fires when the starting *thread* ends.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
from contextlib import suppress

from nbflow.wire.descriptors import lifted


class Lifeline:
    """The scheduler's end. `fd` is to be inherited by the workers."""

    def __init__(self) -> None:
        self.fd, self._held = os.pipe()  # `_held` is closed when this process ends, and not before


def tie(fd: int) -> None:
    """In a worker: from here on its process group ends with the holder of the other end."""
    number = getattr(fcntl, "F_SETSIG", None)
    with suppress(OSError):  # without /proc, say
        if number is not None:
            # a description of its own: who is to be told is kept there, and all workers inherit the same one
            mine = lifted(os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
            fcntl.fcntl(mine, number, signal.SIGKILL)
            fcntl.fcntl(mine, fcntl.F_SETOWN, -os.getpgrp())
            fcntl.fcntl(mine, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
    poll = select.poll()
    poll.register(fd, 0)
    if poll.poll(0):  # it was closed before we asked to be told
        os._exit(0)
    os.close(fd)
