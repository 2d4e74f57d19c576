"""What a task prints on a thread of this process: told apart from what other threads print.

`sys.stdout` and `sys.stderr` are replaced by routers while a flow has threads; a router passes on what a task's thread
writes to where that task wants it, and everything else to the stream that was there before. What C code writes to the
descriptors themselves cannot be told apart and is not captured.
"""

from __future__ import annotations

import fcntl
import io
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TextIO

from nbflow.client.tasks.bars import Bar, Reader
from nbflow.client.tasks.outlets import Outlet, last_words, opened
from nbflow.wire import leftovers
from nbflow.wire.excerpt import HALF, excerpt
from nbflow.wire.printed import Log, next_look

GRACE = 0.5  # seconds for ending what a command has left behind
SOON, LATE = 0.1, 1.0  # seconds until the first look at what a command has printed, and until a later one

_routes: dict[str, dict[int, Any]] = {"stdout": {}, "stderr": {}}  # stream -> thread -> where it writes
_installing = threading.Lock()
_users = 0


class _Router(io.TextIOBase):
    """Stands in for a stream of `sys`. There may be several, if somebody replaces the streams again and again."""

    def __init__(self, name: str, before: TextIO) -> None:
        self.before = before
        self._routes = _routes[name]

    def write(self, text: str) -> int:
        return int(self._routes.get(threading.get_ident(), self.before).write(text))

    def flush(self) -> None:
        self._routes.get(threading.get_ident(), self.before).flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return threading.get_ident() not in self._routes and self.before.isatty()

    def fileno(self) -> int:
        return self.before.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override] # a plain attribute there
        return getattr(self.before, "encoding", None) or "utf-8"

    def __getattr__(self, name: str) -> Any:
        """Whatever else the stream before has: a notebook's streams have more than a file's."""
        return getattr(self.before, name)


def install() -> Callable[[], None]:
    """Begin to tell threads apart; returns what undoes it, to be called once."""
    global _users
    with _installing:
        _users += 1
    _be_there()
    return _remove


def _remove() -> None:
    """The streams are what they were before, unless somebody has replaced them meanwhile, or others need us."""
    global _users
    with _installing:
        _users -= 1
        for name in _routes if not _users else ():
            stream = getattr(sys, name)
            if isinstance(stream, _Router):
                setattr(sys, name, stream.before)


def _be_there() -> None:
    """Put routers in place, again if somebody has replaced them."""
    with _installing:
        for name in _routes:
            stream = getattr(sys, name)
            if not isinstance(stream, _Router):
                setattr(sys, name, _Router(name, stream))


def leave() -> None:
    """The calling thread runs no task any more, however the last one ended."""
    for routes in _routes.values():
        routes.pop(threading.get_ident(), None)


class _Transcript:
    """Text written bit by bit, of which head and tail are kept."""

    def __init__(self, on_bar: Callable[[Bar], None]) -> None:
        self._on_bar = on_bar
        self._bars = Reader()
        self._head: list[str] = []
        self._tail: list[str] = []
        self._room = HALF
        self._behind = 0  # characters in `_tail`
        self._left_out = 0

    def write(self, text: str) -> int:
        if (bar := self._bars.read(text)) is not None:
            self._on_bar(bar)
        rest = text[self._room :] if self._room else text
        if self._room:
            self._head.append(text[: self._room])
            self._room -= len(text) - len(rest)
        if rest:
            self._tail.append(rest)
            self._behind += len(rest)
            if self._behind > 2 * HALF:  # seldom: it copies all of it
                self._cut()
        return len(text)

    def _cut(self) -> None:
        if self._behind > HALF:
            self._left_out += self._behind - HALF
            self._tail = ["".join(self._tail)[-HALF:]]
            self._behind = HALF

    def flush(self) -> None:
        """Nothing waits."""

    def text(self) -> str:
        self._cut()
        gap = f"\n... {self._left_out} characters left out ...\n" if self._left_out else ""
        return "".join(self._head) + gap + "".join(self._tail)


def _watch(process: subprocess.Popen[bytes], stack: ExitStack) -> Callable[[float], bool]:
    """A function that waits so many seconds, and says whether the process has ended. The stack ends what it needs."""
    try:
        fd = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # a system that has none

        def ended(seconds: float) -> bool:
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            return process.returncode is not None

        return ended
    stack.callback(os.close, fd)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return lambda seconds: bool(poll.poll(seconds * 1000))


