"""Faults at will, counted: the n-th operation of a process fails. For nbflow's own tests; off unless asked for.

    NBFLOW_FAIL_AT=17             the 17th operation of each process of a flow fails, counted in each by itself
    NBFLOW_FAIL_AT=scheduler:17   that of the scheduler alone; so `client:17`, and `worker-1:17`: a worker that takes
                                  the place of a lost one has another number, and goes on unharmed
    NBFLOW_FAIL_AT=scheduler:write:3+   its 3rd write, other operations not counted, and (+) every one after it, as on
                                  a full disk; each of the two goes without the other as well
    NBFLOW_FAIL_LOG=path          a line is appended there for the first fault that was made in a process

Counted is what nbflow itself asks of the system, and no other code in its processes does: it is told by who calls. So
the functions of the standard library are wrapped when a process begins, and nothing at all is paid by one that was
not asked to fail. Files are told from pipes, which have no disk to fill.

| operation | what it is | fails with |
|---|---|---|
| send | on a socket; the first half of what was to be sent has gone | EPIPE |
| receive | from a socket; a file is opened to be read, or read | ECONNRESET; EIO |
| write | a file or directory is made, or written to | ENOSPC |
| spawn | a process, a thread, or what one needs: a socket pair, a pipe, shared memory | EAGAIN, EMFILE |
| rename | and link | EIO |
"""

from __future__ import annotations

import builtins
import errno
import functools
import itertools
import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any

from nbflow.errors import ConfigurationError

VARIABLE = "NBFLOW_FAIL_AT"
LOG = "NBFLOW_FAIL_LOG"

_FORM = re.compile(
    r"(?:(client|scheduler|worker-\d+):)?(?:(send|receive|write|spawn|rename):)?([1-9]\d*)(\+?)"
)

_Fails = Callable[[], BaseException]


class _Countdown:
    """Which operation of this process is to fail."""

    def __init__(self, process: str, kind: str | None, at: int, onwards: bool) -> None:
        self._process = process
        self._counted = kind  # None = all of them
        self._at = at
        self._onwards = onwards
        self._kind = ""  # of those that fail from now on
        self._numbers = itertools.count(1)

    def is_due(self, operation: str) -> bool:
        """Count one operation; True if it is the one. That is noted before it fails."""
        if self._kind and operation == self._kind:
            return True
        if self._counted not in (None, operation):
            return False
        if next(self._numbers) != self._at:
            return False
        if self._onwards:
            self._kind = operation
        frame = sys._getframe(2)
        while not _is_ours(frame):
            assert frame.f_back is not None
            frame = frame.f_back
        where = f"{frame.f_globals['__name__']}:{frame.f_lineno}"
        if path := os.environ.get(LOG):
            fd = _open_fd(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            _write_fd(fd, f"{self._process} {self._at} {operation} {where}\n".encode())
            os.close(fd)
        return True


_open_fd, _write_fd = os.open, os.write
_countdown: _Countdown | None = None
_wrapped = False


def install(process: str) -> None:
    """Begin to count in this process, "client", "scheduler" or "worker"; from 1 again if it was counted before.

    Raises:
        ConfigurationError: the variable cannot be understood.
    """
    global _countdown, _wrapped
    _countdown = None
    if process == "worker":
        process = f"worker-{os.environ.get('NBFLOW_WORKER')}"
    asked = os.environ.get(VARIABLE, "")
    form = _FORM.fullmatch(asked)
    if form is None:
        raise ConfigurationError(
            f"{VARIABLE}={asked!r} is not understood: a number from 1 is; `client:`, `scheduler:` or `worker-1:` may "
            "be before it, then `send:`, `receive:`, `write:`, `spawn:` or `rename:`, and a + behind it"
        )
    if form[1] in (None, process):
        if not _wrapped:
            _wrapped = True
            _wrap()
        _countdown = _Countdown(process, form[2], int(form[3]), bool(form[4]))


def _is_ours(frame: Any) -> bool:
    name = str(frame.f_globals.get("__name__", ""))
    return name.startswith("nbflow.") and name != __name__


def _due(operation: str) -> bool:
    """Whether the operation that is about to be carried out has to fail. Called by what stands in for a function."""
    return _is_ours(sys._getframe(2)) and _countdown is not None and _countdown.is_due(operation)


def _failing(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _wrap() -> None:
    for name in ("send", "sendall"):
        _replace(socket.socket, name, "send", errno.EPIPE, before=_half_sent)
    for name in ("recv", "recv_into"):
        _replace(socket.socket, name, "receive", errno.ECONNRESET)
    for name in ("mkdir", "makedirs"):
        _replace(os, name, "write", errno.ENOSPC)
    for name in ("mkdtemp", "mkstemp", "TemporaryFile"):
        _replace(tempfile, name, "write", errno.ENOSPC)
    _replace(builtins, "print", "write", errno.ENOSPC)
    _replace(os, "write", "write", errno.ENOSPC, counts=_is_file)
    _replace(os, "read", "receive", errno.EIO, counts=_is_file)
    _replace(os, "pread", "receive", errno.EIO, counts=_is_file)
    for name in ("rename", "replace", "link"):
        _replace(os, name, "rename", errno.EIO)
    _replace(subprocess.Popen, "__init__", "spawn", errno.EAGAIN)
    _replace(threading.Thread, "start", "spawn", lambda: RuntimeError("can't start new thread"))
    _replace(socket, "socketpair", "spawn", errno.EMFILE)
    for name in ("pipe", "memfd_create", "pidfd_open"):
        if hasattr(os, name):
            _replace(os, name, "spawn", errno.EMFILE)
    os.open = _counted_open_fd
    builtins.open = _counted_open


def _replace(
    owner: Any,
    name: str,
    operation: str,
    fails: int | _Fails,
    *,
    counts: Callable[..., bool] = lambda *_: True,
    before: Callable[..., None] = lambda *_: None,
) -> None:
    """Let a function fail when its time has come. `counts`: whether this call does; `before`: done before it fails."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def counted(*args: Any, **kwargs: Any) -> Any:
        if counts(*args) and _due(operation):
            before(*args)
            raise fails() if callable(fails) else _failing(fails)
        return original(*args, **kwargs)

    setattr(owner, name, counted)


_send = socket.socket.send


def _half_sent(sock: socket.socket, data: Any, *_: Any) -> None:
    view = memoryview(data)
    _send(sock, view[: len(view) // 2])


def _is_file(fd: int, *_: Any) -> bool:
    return stat.S_ISREG(os.fstat(fd).st_mode)


def _counted_open_fd(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
    writes = flags & os.O_ACCMODE != os.O_RDONLY
    if _due("write" if writes else "receive"):
        raise _failing(errno.ENOSPC if writes else errno.EIO)
    return _open_fd(path, flags, *args, **kwargs)


_open_file = builtins.open


def _counted_open(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
    writes = not set(mode).isdisjoint("wax+")
    ours = _is_ours(sys._getframe(1))
    # a descriptor has been opened, and counted, before
    if ours and not isinstance(file, int) and _due("write" if writes else "receive"):
        raise _failing(errno.ENOSPC if writes else errno.EIO)
    opened = _open_file(file, mode, *args, **kwargs)
    if ours:
        for name, fails in (("write", errno.ENOSPC), ("read", errno.EIO)):
            _replace(opened, name, "receive" if name == "read" else "write", fails)
    return opened
