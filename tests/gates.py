"""A gate that tasks stop at until the test lets them through: two pipes with names, so that no test has to sleep."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from nbflow import DataFlowKernel, State
from nbflow.wire.rows import TaskRow

T = TypeVar("T")


class Gate(NamedTuple):
    """The paths of two pipes; both ends are open in the test, so nobody waits for somebody to open one."""

    arrivals: str
    permits: str

    def wait_for(self, count: int = 1) -> None:
        """Wait until so many more tasks stand at the gate."""
        with open(self.arrivals, "rb", buffering=0) as file:
            for _ in range(count):
                assert file.read(1)

    def let_through(self, count: int = 1) -> None:
        """Let so many tasks through, those to come included."""
        with open(self.permits, "wb", buffering=0) as file:
            file.write(b"." * count)


def stand_at(gate: Gate, value: T) -> T:
    """What a task does at a gate; gives the value back."""
    with open(gate.arrivals, "wb", buffering=0) as file:
        file.write(b".")
    with open(gate.permits, "rb", buffering=0) as file:
        file.read(1)
    return value


def make_gate(directory: Path) -> tuple[Gate, list[int]]:
    """A gate, and what keeps it open: file descriptors to close in the end."""
    gate = Gate(str(directory / "arrivals"), str(directory / "permits"))
    for path in gate:
        os.mkfifo(path)
    return gate, [os.open(path, os.O_RDWR) for path in gate]


def wait_until(flow: DataFlowKernel, count: int, state: State) -> None:
    """Wait until so many tasks are in a state, as the feed tells it."""
    seen: dict[int, State] = {}
    reached = threading.Event()

    class Eye:
        def tasks_changed(self, rows: Sequence[TaskRow]) -> None:
            seen.update((row.id, row.state) for row in rows)
            if list(seen.values()).count(state) >= count:
                reached.set()

        def flow_closed(self) -> None:
            pass

    flow.watch()
    flow.feed.subscribe(Eye())
    assert reached.wait(30), seen
