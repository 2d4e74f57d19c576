"""What a flow has started and who started it is not there to end.

It is found by the variables that all of it carries, and by whose child it has become (`take_in_orphans`).

Ending a process group reaches what a task has started, unless it has gone into a session of its own; and nobody knows
the groups any more once the scheduler has been killed. The environment that a process was started with stays its own in
either case, unless whoever starts a process gives it another one: that is why orphans are taken in. For the end of a
flow, and of a worker that dies under a task: every process of the machine is looked at. Where there is no /proc nothing
is found.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import suppress

FLOW = "NBFLOW_FLOW"  # its value is the flow's `run_id`
WORKER = "NBFLOW_WORKER"  # in a worker, and in what its tasks start, the commands of a thread's included: its number

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of <linux/prctl.h>
_AGAIN = 0.002  # seconds until it is looked whether those that were killed have ended


def take_in_orphans() -> None:
    """Processes below this one whose parents end become its children, where the system can do that."""
    if sys.platform == "linux":
        import ctypes  # 2.5 ms: not before somebody else is being waited for

        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def carriers(run_id: str, worker: int | None = None) -> list[int]:
    """The processes of a flow, or of one of its workers, that have not ended; this one left out."""
    marks = {f"{FLOW}={run_id}".encode()}
    if worker is not None:
        marks.add(f"{WORKER}={worker}".encode())
    found = []
    with suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                with suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                    if marks.issubset(file.read().split(b"\0")):  # that of a zombie is empty
                        found.append(int(name))
    return found


def end_all(run_id: str, within: float, worker: int | None = None) -> None:
    """Kill all processes of a flow, or of one of its workers, but this one.

    Returns when they have ended, or after `within` seconds.
    """
    deadline = time.monotonic() + within
    while pids := carriers(run_id, worker):
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return
        time.sleep(_AGAIN)


def end_orphans(within: float, spared: Collection[int] = ()) -> None:
    """Kill the children of this process but for those spared, and what becomes its child by that.

    Returns when they have ended, or after `within` seconds.
    """
    deadline = time.monotonic() + within
    while pids := [pid for pid in _children() if pid not in spared]:
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > deadline:
            return
        time.sleep(_AGAIN)


def _children() -> Iterator[int]:
    """The children of this process, those included that have ended and nobody has waited for."""
    with suppress(OSError):
        for thread in os.listdir("/proc/self/task"):
            with suppress(OSError), open(f"/proc/self/task/{thread}/children") as file:
                yield from map(int, file.read().split())
