"""What this process may have: the least that any control group around it allows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbflow.limits import cores_available, memory_available

GIB = 2**30
NONE = 9223372036854771712  # how version 1 says that there is no limit


def system(folder: Path, groups: str, files: dict[str, object]) -> tuple[str, str]:
    """A machine whose `/proc/self/cgroup` and control groups are these: where both are."""
    for name, content in {"proc/self/cgroup": groups, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(content))
    return str(folder / "cgroup"), str(folder / "proc")


@pytest.fixture
def many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    monkeypatch.setattr(
        os, "sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 64 * GIB // 4096}[name]
    )


@pytest.mark.usefixtures("many_cores")
@pytest.mark.parametrize(
    ("groups", "files", "cores", "memory"),
    [
        ("0::/\n", {}, 16, 64 * GIB),
        ("0::/\n", {"cgroup/memory.max": "max", "cgroup/cpu.max": "max 100000"}, 16, 64 * GIB),
        ("0::/\n", {"cgroup/memory.max": 2 * GIB, "cgroup/cpu.max": "350000 100000"}, 3, 2 * GIB),
        ("0::/\n", {"cgroup/cpu.max": "50000 100000"}, 1, 64 * GIB),
        (  # a job within a user's slice: each may say less than the other
            "0::/user/job\n",
            {
                "cgroup/user/job/memory.max": 8 * GIB,
                "cgroup/user/job/cpu.max": "400000 100000",
                "cgroup/user/memory.max": 6 * GIB,
                "cgroup/user/cpu.max": "800000 100000",
            },
            4,
            6 * GIB,
        ),
        (  # version 1
            "5:memory:/job\n4:cpu,cpuacct:/job\n1:name=systemd:/\n",
            {
                "cgroup/memory/job/memory.limit_in_bytes": 4 * GIB,
                "cgroup/memory/memory.limit_in_bytes": NONE,
                "cgroup/cpu/job/cpu.cfs_quota_us": 200000,
                "cgroup/cpu/job/cpu.cfs_period_us": 100000,
                "cgroup/cpu/cpu.cfs_quota_us": -1,
                "cgroup/cpu/cpu.cfs_period_us": 100000,
            },
            2,
            4 * GIB,
        ),
        # a container sees its own group as the root
        ("0::/docker/a1b2\n", {"cgroup/memory.max": GIB}, 16, GIB),
        ("", {}, 16, 64 * GIB),
    ],
)
def test_the_least_that_any_group_allows_counts(
    tmp_path: Path, groups: str, files: dict[str, object], cores: int, memory: int
) -> None:
    where = system(tmp_path, groups, files)
    assert (cores_available(*where), memory_available(*where)) == (cores, memory)


def test_this_machine_has_something() -> None:
    assert 1 <= cores_available() <= (os.cpu_count() or 1)
    assert memory_available() > 0
