"""What a task prints: kept per task, or sent to the files that the call named.

The worker's standard output and error are a log file in the run directory, opened for appending; between two tasks it
is cut to nothing, so what stands in it is what the present task has printed, child processes and C code included.
After a crash the scheduler reads the last words there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from nbflow.client.outlets import Outlet, last_words, opened

LONGEST = 100_000  # characters of head and of tail that are kept


class Capture:
    """The output of the task that runs."""

    always = False  # only where something is to be redirected

    def __init__(self) -> None:
        self._outlets: tuple[Outlet | None, Outlet | None] = (None, None)
        self._log = os.dup(1)  # the task may close or redirect the numbers 1 and 2
        self._file = os.fstat(1).st_ino
        # it was opened for writing alone
        path = "/dev/fd/1" if sys.platform != "linux" else f"/proc/{os.getpid()}/fd/1"
        self._reader = open(path, "rb", buffering=0)  # noqa: SIM115 - as long as the process
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]

    def take(self) -> str:
        """What the task has printed; the next one begins with nothing."""
        try:
            sys.stdout.flush()
            sys.stderr.flush()
            if os.fstat(1).st_ino != self._file or os.fstat(2).st_ino != self._file:
                self._restore()
        except (OSError, ValueError, AttributeError):
            self._restore()
        text = self.read()
        if text:
            os.ftruncate(self._log, 0)
        return text

    def _restore(self) -> None:
        """The task has closed or replaced a stream: the next one gets the worker's own again."""
        for name, number in (("stdout", 1), ("stderr", 2)):
            os.dup2(self._log, number)
            with suppress(OSError, ValueError, AttributeError):
                getattr(sys, name).flush()
                continue
            stream = open(number, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)

    def read(self) -> str:
        """What has been printed up to now, head and tail."""
        size = os.fstat(self._log).st_size
        if not size:
            return ""
        number = self._reader.fileno()
        if size <= 2 * LONGEST:
            return os.pread(number, size, 0).decode("utf-8", "replace")
        head = os.pread(number, LONGEST, 0).decode("utf-8", "replace")
        tail = os.pread(number, LONGEST, size - LONGEST).decode("utf-8", "replace")
        return f"{head}\n... {size - 2 * LONGEST} bytes left out ...\n{tail}"

    def last_words(self) -> str:
        """The end of what has been printed up to now, best of standard error."""
        return last_words(self._outlets, self.read)

    def start(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Start a command that prints where the task does; it ends with the worker's process group."""
        self._flush()
        return subprocess.Popen(command, stdin=subprocess.DEVNULL)

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
            kept = []
            try:
                for number, outlet in zip((1, 2), self._outlets, strict=True):
                    if outlet is not None:
                        kept.append((number, os.dup(number)))
                        os.dup2(outlet.file.fileno(), number)
                yield
            finally:
                self._flush()
                for number, copy in kept:
                    os.dup2(copy, number)
                    os.close(copy)
                self._outlets = None, None

    @staticmethod
    def _flush() -> None:
        """What Python still has goes where it belongs. A stream that the task has harmed is seen to by `take`."""
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
