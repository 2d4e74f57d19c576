"""What a task finds in its worker, and what is put back when it has ended, so that no task sees another's changes.

What takes one system call is set each time; the rest is compared, and set where it differs. Signals are looked at after
tasks that have had to do with them, and after those that were long enough for the look not to count: it costs as much
as a short task. What is not here stays as a task leaves it: modules and what is in them, threads, random numbers, the
process's priority, affinity and user. Standard streams are `capture`'s subject, child processes `leftovers`'.
"""

from __future__ import annotations

import _locale
import _signal  # type: ignore[import-not-found] # `signal` wraps it in enums, at several times the cost
import faulthandler
import functools
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

from nbflow.wire.descriptors import lifted

_SIGNALS = tuple(sorted(map(int, signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})))
_COMMON = tuple(number for number in _SIGNALS if number < 32)  # hardly a program handles real-time ones alone
_LIMITS = ["AS", "CORE", "CPU", "DATA", "FSIZE", "NOFILE", "NPROC", "STACK"]

_SETTERS: tuple[Callable[[Any], object], ...] = (
    sys.settrace,
    sys.setprofile,
    sys.setrecursionlimit,
    sys.setswitchinterval,
    lambda on: gc.enable() if on else gc.disable(),
    socket.setdefaulttimeout,
)


def _settings() -> tuple[Any, ...]:
    """In the order of `_SETTERS`."""
    return (
        sys.gettrace(),
        sys.getprofile(),
        sys.getrecursionlimit(),
        sys.getswitchinterval(),
        gc.isenabled(),
        socket.getdefaulttimeout(),
    )


def tell_of_crashes() -> None:
    """From here on it is told what the task did that the process dies under, behind what it had printed."""
    faulthandler.disable()  # where it counts as enabled it would not be made so again
    faulthandler.enable(2, all_threads=False)


_ABOUT_SIGNALS = ("signal", "alarm", "setitimer", "pthread_sigmask", "set_wakeup_fd", "siginterrupt")


class _Noting:
    """Notes whether anybody has called a function of Python's that changes how signals are handled."""

    def __init__(self) -> None:
        self.called = False
        for name in _ABOUT_SIGNALS:
            function = getattr(_signal, name)
            noted = self._noted(function)
            for module in (_signal, signal):  # the latter wraps some, and has others under its own name
                if getattr(module, name) is function:
                    setattr(module, name, noted)

    def _noted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def noted(*args: Any) -> Any:
            self.called = True
            return function(*args)

        return noted


class CannotRestore(Exception):
    """What a task has done to its worker cannot be undone; the text says what."""


class Surroundings:
    """What the worker's process was like when it was made. For the main thread, which runs the tasks."""

    def __init__(self) -> None:
        self._path = os.getcwd()
        # its descriptor leads there whatever the directory is called by then, and if it is gone
        self._directory = lifted(os.open(".", os.O_RDONLY | os.O_DIRECTORY))
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._environ = os.environ
        self._variables = dict(os.environ)
        self._raw = dict(os.environ._data)  # type: ignore[attr-defined] # compared at a tenth of the cost
        self._sys_path = sys.path
        self._import_paths = list(sys.path)
        self._blocked = _signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._common_handlers = tuple(map(_signal.getsignal, _COMMON))
        self._handlers = tuple(map(_signal.getsignal, _SIGNALS))
        self._settings = _settings()
        self._locale = _locale.setlocale(_locale.LC_ALL)
        self._numbers = _locale.setlocale(_locale.LC_NUMERIC)
        self._limits = _limits()
        self._signals = _Noting()
        # that it is there again tells that a task may have set limits: to ask for all of them takes 2 us
        sys.modules.pop("resource", None)

    def import_from(self, path: list[str]) -> None:
        """Tasks find this as `sys.path` from the next one on. Called before one begins."""
        self._import_paths = path
        self._sys_path[:] = path

    def take_over(self, quick: bool) -> None:
        """Undo what would have the task's own code run on: signals, tracing and the like. `quick`: it was short.

        Raises:
            CannotRestore: that is not possible; whoever runs the next task in this process would run it elsewhere.
        """
        if _settings() != self._settings:
            for put, value in zip(_SETTERS, self._settings, strict=True):
                put(value)
        if quick and not self._signals.called:
            return
        try:
            self._put_signals_back()
        except BaseException:  # a signal handler of the task's; it is gone by now
            try:
                self._put_signals_back()
            except BaseException as error:
                raise CannotRestore(f"{type(error).__name__}: {error}") from error
        self._signals.called = False

    def _put_signals_back(self) -> None:
        _signal.alarm(0)
        # before the handlers: what has been held back is for the task's own
        _signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)
        if tuple(map(_signal.getsignal, _COMMON)) != self._common_handlers:
            self._put_handlers_back()

    def put_back(self) -> None:
        """Undo what else a task has changed. Raises like `take_over`."""
        try:
            self._put_back()
        except CannotRestore:
            raise
        except BaseException as error:
            raise CannotRestore(f"{type(error).__name__}: {error}") from error

    def _put_back(self) -> None:
        try:
            os.fchdir(self._directory)
        except OSError:
            self._go_back()
        os.umask(self._umask)
        if os.environ is not self._environ or os.environ._data != self._raw:  # type: ignore[attr-defined]
            self._put_variables_back()
        if sys.path is not self._sys_path or sys.path != self._import_paths:
            sys.path = self._sys_path
            sys.path[:] = self._import_paths
        if _locale.setlocale(_locale.LC_NUMERIC) != self._numbers:
            _locale.setlocale(_locale.LC_ALL, self._locale)
        if "resource" in sys.modules and _limits() != self._limits:
            self._put_limits_back()

    def _put_handlers_back(self) -> None:
        for timer in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            _signal.setitimer(timer, 0)
        _signal.set_wakeup_fd(-1)
        for number, handler in zip(_SIGNALS, self._handlers, strict=True):
            if handler is not None and _signal.getsignal(number) is not handler:
                _signal.signal(number, handler)
        tell_of_crashes()  # its handlers are not Python's, and may just have been taken away

    def _go_back(self) -> None:
        """The task has closed the directory's descriptor, or has put another file under its number."""
        try:
            os.chdir(self._path)
            self._directory = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise CannotRestore(
                f"the working directory {self._path!r} cannot be gone back to: {error}"
            ) from error

    def _put_variables_back(self) -> None:
        os.environ = self._environ  # noqa: B003 - the object that everybody knows; what is in it comes next
        for name in os.environ.keys() - self._variables.keys():
            del os.environ[name]
        for name, value in self._variables.items():
            if os.environ.get(name) != value:
                os.environ[name] = value

    def _put_limits_back(self) -> None:
        import resource

        for name, limits in zip(_LIMITS, self._limits, strict=True):
            try:
                resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), limits)
            except (OSError, ValueError) as error:
                raise CannotRestore(f"the limit RLIMIT_{name} cannot be raised again: {error}") from error


def _limits() -> list[tuple[int, int]]:
    import resource

    # a system that lacks one has none to put back
    return [resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in _LIMITS]
