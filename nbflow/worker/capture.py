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
from contextlib import contextmanager, suppress

LONGEST = 100_000  # characters of head and of tail that are kept


class Capture:
    """The output of the task that runs."""

    always = False  # only where something is to be redirected

    def __init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]

    def take(self) -> str:
        """What the task has printed; the next one begins with nothing."""
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            self._restore()
        text = self.read()
        if text:
            os.ftruncate(1, 0)
        return text

    @staticmethod
    def _restore() -> None:
        """The task has closed or replaced a stream: the next one gets the worker's own again."""
        for name, number in (("stdout", 1), ("stderr", 2)):
            with suppress(OSError, ValueError, AttributeError):
                getattr(sys, name).flush()
                continue
            stream = open(number, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)

    def read(self) -> str:
        """What has been printed up to now, head and tail."""
        try:
            size = os.fstat(1).st_size
        except OSError:  # the task has closed it
            return ""
        if not size:
            return ""
        with open("/dev/fd/1" if sys.platform != "linux" else f"/proc/{os.getpid()}/fd/1", "rb") as file:
            if size <= 2 * LONGEST:
                return file.read().decode("utf-8", "replace")
            head = file.read(LONGEST).decode("utf-8", "replace")
            file.seek(size - LONGEST)
            tail = file.read(LONGEST).decode("utf-8", "replace")
        return f"{head}\n... {size - 2 * LONGEST} bytes left out ...\n{tail}"

    @staticmethod
    def start(command: list[str]) -> subprocess.Popen[bytes]:
        """Start a command that prints where the task does; it ends with the worker's process group."""
        return subprocess.Popen(command, stdin=subprocess.DEVNULL)

    @contextmanager
    def redirected(self, streams: Sequence[str]) -> Iterator[None]:
        """Send standard output and error to [path, mode, path, mode]; "" = as usual. Folders are made.

        Raises:
            OSError: a file cannot be opened.
        """
        if not streams:
            yield
            return
        kept = [(number, os.dup(number)) for number in (1, 2)]
        try:
            for (number, _), path, mode in zip(kept, streams[::2], streams[1::2], strict=True):
                if path:
                    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
                    with open(path, mode) as file:
                        os.dup2(file.fileno(), number)
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            for number, copy in kept:
                os.dup2(copy, number)
                os.close(copy)
