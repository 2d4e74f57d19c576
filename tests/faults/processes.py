"""Real processes under test: a driver (a user's script) to talk to by pipes, and what is left of its flow in the end.

Everything that a flow starts carries `NBFLOW_FLOW=<its run_id>` in its environment, its scheduler included, and so does
what a task starts: that is how it is found here, whoever its parent is by then and whatever session it is in.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil

from nbflow import DataFlowKernel

HANG = 30.0  # seconds after which something hangs: no measure of speed

PRELUDE = """
import json, os, signal, subprocess, sys, threading, time
import nbflow
from nbflow import Config, ProcessExecutor, ThreadExecutor, bash_app, errors, join_app, python_app

def tell(*words):
    print(*words, flush=True)

def tell_traces(flow):
    about = flow.status()
    workers = [worker.pid for worker in about.workers]
    tell(json.dumps([flow.run_id, about.pid, workers, [*flow._places.temporary]]))

"""
"""What a driver's program begins with: imports, `tell` a line, `tell_traces` of a flow (`Driver.hear_traces`)."""


def alive(run_id: str) -> set[int]:
    """The processes of a flow: its scheduler, its workers, and all that tasks have started and that has not ended."""
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get("NBFLOW_FLOW") == run_id and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    return found


def has_ended(pid: int, within: float = HANG) -> bool:
    """Whether a process ends in time, zombies counting as ended: whose child it is says nothing of what it does."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(within * 1000))
    finally:
        os.close(fd)


def wait_for_end(pids: Iterable[int], within: float = HANG) -> None:
    """Wait until all of them have ended; those that do not are named."""
    deadline = time.monotonic() + within
    left = {pid: _called(pid) for pid in pids if not has_ended(pid, max(0.0, deadline - time.monotonic()))}
    assert not left, f"still alive after {within:.0f} s: {left}"


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal; it must reach a living process, or the test kills nobody."""
    os.kill(pid, number)


def _called(pid: int) -> str:
    with suppress(psutil.Error):
        return " ".join(psutil.Process(pid).cmdline())[:200]
    return ""


@dataclass(frozen=True)
class Traces:
    """Where a flow can be found: by its id, its processes, and the directories that must be gone in the end."""

    run_id: str
    scheduler: int
    workers: Sequence[int]
    places: Sequence[str]

    def assert_gone(self, within: float = HANG) -> None:
        """Wait until no process of the flow is left and no directory: none that it had, and none that came since."""
        deadline = time.monotonic() + within
        wait_for_end([self.scheduler, *self.workers], within)
        while left := alive(self.run_id):
            wait_for_end(left, max(0.0, deadline - time.monotonic()))
        while there := [path for path in self.places if os.path.exists(path)]:
            assert time.monotonic() < deadline, f"still there after {within:.0f} s: {there}"
            select.select([], [], [], 0.01)  # who removes them may be a thread of this process


def traces_of(flow: DataFlowKernel) -> Traces:
    """Of a flow of this very process, while it is open."""
    about = flow.status()
    return Traces(flow.run_id, about.pid, [worker.pid for worker in about.workers], flow._places.temporary)


class Driver:
    """A program of a user's as a process of its own, in a session and process group of its own.

    Its standard output is heard line by line, lines can be said to its standard input; what it writes to its standard
    error is in `errors()`. It is killed in the end, if it has not ended by then.
    """

    def __init__(
        self,
        program: str,
        directory: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        prelude: str = PRELUDE,
    ) -> None:
        self._script = directory / "driver.py"
        self._script.write_text(prelude + program)
        self._log = directory / "driver.err"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(self._script), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=directory,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        self._heard = b""

    @property
    def pid(self) -> int:
        """The process, and its process group."""
        return self.process.pid

    def hear(self, within: float = HANG) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        fd = self.process.stdout.fileno()
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        deadline = time.monotonic() + within
        while b"\n" not in self._heard:
            left = max(0.0, deadline - time.monotonic())
            assert poll.poll(left * 1000), f"nothing heard in {within:.0f} s; {self.errors()}"
            data = os.read(fd, 1 << 16)
            assert data, f"it has ended without a word; {self.errors()}"
            self._heard += data
        line, self._heard = self._heard.split(b"\n", 1)
        return line.decode()

    def hear_traces(self) -> Traces:
        """What `tell_traces` told."""
        return Traces(*json.loads(self.hear()))

    def say(self, line: str = "") -> None:
        """A line for its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def signal_group(self, number: int = signal.SIGINT) -> None:
        """What a notebook's Interrupt button does, and Ctrl-C in a terminal: the signal goes to the process group."""
        os.killpg(self.pid, number)

    def wait(self, within: float = HANG) -> int:
        """Its exit code."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it goes on after {within:.0f} s; {self.errors()}") from None

    def errors(self) -> str:
        """What it has written to its standard error."""
        return self._log.read_text()

    def __enter__(self) -> Driver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self.process:  # closes the pipes
            self.process.kill()
