"""The guard on a made-up machine: whom it ends when that is nearly out of memory, and how the error says it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from signal import SIGKILL, SIGSEGV
from types import SimpleNamespace
from typing import Any

import pytest

from nbflow.core import events as ev
from nbflow.core.placement import Desk
from nbflow.scheduler.figures import GONE, Rooms
from nbflow.scheduler.guard import FASTEST, Guard

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody says what is left")

MB = 1_000_000
ALONE = "import sys; data = b'x' * {size}; print(flush=True); sys.stdin.read()"
WITH_A_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {alone!r}])"


class Machine:
    """400 MB, and three workers with 60, 100 and 80 MB, of which the second has its 100 in a child process."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._meminfo = folder / "meminfo"
        self._vmstat = folder / "vmstat"
        self.ended_by_the_system(5)
        self.events: list[ev.Event] = []
        self.desks: dict[int, Desk] = {}
        self.workers: dict[int, Any] = {}
        codes = [ALONE.format(size=60 * MB)]
        codes += [WITH_A_CHILD.format(alone=ALONE.format(size=100 * MB)), ALONE.format(size=80 * MB)]
        for number, code in enumerate(codes, 1):
            process = stack.enter_context(
                subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            stack.callback(process.communicate)
            assert process.stdout is not None
            process.stdout.readline()
            self.workers[number] = SimpleNamespace(
                number=number,
                executor="processes",
                pid=process.pid,
                threads=False,
                crew=GONE,
                memory_limit=0,
                weigh_at=0.0,
                verdict=None,
                trim_log=lambda: 0,
            )
            self.desks[number] = Desk(number, "processes", sys.maxsize)
            self.desks[number].queue[10 * number] = 1.0
        self.pool = SimpleNamespace(launched=3)
        pools: Any = {"processes": self.pool}
        staff: Any = SimpleNamespace(
            workers=self.workers, specs={"processes": SimpleNamespace(threads=False)}
        )
        self.free(200)
        silence: Any = SimpleNamespace(look=lambda worker, now: None, pressing=False)
        self.guard = Guard(
            staff, self.desks, pools, silence, self.events.append, Rooms(str(folder), str(folder))
        )

    def free(self, megabytes: int) -> None:
        kilobytes = 1000 // 1.024
        self._meminfo.write_text(
            f"MemTotal: {400 * kilobytes:.0f} kB\nMemAvailable: {megabytes * kilobytes:.0f} kB\n"
        )

    def ended_by_the_system(self, count: int) -> None:
        self._vmstat.write_text(f"nr_dirty 1\noom_kill {count}\n")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with ExitStack() as stack:
        yield Machine(tmp_path, stack)


def test_the_worker_whose_processes_have_most_is_ended_and_its_error_has_the_figures(
    machine: Machine,
) -> None:
    machine.guard.look(100.0)
    assert machine.events == []
    machine.free(10)
    machine.guard.look(101.0)
    assert machine.events == [ev.Overgrown(2, 20)]
    verdict = machine.workers[2].verdict
    assert 100 * MB < verdict.used < 150 * MB
    assert 399 * MB < verdict.limit < 401 * MB
    assert "the machine was nearly out of memory, with 9.99 MB of 400 MB free" in verdict.words
    assert "its worker's 2 processes had most, 1" in verdict.words
    assert "memory_limit=" in verdict.words


def test_no_other_one_is_ended_while_the_first_has_not_given_back_what_it_had(machine: Machine) -> None:
    machine.free(10)
    for now in range(100, 110):
        machine.guard.look(float(now))
    assert machine.events == [ev.Overgrown(2, 20)]


def test_the_next_look_is_soon_where_little_is_left_and_there_is_none_while_nothing_runs(
    machine: Machine,
) -> None:
    guard = machine.guard
    guard.plan(100.0)
    assert guard.due == 100.0 + FASTEST
    machine.free(30)
    guard.look(101.0)
    assert guard.due is not None
    assert guard.due <= 101.0 + FASTEST
    for desk in machine.desks.values():
        desk.remove(10 * desk.worker)
    machine.pool.launched = 0
    guard.look(102.0)
    guard.plan(102.0)
    assert guard.due is None


def test_an_idle_worker_that_keeps_too_much_is_replaced(machine: Machine) -> None:
    machine.desks[3].remove(30)
    machine.workers[3].memory_limit = 140 * MB  # it has more than half of that
    machine.workers[1].memory_limit = 80 * MB  # and this one, which has a task
    machine.guard.look(100.0)
    assert machine.events == [ev.Overgrown(3, None)]


def test_the_end_of_a_worker_says_that_memory_was_likely_short_only_where_the_figures_do(
    machine: Machine,
) -> None:
    guard, worker = machine.guard, machine.workers[1]
    guard.look(100.0)
    assert guard.said_of(worker, -SIGKILL) == ""
    machine.free(30)
    guard.read()
    assert guard.said_of(worker, -SIGSEGV) == ""
    assert guard.said_of(worker, 1) == ""
    words = guard.said_of(worker, -SIGKILL)
    assert words.startswith("probably out of memory: its process had 6")
    assert words.endswith("and 30 MB of the 400 MB of the machine were free")


def test_the_end_of_a_worker_says_that_the_system_has_ended_a_process(machine: Machine) -> None:
    guard, worker = machine.guard, machine.workers[1]
    guard.look(100.0)
    machine.ended_by_the_system(6)
    words = guard.said_of(worker, -SIGKILL)
    assert words.startswith(
        "the system has just ended a process for lack of memory: probably out of memory; its process"
    )
    guard.look(101.0)
    assert guard.said_of(worker, -SIGKILL) == words, "its end may be heard after the next look"
