"""How a process of nbflow starts another one that speaks the wire with it.

A socket pair is inherited under a number on the command line: nothing is named, nobody else gets in. The child is
started by its interpreter, never by fork, in a session of its own, so that an interrupt of the notebook does not reach
it. Nothing here knows what the child does.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO

from nbflow.legible import legible
from nbflow.wire.descriptors import above_standard

LAST_WORDS = 2000  # bytes of a log that an error quotes
CUT_OFF = 69  # exit code of a process that can no more hear who started it (EX_UNAVAILABLE of <sysexits.h>)

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# nbflow's own imports come before the user's path is set: a random.py beside the notebook must not stand in for another
_BOOT = """import sys
sys.path[:] = [*filter(None, sys.path), {root!r}]
{faults}from {module} import main
sys.path[:] = {path!r} or sys.path
main(*{fds!r})
"""

# before anything else of nbflow's, and only where it was asked for: others pay nothing for it
_FAULTS = """from nbflow import faultpoints
faultpoints.install({process!r})
"""


def start(
    module: str,
    log: IO[bytes] | int,
    path: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
    inherit: Sequence[int] = (),
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start `main(socket, *inherit)` of a module in a new process; returns it and our end of the socket.

    `log` takes what the process writes to its standard output and error; `path` becomes its `sys.path`, None = as
    the interpreter sets it; `environment` is added to ours; `inherit` are further descriptors, under the same numbers
    there.

    Raises:
        OSError: the process cannot be started.
    """
    ours, theirs = (socket.socket(fileno=above_standard(end.detach())) for end in socket.socketpair())
    with theirs:
        for end in (ours, theirs):
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                end.setsockopt(socket.SOL_SOCKET, option, 1 << 20)
        fds = (theirs.fileno(), *inherit)
        environment = {**os.environ, **(environment or {})}
        faults = _FAULTS.format(process=module.split(".")[1]) if "NBFLOW_FAIL_AT" in environment else ""
        boot = _BOOT.format(root=_ROOT, path=list(path or ()), module=module, fds=fds, faults=faults)
        try:
            process = subprocess.Popen(
                [sys.executable, "-c", boot],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                pass_fds=fds,
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
    return process, ours


def tail(log: str) -> str:
    """The last words of a process in its log, legible and in whole lines; "" if there are none."""
    try:
        with open(log, "rb") as file:
            start = file.seek(max(0, os.fstat(file.fileno()).st_size - LAST_WORDS))
            words = file.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""
    return legible((words.partition("\n")[2] if start else "") or words)
