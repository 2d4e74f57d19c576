"""What a flow has started and who started it is not there to end: found by the variable that all of it carries.

Ending a process group reaches what a task has started, unless it has gone into a session of its own; and nobody knows
the groups any more once the scheduler has been killed. The environment that a process was started with stays its own in
either case. For the end of a flow only: every process of the machine is looked at. Where there is no /proc nothing is
found.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

FLOW = "NBFLOW_FLOW"  # the variable; its value is the flow's `run_id`

_AGAIN = 0.002  # seconds until it is looked whether those that were killed have ended


def carriers(run_id: str) -> list[int]:
    """The processes of a flow that have not ended, this one left out."""
    mark = f"{FLOW}={run_id}".encode()
    found = []
    with suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                with suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                    if mark in file.read().split(b"\0"):  # that of a zombie is empty
                        found.append(int(name))
    return found


def end_all(run_id: str, within: float) -> None:
    """Kill all processes of a flow but this one; returns when they have ended, or after `within` seconds."""
    deadline = time.monotonic() + within
    while pids := carriers(run_id):
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return
        time.sleep(_AGAIN)
