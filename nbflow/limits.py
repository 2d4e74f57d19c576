"""What this process may have of the machine: cores and memory, as its control groups limit them.

A container, a job of a batch system and a service of systemd are control groups, and each of them may stand within
others: what counts is the least that any of them allows. Here is what is allowed; what is used of it is
`nbflow.scheduler.figures`' subject.
"""

from __future__ import annotations

import os

GROUPS = "/sys/fs/cgroup"
PROC = "/proc"


class Group:
    """A control group: the folder with its files. `version`: of the system's two kinds of them, 1 or 2."""

    def __init__(self, folder: str, version: int) -> None:
        self.folder = folder
        self.version = version

    def text(self, name: str) -> str:
        """A file of its own; "" where there is none."""
        return read(f"{self.folder}/{name}")

    def number(self, name: str) -> int | None:
        """A figure in a file of its own; None for "max", what version 1 writes for it, and where there is no file."""
        text = self.text(name).strip()
        return int(text) if text.isdecimal() and int(text) < 1 << 60 else None

    @property
    def memory(self) -> int | None:
        """Bytes that its processes may have together; None = no limit."""
        return self.number("memory.max" if self.version == 2 else "memory.limit_in_bytes")

    @property
    def cores(self) -> float | None:
        """How many processors' time its processes may have together; None = no limit."""
        if self.version == 2:
            words = self.text("cpu.max").split()
        else:
            words = [self.text("cpu.cfs_quota_us").strip(), self.text("cpu.cfs_period_us").strip()]
        if len(words) != 2 or not all(map(str.isdecimal, words)) or not int(words[1]):
            return None  # "max", -1
        return int(words[0]) / int(words[1])


def groups_of(controller: str, groups: str = GROUPS, proc: str = PROC) -> list[Group]:
    """The control groups of this process that may limit its "memory" or "cpu", its own first, then those above."""
    found: list[Group] = []
    for line in read(f"{proc}/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            found += [Group(folder, 2) for folder in _up(groups, path)]
        elif controller in controllers.split(","):
            found += [Group(folder, 1) for folder in _up(f"{groups}/{controller}", path)]
    return found


def cores_available(groups: str = GROUPS, proc: str = PROC) -> int:
    """How many cores this process may use: its affinity, and what its control groups have of processor time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [limit for group in groups_of("cpu", groups, proc) if (limit := group.cores) is not None]
    return max(1, int(min([cores, *limits])))


def memory_available(groups: str = GROUPS, proc: str = PROC) -> int:
    """Bytes of memory that this process may fill: the machine's, or what its control groups may have."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [limit for group in groups_of("memory", groups, proc) if (limit := group.memory) is not None]
    return min([memory, *limits])


def read(path: str) -> str:
    """A file of the system's; "" if it is not there (any more)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(fd, 1 << 16).decode("ascii", "replace")
    except OSError:
        return ""
    finally:
        os.close(fd)


def _up(base: str, path: str) -> list[str]:
    """The folders of a control group and of all above it, as far as they are seen from here; its own first."""
    parts = path.strip("/").split("/") if path.strip("/") else []
    if not os.path.isdir("/".join([base, *parts])):
        parts = []  # a container sees its own as the root, under another path than the system's
    return ["/".join([base, *parts[:depth]]) for depth in range(len(parts), -1, -1)]
