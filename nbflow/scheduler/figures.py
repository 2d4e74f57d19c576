"""What the system says of memory and processes: read here, judged elsewhere.

What counts as a process's memory is what its end would free: its anonymous pages, swapped ones included. Files and
shared memory that it maps do not count; big values in the object store are such, and stay when a worker goes.

On Linux `/proc` is read directly (about 50 us a worker); elsewhere psutil is asked, which looks at every process there
is, and counts what is mapped as well.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

from nbflow import limits
from nbflow.limits import Group, read

LINUX = sys.platform == "linux"

_PAGE = os.sysconf("SC_PAGE_SIZE")
_STOPPED = ("T", "t")  # by a signal, by a debugger


class Crew(NamedTuple):
    """A worker's process and those that its tasks have started, as they are now."""

    memory: int  # bytes; where one was forked from another, what both still share counts in both
    processes: tuple[int, ...]  # the worker's own first; none = it has ended
    state: str = "R"  # the worker's own, a letter as in `ps`

    @property
    def stopped(self) -> bool:
        """Whether the worker's own process is halted."""
        return self.state in _STOPPED


GONE = Crew(0, (), "X")


class Room(NamedTuple):
    """A store of memory that can run out: the machine's, or what a container may have. Bytes."""

    where: str
    total: int
    free: int  # swap included, and what the system keeps of files only because there is room


def crew(pid: int) -> Crew:
    """A worker's processes; `GONE` if it has ended."""
    if not LINUX:
        return _asked(pid)
    own = _status(pid)
    if own is None:
        return GONE
    state, memory = own
    found = [pid]
    for parent in found:  # grows as it is walked
        for child in _children(parent):
            status = _status(child)
            if status is not None and child not in found:
                found.append(child)
                memory += status[1]
    return Crew(memory, tuple(found), state)


def exact(crew: Crew) -> int:
    """The memory of a crew where pages that processes share count once. Walks their page tables: not for every look."""
    return crew.memory if len(crew.processes) < 2 or not LINUX else sum(map(_proportional, crew.processes))


def _status(pid: int) -> tuple[str, int] | None:
    """State and memory of a process; None if it has ended."""
    text = read(f"/proc/{pid}/status")
    state = _after(text, "State:\t")[:1]
    if state in ("", "Z", "X"):
        return None
    return state, _kilobytes(text, "RssAnon:") + _kilobytes(text, "VmSwap:")


def _children(pid: int) -> Iterator[int]:
    """The processes that any thread of a process has started."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        yield from map(int, read(f"/proc/{pid}/task/{thread}/children").split())


def _proportional(pid: int) -> int:
    text = read(f"/proc/{pid}/smaps_rollup")
    if "Pss_Anon:" in text:
        return _kilobytes(text, "Pss_Anon:") + _kilobytes(text, "SwapPss:")
    status = _status(pid)  # it has ended, or the kernel is older than 5.4
    return status[1] if status is not None else 0


def processor_time(pid: int) -> int:
    """What a process has had of the processors up to now, in the system's ticks; -1 if that cannot be told."""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]) if len(fields) > 12 else -1


# ---------------------------------------------------------------- what can run out


class Rooms:
    """The stores of memory that this process and its workers draw from. None is known elsewhere than on Linux."""

    def __init__(self, groups: str = limits.GROUPS, proc: str = limits.PROC) -> None:
        self._meminfo = f"{proc}/meminfo"
        self._vmstat = f"{proc}/vmstat"
        self._groups = limits.groups_of("memory", groups, proc)

    def all(self) -> list[Room]:
        """The machine's memory, and that of each limit above this process."""
        text = read(self._meminfo)
        total, swap = _kilobytes(text, "MemTotal:"), _kilobytes(text, "SwapFree:")
        rooms = [Room("the machine", total, _kilobytes(text, "MemAvailable:") + swap)] if total else []
        rooms += [
            room for group in self._groups if (room := _room(group, swap)) is not None and room.total < total
        ]
        return rooms

    def ended_by_the_system(self) -> int:
        """How many processes the system has ended up to now for lack of memory: of ours, or else of the machine."""
        for group in self._groups:
            text = group.text("memory.events" if group.version == 2 else "memory.oom_control")
            if "oom_kill " in text:  # else it is not counted
                return _figure(text, "oom_kill")
        return _figure(read(self._vmstat), "oom_kill")


def _room(group: Group, swap: int) -> Room | None:
    """What is left of a group's memory; None if it has no limit. `swap`: what the machine has left of that."""
    limit = group.memory
    if limit is None:
        return None
    used = group.number("memory.current" if group.version == 2 else "memory.usage_in_bytes") or 0
    stat, prefix = group.text("memory.stat"), "" if group.version == 2 else "total_"
    # what is read often would be missed: half of it counts as needed, as in the kernel's own MemAvailable
    cached = _figure(stat, f"{prefix}inactive_file") + _figure(stat, f"{prefix}active_file") // 2
    free = max(0, limit - used) + min(cached, used)
    return Room("this control group (container)", limit, free + _swap(group, swap, limit - used))


def _swap(group: Group, swap: int, unused: int) -> int:
    """How much of the machine's free swap a group may use."""
    if group.version == 2:
        limit, used = group.number("memory.swap.max"), group.number("memory.swap.current")
    else:
        limit, used = group.number("memory.memsw.limit_in_bytes"), group.number("memory.memsw.usage_in_bytes")
        used = (used or 0) + unused  # memory and swap together
    return swap if limit is None else min(swap, max(0, limit - (used or 0)))


# ---------------------------------------------------------------- elsewhere than on Linux


def _asked(pid: int) -> Crew:
    import psutil  # not on Linux, where the scheduler does without

    try:
        worker = psutil.Process(pid)
        state = "T" if worker.status() == psutil.STATUS_STOPPED else "R"
        processes = [worker, *worker.children(recursive=True)]
    except psutil.Error:
        return GONE
    memory = 0
    for process in processes:
        try:
            memory += process.memory_info().rss
        except psutil.Error:
            continue
    return Crew(memory, tuple(process.pid for process in processes), state)


# ---------------------------------------------------------------- reading


def _after(text: str, name: str) -> str:
    """The rest of the line that begins so."""
    begin = 0 if text.startswith(name) else text.find(f"\n{name}") + 1
    if not begin and not text.startswith(name):
        return ""
    begin += len(name)
    return text[begin : text.find("\n", begin)]


def _kilobytes(text: str, name: str) -> int:
    """A line such as `VmSwap: 12 kB`, in bytes; 0 if there is none."""
    words = _after(text, name).split()
    return int(words[0]) << 10 if words else 0


def _figure(text: str, name: str) -> int:
    """A line such as `oom_kill 3`; 0 if there is none."""
    return int(_after(text, f"{name} ") or 0)
