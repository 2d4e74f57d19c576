"""What a run was measured on, in words: figures mean nothing without it."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone

import psutil


def describe() -> dict[str, str]:
    """What is measured on, and when. The load is that of the minute before."""
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "shared memory": f"{psutil.disk_usage('/dev/shm').total / 2**30:.0f} GiB" if _has_shm() else "none",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "load before": load(),
    }


def load() -> str:
    """The mean number of programs at work in the last minute, this one included."""
    return f"{os.getloadavg()[0]:.1f}"


def _has_shm() -> bool:
    return os.path.isdir("/dev/shm")


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
