"""Nothing is left of big values: not by a worker killed in the middle of one, nor by a flow killed beyond its limit."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbflow import DataFlowKernel, WorkerLost, python_app
from tests.faults.processes import Driver, kill

SIZE = 250_000


def files_of(flow: DataFlowKernel) -> list[str]:
    """All files of values that the flow has."""
    return [str(file) for place in flow._places.stores for file in Path(place).glob("*.value*")]


@python_app
def dies_while_writing(over: bool) -> Any:
    from nbflow.values import mapping

    def write_half(fd: int, view: memoryview, offset: int) -> None:
        os.pwrite(fd, view[: view.nbytes // 2], offset)
        os.kill(os.getpid(), signal.SIGKILL)

    def write_nothing(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    mapping.write_at = write_half
    mapping.write_through = write_nothing
    return np.ones(SIZE)


@python_app
def make() -> Any:
    return np.ones(SIZE)


@pytest.mark.parametrize("over", [False, True])
def test_a_worker_killed_in_the_middle_of_a_value_leaves_no_file(flow: DataFlowKernel, over: bool) -> None:
    if over:  # files rest, for the next value to be written over them
        for future in [make() for _ in range(4)]:
            assert future.result(30).sum() == SIZE
        del future
    with pytest.raises(WorkerLost):
        dies_while_writing(over).result(30)
    with pytest.raises(WorkerLost):
        dies_while_writing(over).result(30)
    assert make().result(30).sum() == SIZE, "the flow goes on"
    while flow.status().store.total:
        pass  # each answer takes a round trip
    pids = {worker.pid for worker in flow.workers()}
    left = [path for path in files_of(flow) if int(os.path.basename(path).split("-")[0]) not in pids]
    assert left == [], "no file of a process that is gone"


def test_a_value_that_another_task_needs_outlives_the_worker_that_made_it(flow: DataFlowKernel) -> None:
    first = make()
    first.exception(30)
    for row in flow.workers():
        kill(row.pid)
    total = python_app(lambda x: float(x.sum()))
    assert total(first).result(30) == SIZE
    assert first.result(30).sum() == SIZE


BEYOND_THE_LIMIT = """
import numpy as np

flow = nbflow.load(Config([ProcessExecutor(max_workers=2)], object_store_limit="5 MB"))
make = python_app(np.ones)
futures = [make(250_000) for _ in range(20)]
array = np.zeros(250_000)
futures += [python_app(np.sum)(array) for _ in range(4)]
for future in futures:
    future.exception()
while not flow.status().store.spilled:
    pass
tell_traces(flow)
sys.stdin.readline()
"""


@pytest.mark.parametrize("whom", ["driver", "scheduler"])
def test_a_flow_killed_beyond_its_limit_leaves_nothing(tmp_path: Path, whom: str) -> None:
    with Driver(BEYOND_THE_LIMIT, tmp_path) as driver:
        traces = driver.hear_traces()
        kill(driver.pid if whom == "driver" else traces.scheduler)
        traces.assert_gone()
