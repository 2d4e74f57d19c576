"""`cancel()` tells the truth: what was queued never runs, what ran is dead, and nobody else pays for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbflow import DataFlowKernel, python_app
from tests.faults.processes import HANG

pytestmark = pytest.mark.timeout(120)


def test_cancelling_one_of_many_short_tasks_harms_no_other(flow: DataFlowKernel, tmp_path: Path) -> None:
    """Whether the one that is cancelled runs, waits, or has just ended: the others run, and run once."""
    log = tmp_path / "log"

    @python_app
    def short(n: int) -> int:
        import time

        time.sleep(0.0005)
        with log.open("a") as file:
            file.write(f"{n}\n")
        return n

    cancelled = 0
    for first in range(0, 1000, 50):
        futures = [short(n) for n in range(first, first + 50)]
        futures[18].result(HANG)
        victim = futures[20]  # it runs, is next, or has just ended
        was = victim.cancel()
        cancelled += was
        for n, future in enumerate(futures, first):
            assert (future.exception(HANG) is None and future.result() == n) if future is not victim else True
        assert victim.cancelled() == was
    ran = log.read_text().split()
    assert cancelled, "else nothing was shown"
    assert len(ran) == len(set(ran)), "none ran twice"
