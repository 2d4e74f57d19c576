"""Ways to die for a worker, by what its task does. Each notes in a file that it is at it, so that they are counted."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def note(log: str) -> None:
    """One more attempt."""
    with open(log, "a") as file:
        file.write("x")


def attempts(log: Path) -> int:
    """How many there were."""
    return len(log.read_text()) if log.exists() else 0


def overflow_the_stack() -> None:
    """Recursion through C, deeper than any stack."""
    sys.setrecursionlimit(10**8)
    call = ctypes.CFUNCTYPE(None)
    again: Callable[[], None] = call(lambda: again())
    again()


def exit_at_once(log: str) -> None:
    note(log)
    os._exit(7)


WAYS: dict[str, Callable[[], Any]] = {
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "SIGTERM": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "SIGSEGV": lambda: ctypes.string_at(0),
    "SIGABRT": os.abort,
    "overflow": overflow_the_stack,
    "exit": lambda: os._exit(7),
}


class DiesWhenUnpickled:
    def __init__(self, log: str) -> None:
        self.log = log

    def __reduce__(self) -> Any:
        return exit_at_once, (self.log,)


class DiesWhenPickled:
    def __init__(self, log: str) -> None:
        self.log = log

    def __reduce__(self) -> Any:
        exit_at_once(self.log)


class ErrorThatDiesWhenPickled(Exception):
    def __init__(self, log: str) -> None:
        super().__init__("it never arrives")
        self.log = log

    def __reduce__(self) -> Any:
        exit_at_once(self.log)


def die(way: str, log: str, argument: Any = None) -> Any:
    """A task's body: dies in that way."""
    if way in WAYS:
        note(log)
        WAYS[way]()
    if way == "pickling":
        return DiesWhenPickled(log)
    raise ErrorThatDiesWhenPickled(log)
