"""What a task prints: kept per task, or sent to the files that the call named.

The worker's standard output and error are a log file in the run directory, opened for appending; between two tasks it
is cut to nothing, so what stands in it is what the present task has printed, child processes and C code included. A
file takes whatever comes and never makes the task wait; that it does not grow without bound is the scheduler's care,
which gives its middle back to the disk and can do so whatever the task is at. After a crash the scheduler reads the
last words there.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from nbflow.client.tasks.outlets import Outlet, last_words, opened
from nbflow.wire.descriptors import lifted
from nbflow.wire.excerpt import excerpt

TOLD = 20_000  # bytes of the end of what a running task has printed that are told

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Capture:
    """The output of the task that runs. Its standard input is empty."""

    always = False  # only where something is to be redirected

    def __init__(self) -> None:
        self._outlets: tuple[Outlet | None, Outlet | None] = (None, None)
        self._nothing = lifted(os.dup(0))
        self._log = lifted(os.dup(1))  # the task may close or redirect the numbers 0 to 2
        # the log was opened for writing alone
        path = "/dev/fd/1" if sys.platform != "linux" else f"/proc/{os.getpid()}/fd/1"
        self._reader = lifted(os.open(path, os.O_RDONLY))
        self._streams()

    def _streams(self) -> None:
        self._in = open(0, closefd=False)  # noqa: SIM115 - as long as the process
        self._raw = [_Raw(number, self._log) for number in (1, 2)]
        self._out, self._err = (
            io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", "backslashreplace", line_buffering=True)
            for raw in self._raw
        )
        self._be_the_streams()

    def _be_the_streams(self) -> None:
        sys.stdin = sys.__stdin__ = self._in  # type: ignore[misc] # put back what a task may have replaced
        sys.stdout = sys.__stdout__ = self._out  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = self._err  # type: ignore[misc]

    def take(self) -> str:
        """What the task has printed; the next one begins with nothing.

        Raises:
            OSError: the task has closed the worker's own descriptors.
        """
        try:
            if sys.stdout is not self._out or sys.stderr is not self._err or sys.stdin is not self._in:
                self._take_back()
            self._out.flush()
            self._err.flush()
            kept = not self._in.closed
        except (OSError, ValueError):
            kept = False
        if not kept:
            self.put_back()
            self._renew()
        text = self.read()
        if text:
            os.ftruncate(self._log, 0)
            # the task may have set other flags: its descriptors and ours share them
            fcntl.fcntl(self._log, fcntl.F_SETFL, os.O_APPEND)
            for raw in self._raw:
                raw.lost = 0
        return text

    def put_back(self) -> None:
        """Give the next task the worker's own descriptors 0 to 2. Raises like `take`."""
        os.dup2(self._nothing, 0)
        os.dup2(self._log, 1)
        os.dup2(self._log, 2)

    def _take_back(self) -> None:
        """The task has put streams of its own in place of ours. What they have not written yet is still its output."""
        for name in ("stdout", "stderr"):
            with suppress(Exception):  # it is the user's object
                getattr(sys, name).flush()
        self._be_the_streams()

    def _renew(self) -> None:
        """The task has closed a stream, or what was under its number when the stream was to be written out."""
        for stream in (self._out, self._err):
            with suppress(OSError, ValueError):
                stream.flush()
        self._streams()

    def read(self) -> str:
        """What has been printed up to now, head and tail."""
        size = os.lseek(self._reader, 0, os.SEEK_END)
        lost = self._raw[0].lost + self._raw[1].lost
        text = excerpt(self._reader, size) if size else ""
        return f"{text}\n... {lost} bytes could not be kept, the disk is full ...\n" if lost else text

    def latest(self) -> str:
        """The end of what has been printed up to now."""
        size = os.lseek(self._reader, 0, os.SEEK_END)
        return excerpt(self._reader, size, 0, TOLD)

    def last_words(self) -> str:
        """The end of what has been printed up to now, best of standard error."""
        return last_words(self._outlets, self.read)

    def run(self, command: list[str]) -> int:
        """Run a command that prints where the task does; it ends with the worker's process group."""
        self.flush()
        return subprocess.Popen(command, stdin=subprocess.DEVNULL).wait()

    @contextmanager
    def redirected(self, streams: Sequence[str]) -> Iterator[None]:
        """Send standard output and error to [path, mode, path, mode]; "" = as usual. Folders are made.

        Raises:
            BadStdStreamFile: a file cannot be opened.
        """
        if not streams:
            yield
            return
        with ExitStack() as stack:
            self._outlets = opened(streams, stack)
            try:
                for number, outlet in zip((1, 2), self._outlets, strict=True):
                    if outlet is not None:
                        os.dup2(outlet.file.fileno(), number)
                yield
            finally:
                self.flush()
                os.dup2(self._log, 1)
                os.dup2(self._log, 2)
                self._outlets = None, None

    @staticmethod
    def flush() -> None:
        """What Python still has goes where it belongs. A stream that the task has harmed is seen to by `take`."""
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # it may be the user's object
                stream.flush()


class _Raw(io.FileIO):
    """A standard stream. That there is no room for what a task prints is no reason for the task to fail."""

    def __init__(self, number: int, log: int) -> None:
        super().__init__(number, "w", closefd=False)
        self.name = "<stdout>" if number == 1 else "<stderr>"  # as Python's own are called
        self.lost = 0
        self._log = log

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            # a file that the user has named is the user's, and so is its end
            if error.errno not in _FULL or not os.path.sameopenfile(self.fileno(), self._log):
                raise
            self.lost += len(data)
            return len(data)
