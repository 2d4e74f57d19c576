"""Launches that wait before they are sent: a worker is told of its tasks in the order in which it is given them.

A launch waits where a need of its task stays in the client's process, until its bytes have come. What is launched to
the same worker meanwhile stands in line behind it, for who is at the head of a worker's queue counts as begun: it is
what the worker's death hits, what its walltime runs for, and what is ended with the worker.

    add ──> sent at once, or at the end of its worker's line ──> go_on: its turn has come, and that of those behind it
                                    └──> take_out, gone: it is never sent
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection

from nbflow.core.instructions import Launch


class Lines:
    """Those of all workers. `send` carries a launch out; False if it has to wait, until somebody says `go_on`."""

    def __init__(self, send: Callable[[Launch], bool]) -> None:
        self._send = send
        self._lines: dict[int, deque[Launch]] = {}  # by worker; the first of each waits for what it needs

    def add(self, launch: Launch) -> None:
        """Carry a launch out once all before it to the same worker are, and it can be."""
        if (line := self._lines.get(launch.worker)) is not None:
            line.append(launch)
        elif not self._send(launch):
            self._lines[launch.worker] = deque([launch])

    def go_on(self, launch: Launch) -> None:
        """What it has waited for may be there."""
        line = self._lines.get(launch.worker)
        if line and line[0] is launch:  # else it was taken out
            self._advance(launch.worker, line)

    def take_out(self, worker: int, tasks: Collection[int]) -> list[int]:
        """Never send these tasks to a worker, as far as they have not been; those."""
        line = self._lines.get(worker)
        if line is None:
            return []
        first = line[0]
        out = [launch.task for launch in line if launch.task in tasks]
        line = self._lines[worker] = deque(launch for launch in line if launch.task not in tasks)
        if not line or line[0] is not first:
            self._advance(worker, line)
        return out

    def gone(self, worker: int) -> None:
        """The worker has ended."""
        self._lines.pop(worker, None)

    def _advance(self, worker: int, line: deque[Launch]) -> None:
        while line and self._send(line[0]):
            line.popleft()
        if not line:
            del self._lines[worker]
