"""Child processes that a task has left behind end with it, and children of children, whatever session they are in.

Where the system allows it the worker takes in the orphans among its descendants (`take_in_orphans`), so that one who
has parted with its parents is still found. Libraries that keep processes for later are asked first to let them go:
their books are then in order, and the next task that uses them finds them as in a fresh process. The helpers of
`multiprocessing` stay: they belong to the process, and end with it.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

GRACE = 0.3  # seconds that they have after SIGTERM, and libraries to let theirs go
LONGEST = 2.0  # seconds after which what cannot be killed is left to itself


class Leftovers:
    """What is left of a task's processes in this one."""

    def __init__(self) -> None:
        self._given_up: set[int] = set()  # not to be killed, by a user who became somebody else

    def end(self) -> None:
        """End all processes below this one; next to nothing where there are none."""
        try:
            # looks and takes nothing away; where there is no waitid, an ended child is taken away
            if hasattr(os, "waitid"):
                os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            else:
                os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if self._left():
            _let_libraries_end_theirs()
            self._end_all()
        _reap()

    def _left(self) -> list[int]:
        return [pid for pid in _descendants(_helpers()) if pid not in self._given_up]

    def _end_all(self) -> None:
        begun = time.monotonic()
        number, deadline = signal.SIGTERM, begun + GRACE
        while pids := self._left():
            for pid in pids:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
                except PermissionError:
                    self._given_up.add(pid)
            _wait(pids, deadline)
            _reap()
            number, deadline = signal.SIGKILL, time.monotonic() + GRACE
            if time.monotonic() - begun > LONGEST:
                self._given_up.update(pids)


def _descendants(spared: set[int]) -> list[int]:
    """All processes below this one that have not ended, but for those spared."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found = [os.getpid()]
    for pid in found:  # grows as it is walked
        found += children.get(pid, ())
    return [pid for pid in found[1:] if pid not in spared]


def _parents() -> Iterator[tuple[int, int]]:
    """(process, its parent) of all that have not ended."""
    if not os.path.isdir("/proc/self"):
        import psutil  # 20 ms; only where there is no /proc

        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE:
                    yield process.pid, process.ppid()
        return
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError), open(f"/proc/{name}/stat", "rb", buffering=0) as file:
                # "pid (name) state parent ...", the name may have anything in it
                state, parent, _ = file.read().rpartition(b")")[2].split(maxsplit=2)
                if state not in (b"Z", b"X"):
                    yield int(name), int(parent)


def _wait(pids: list[int], deadline: float) -> None:
    """Wait until these have ended, or it is too late."""
    with_fds: list[int] = []
    poll = select.poll()
    try:
        for pid in pids:
            with suppress(OSError):
                with_fds.append(os.pidfd_open(pid))
                poll.register(with_fds[-1], select.POLLIN)
        left = len(with_fds)
        while left and (timeout := deadline - time.monotonic()) > 0:
            for fd, _ in poll.poll(timeout * 1000):
                poll.unregister(fd)
                left -= 1
    except AttributeError:  # a system without descriptors of processes
        while time.monotonic() < deadline and any(pid in pids for pid, _ in _parents()):
            time.sleep(0.01)
    finally:
        for fd in with_fds:
            os.close(fd)


def _reap() -> None:
    """Take away the children that have ended, those first whose library keeps books of them."""
    if (processes := sys.modules.get("multiprocessing.process")) is not None:
        with suppress(Exception):
            processes.active_children()
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


# ---------------------------------------------------------------- libraries

_TRACKERS = (
    "multiprocessing.resource_tracker",
    "joblib.externals.loky.backend.resource_tracker",
    "loky.backend.resource_tracker",
)
_POOLS = ("joblib.externals.loky.reusable_executor", "loky.reusable_executor")


def _helpers() -> set[int]:
    """Processes that a library keeps as long as this one is there, and that end with it."""
    found = {_attribute(_attribute(sys.modules.get(name), "_resource_tracker"), "_pid") for name in _TRACKERS}
    server = _attribute(sys.modules.get("multiprocessing.forkserver"), "_forkserver")
    found.add(_attribute(server, "_forkserver_pid"))
    return {pid for pid in found if isinstance(pid, int)}


def _attribute(thing: object, name: str) -> Any:
    return getattr(thing, name, None)


def _let_libraries_end_theirs() -> None:
    """Pools are shut down in their own way: else they would start again those that were killed, or call it a fault."""
    if "multiprocessing.util" not in sys.modules:
        return
    thread = threading.Thread(target=_shut_pools_down, name="nbflow-pools", daemon=True)
    thread.start()  # of its own: a pool whose processes hang may never be shut down
    thread.join(GRACE)


def _shut_pools_down() -> None:
    for name in _POOLS:
        if (executor := _attribute(module := sys.modules.get(name), "_executor")) is not None:
            with suppress(Exception):
                executor.shutdown(wait=True, kill_workers=True)
            with suppress(Exception):
                module._executor = None  # type: ignore[union-attr]
    with suppress(Exception):
        sys.modules["multiprocessing.util"]._run_finalizers(0)
