"""Whatever fails, at whatever moment: each operation of each process fails once, and what comes of it is looked at.

`NBFLOW_FAIL_AT` makes the n-th operation fail; `workload.py` runs a small flow for n = 1, 2, 3 ... until it passes
untouched. All of them take a minute or two (`make faults`); otherwise the first ones and a part of the others do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow.errors import ConfigurationError

ROOT = Path(__file__).parent.parent.parent
EVERY_ONE = bool(os.environ.get("NBFLOW_EVERY_FAULT"))
SHARES = 2  # processes that walk at a time

MEANT = {"fails": "ValueError", "needs a failed one": "NeedFailed", "cancelled": "CancelledError"}
CALLS = {
    *("add", "chain", "big", "length", "big argument", "flaky", "prints", "nested", "joined", "shell"),
    *("cached", "cached small", "cached again", "cancel"),
}


class Run:
    """One run as `workload.py` reports it."""

    def __init__(self, line: str) -> None:
        said: dict[str, Any] = json.loads(line)
        self.faults: list[str] = said["faults"]
        self.errors = {call: (kinds.split(), text) for call, (kinds, text) in said["errors"].items()}
        self.refused: list[str] = said["refused"].split()
        self.values: set[str] = set(said["values"])
        self.wrong: dict[str, str] = said["wrong"]
        self.bad: list[str] = [*said["hung"], *said["left"], *filter(None, [said["stray"]])]
        self.line = line

    @property
    def operations(self) -> set[str]:
        """What failed: send, receive, write, spawn, rename."""
        return {fault.split()[2] for fault in self.faults}

    @property
    def lost_the_scheduler(self) -> bool:
        return any(
            kinds[0] in ("SchedulerLost", "NoDataFlowKernelError") for kinds, _ in self.errors.values()
        )

    def check_ends(self) -> None:
        """What holds whatever failed: an end for every future, with the right value or a named error; nothing left."""
        assert not self.bad, self.line
        if "CancelledError" not in self.errors.get("cancelled", [[]])[0]:
            self.wrong.pop("cancel", None)  # it had ended before
        assert not self.wrong, self.line
        named = {"NbflowError", "OSError", "CancelledError"}
        if self.refused:
            assert named.intersection(self.refused), self.line
            return
        for call, (kinds, _) in self.errors.items():
            assert named.intersection(kinds) or MEANT.get(call) == kinds[0], self.line

    def check_nothing_was_lost(self) -> None:
        """No call suffered: what failed was done again, or was not needed."""
        assert self.values == CALLS, self.line
        # one that fails in any case may use up its attempts with lost workers
        for call, (kinds, _) in self.errors.items():
            assert MEANT.get(call) == kinds[0] or (call, kinds[0]) == ("fails", "WorkerLost"), self.line


def walk(directory: Path, points: str, dense: int, every: int) -> list[Run]:
    """Runs with one fault after the other, those without any left out."""
    walkers = []
    if EVERY_ONE:
        every = 1
    for share in range(SHARES):
        place = directory / str(share)
        place.mkdir()
        command = [sys.executable, str(Path(__file__).with_name("workload.py")), str(place), points]
        walkers.append(
            subprocess.Popen(
                [*command, *map(str, (dense, every, share, SHARES))],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    said = [walker.communicate() for walker in walkers]
    assert [walker.returncode for walker in walkers] == [0] * SHARES, said
    assert [complaints for _, complaints in said] == [""] * SHARES
    runs = [Run(line) for lines, _ in said for line in lines.splitlines()]
    touched = [run for run in runs if run.faults]
    print(f"{points}: {len(touched)} faults in {len(runs)} runs")
    return touched


def walk_each(directory: Path, process: str, operations: list[str], dense: int, every: int) -> list[Run]:
    """The walks of a process through each kind of operation, of which each must have had a fault."""
    found: dict[str, list[Run]] = {}
    for operation in operations:
        place = directory / operation
        place.mkdir()
        found[operation] = walk(place, f"{process}:{operation}:{{}}", dense, every)
    assert all(found.values()), {operation: len(runs) for operation, runs in found.items()}
    return [run for runs in found.values() for run in runs]


@pytest.mark.timeout(600)
def test_a_fault_in_a_worker_costs_nobody_anything(tmp_path: Path) -> None:
    runs = walk_each(tmp_path, "worker-1", ["send", "receive", "write", "spawn"], 1, 8)
    for run in runs:
        run.check_ends()
        run.check_nothing_was_lost()


@pytest.mark.timeout(600)
def test_a_fault_in_the_scheduler_costs_nothing_unless_it_has_lost_its_client(tmp_path: Path) -> None:
    runs = walk_each(tmp_path, "scheduler", ["send", "receive", "write", "spawn"], 2, 9)
    for run in runs:
        run.check_ends()
        if run.lost_the_scheduler:
            assert run.operations <= {"send", "receive"}, run.line
        else:
            run.check_nothing_was_lost()
    assert not all(run.lost_the_scheduler for run in runs)


@pytest.mark.timeout(600)
def test_a_fault_in_the_client_is_an_error_with_a_name(tmp_path: Path) -> None:
    runs = walk(tmp_path, "client:{}", 10, 7)
    for run in runs:
        run.check_ends()
    assert len(runs) >= 12
    assert any(run.refused for run in runs)  # `load` is walked through as well


@pytest.mark.timeout(600)
def test_a_disk_that_stays_full_costs_only_what_is_to_be_written(tmp_path: Path) -> None:
    found: list[list[Run]] = []
    for process in ("scheduler", "worker-1"):
        place = tmp_path / process
        place.mkdir()
        found.append(walk(place, process + ":write:{}+", 3, 9))
        for run in found[-1]:
            run.check_ends()
            if process == "scheduler":
                run.check_nothing_was_lost()
    assert all(found)


@pytest.mark.timeout(600)
def test_everything_ends_when_every_process_has_its_fault(tmp_path: Path) -> None:
    runs = walk(tmp_path, "{}", 0, 9)
    for run in runs:
        run.check_ends()
    assert len(runs) >= 2


@pytest.mark.parametrize("asked", ["", "0", "x", "worker:3", "scheduler:-1", "client:2,3", "read:2", "+"])
def test_a_fault_point_that_is_not_understood_is_refused(
    asked: str, monkeypatch: pytest.MonkeyPatch, nothing_loaded: None
) -> None:
    monkeypatch.setenv("NBFLOW_FAIL_AT", asked)
    with pytest.raises(ConfigurationError, match="worker-"):
        nbflow.load()