class TaskEnded(BaseException):
    """Raised in a task on a thread that was cancelled, or whose walltime is over."""


class ThreadCapture:
    """The output of the task that one thread runs, and the command that runs for it.

    `run_id` and `worker`: of which flow, and the thread's number: its commands carry both, so that what they leave
    behind is found. `on_bar`: what is called with each bar that the task draws.
    """

    always = True

    def __init__(self, run_id: str, worker: int) -> None:
        self._run_id = run_id
        self._worker = worker
        self.on_bar: Callable[[Bar], None] = lambda bar: None
        self._command: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()  # held while a command is started, and while the thread is stopped
        self._stopped = False
        self._transcript = _Transcript(self._drawn)
        self._outlets: tuple[Outlet | None, Outlet | None] = (None, None)
        self._printed: Any = None  # by the command, where it is not redirected
        self._said = ""  # by a command that has ended
        self._open = ExitStack()

    def take(self) -> str:
        """What the task has printed; the next one begins with nothing."""
        text = self.read()
        self._transcript = _Transcript(self._drawn)
        self._said = ""
        return text

    def _drawn(self, bar: Bar) -> None:
        self.on_bar(bar)

    def read(self) -> str:
        """What has been printed up to now."""
        return self._transcript.text() + (self._said or self._said_by_command())

    def last_words(self) -> str:
        """The end of what has been printed up to now, best of standard error."""
        return last_words(self._outlets, self.read)

    def _said_by_command(self) -> str:
        if self._printed is None:
            return ""
        number = self._printed.fileno()  # pread: the position belongs to the command as well
        return excerpt(number, os.fstat(number).st_size)

    def run(self, command: list[str]) -> int:
        """Run a command in a process group of its own, with its output in the task's files or transcript.

        Raises:
            TaskEnded: the thread was stopped; nothing has been started.
        """
        if self._printed is None:
            printed = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - closed with the task's other files
            self._printed = self._open.enter_context(printed)
            fcntl.fcntl(printed, fcntl.F_SETFL, os.O_APPEND)  # it may be cut to less
        out, err = (outlet.file if outlet else self._printed for outlet in self._outlets)
        with self._starting:
            if self._stopped:
                raise TaskEnded
            self._command = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, leftovers.FLOW: self._run_id, leftovers.WORKER: str(self._worker)},
                start_new_session=True,
            )
        return self._end_of(self._command)

    def _end_of(self, command: subprocess.Popen[bytes]) -> int:
        """Its exit code, once it has ended. Until then what it prints is kept from filling the disk."""
        with ExitStack() as stack:
            log = Log(os.dup(self._printed.fileno()))
            stack.callback(log.close)
            ended = _watch(command, stack)
            pause, looked_at = SOON, time.monotonic()
            while not ended(pause):
                passed, looked_at = time.monotonic() - looked_at, time.monotonic()
                pause = min(LATE, next_look(log.trim(), passed))
        return command.wait()

    def stop(self) -> None:
        """End the command that runs, with its children; no other one is started."""
        with self._starting:  # else one that starts just now would be known to nobody
            self._stopped = True
            self._end_group()

    def _end_group(self) -> None:
        if self._command is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._command.pid, signal.SIGKILL)

    @contextmanager
    def redirected(self, streams: Sequence[str]) -> Iterator[None]:
        """Send what this thread prints to [path, mode, path, mode]; "" = into the transcript. Folders are made.

        Raises:
            BadStdStreamFile: a file cannot be opened.
        """
        with ExitStack() as self._open:
            self._outlets = opened(streams, self._open)
            _be_there()
            for routes, outlet in zip(_routes.values(), self._outlets, strict=True):
                routes[threading.get_ident()] = outlet.file if outlet else self._transcript
            try:
                yield
            finally:
                leave()
                self._end_command()

    def _end_command(self) -> None:
        """What it has left behind ends with it, as on a process. If the task was ended meanwhile, so does it itself."""
        if self._command is not None:
            self._end_group()
            self._command.wait()
            leftovers.end_all(self._run_id, GRACE, self._worker)  # also what went into a session of its own
        self._said = self._said_by_command()
        self._command = self._printed = None
        self._outlets = None, None
