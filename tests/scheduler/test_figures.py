"""What the system says of memory: read from made-up machines, and from processes of this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbflow.scheduler import figures
from nbflow.scheduler.figures import GONE, Room, Rooms

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere psutil is asked")

KIB, MIB, GIB = 2**10, 2**20, 2**30
NONE = 9223372036854771712  # how version 1 says that there is no limit

MEMINFO = """MemTotal:       8388608 kB
MemFree:         100000 kB
MemAvailable:   1048576 kB
SwapTotal:      2097152 kB
SwapFree:        524288 kB
"""


def machine(folder: Path, groups: str, files: dict[str, object]) -> Rooms:
    """The memory of a machine whose `/proc` and control groups are these files."""
    told = {
        "proc/meminfo": MEMINFO,
        "proc/self/cgroup": groups,
        "proc/vmstat": "nr_dirty 7\noom_kill 3\n",
        **files,
    }
    for name, content in told.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(content))
    return Rooms(str(folder / "cgroup"), str(folder / "proc"))


def test_the_machine_has_what_is_available_and_its_swap(tmp_path: Path) -> None:
    rooms = machine(tmp_path, "0::/\n", {})
    assert rooms.all() == [Room("the machine", 8 * GIB, GIB + GIB // 2)]
    assert rooms.ended_by_the_system() == 3


def test_a_group_of_version_2_has_what_its_limit_leaves_and_files_that_can_go(tmp_path: Path) -> None:
    group = {
        "memory.max": 2 * GIB,
        "memory.current": 1900 * MIB,
        "memory.stat": f"anon {1500 * MIB}\nfile {400 * MIB}\ninactive_file {200 * MIB}\nactive_file {100 * MIB}\n",
        "memory.swap.max": 0,
        "memory.swap.current": 0,
        "memory.events": "low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\noom_group_kill 0\n",
    }
    above = {"memory.max": "max"}
    files = {f"cgroup/a/b/{name}": text for name, text in group.items()}
    rooms = machine(tmp_path, "0::/a/b\n", {**files, **{f"cgroup/a/{n}": t for n, t in above.items()}})
    _, room = rooms.all()
    assert (room.total, room.free) == (2 * GIB, (2048 - 1900 + 200 + 50) * MIB)
    assert rooms.ended_by_the_system() == 1, "those of others do not count where our own are counted"


def test_the_limit_of_a_group_above_counts_too_and_swap_as_far_as_it_may_be_used(tmp_path: Path) -> None:
    files = {
        "cgroup/a/b/memory.max": "max",
        "cgroup/a/memory.max": GIB,
        "cgroup/a/memory.current": GIB - MIB,
        "cgroup/a/memory.swap.max": 100 * MIB,
        "cgroup/a/memory.swap.current": 60 * MIB,
    }
    _, room = machine(tmp_path, "0::/a/b\n", files).all()
    assert (room.total, room.free) == (GIB, MIB + 40 * MIB)


def test_a_container_sees_its_own_group_as_the_root(tmp_path: Path) -> None:
    files = {"cgroup/memory.max": GIB, "cgroup/memory.current": GIB, "cgroup/memory.swap.max": 0}
    _, room = machine(tmp_path, "0::/docker/0123\n", files).all()
    assert (room.total, room.free) == (GIB, 0)


def test_a_group_of_version_1(tmp_path: Path) -> None:
    files = {
        "cgroup/memory/memory.limit_in_bytes": NONE,
        "cgroup/memory/job/memory.limit_in_bytes": 4 * GIB,
        "cgroup/memory/job/memory.usage_in_bytes": 3 * GIB,
        "cgroup/memory/job/memory.memsw.limit_in_bytes": 4 * GIB,
        "cgroup/memory/job/memory.memsw.usage_in_bytes": 3 * GIB,
        "cgroup/memory/job/memory.stat": f"inactive_file 0\ntotal_inactive_file {MIB}\ntotal_active_file {2 * MIB}\n",
        "cgroup/memory/job/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    }
    rooms = machine(tmp_path, "9:cpu,cpuacct:/x\n4:memory:/job\n0::/\n", files)
    _, room = rooms.all()
    assert (room.total, room.free) == (4 * GIB, GIB + 2 * MIB)
    assert rooms.ended_by_the_system() == 2


def test_where_nothing_can_be_read_nothing_is_known(tmp_path: Path) -> None:
    rooms = Rooms(str(tmp_path), str(tmp_path))
    assert rooms.all() == []
    assert rooms.ended_by_the_system() == 0


def test_a_crew_is_a_process_and_all_that_it_has_started() -> None:
    inner = "import sys; data = b'x' * 20_000_000; print(flush=True); sys.stdin.read()"
    outer = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}], start_new_session=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", outer], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        crew = figures.crew(process.pid)
        assert len(crew.processes) == 2
        assert crew.processes[0] == process.pid
        assert 20_000_000 < crew.memory < 60_000_000
        assert 20_000_000 < figures.exact(crew) <= crew.memory * 1.05
        process.communicate()
    assert figures.crew(process.pid) == GONE


def test_what_a_process_maps_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_bytes(b"x" * 30_000_000)
    code = (
        f"import mmap, sys; file = open({str(path)!r}, 'rb')\n"
        "data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)\n"
        "sum(data[::4096]); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert figures.crew(process.pid).memory < 20_000_000
        process.communicate()


def test_this_process_runs_and_has_been_given_time() -> None:
    assert not figures.crew(os.getpid()).stopped
    assert figures.processor_time(os.getpid()) >= 0
    assert figures.processor_time(2**22 + 1) == -1
