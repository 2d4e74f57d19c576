"""`python -m benchmarks.faults [--rounds N]`: how long the promised ends take, and what failing costs.

Promised are bounds, so the longest of all rounds is shown. Processes are real ones; what "nothing is left" means is in
`tests/faults/processes.py`.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbflow
from benchmarks.rows import Row, ms, show
from nbflow import AppFuture, Config, DataFlowKernel, ProcessExecutor, errors, python_app
from tests.faults.processes import Driver, wait_for_end

WORKERS = 2
PENDING = 1000

# the driver tells when its end begins, and falls off the end of its script, or is killed
IDLE = """
flow = nbflow.load(Config([ProcessExecutor(max_workers=2)]))
python_app(lambda: 0)().result()
"""
BUSY = """
def begin(path, n):
    open(path + str(n), "w").close()
    3 ** 10 ** 9 if n else time.sleep(1000)

def ignore_and_begin(path, n):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen(["/bin/sh", "-c", "trap '' TERM HUP INT; sleep 1000"], start_new_session=True)
    begin(path, n)

flow = nbflow.load(Config([ProcessExecutor(max_workers=2)]))
path = os.path.join(os.getcwd(), "begun")
futures = [python_app(TASK)(path, min(n, 2)) for n in range(1000)]
while not all(os.path.exists(path + str(n)) for n in range(2)):
    time.sleep(0.01)
"""
END = """
tell_traces(flow)
sys.stdin.readline()
tell(time.monotonic())
"""


def exit_of(program: str) -> float:
    """Seconds from the end of a program to when nothing of it is left."""
    with tempfile.TemporaryDirectory() as directory, Driver(program + END, Path(directory)) as driver:
        traces = driver.hear_traces()
        driver.say()
        began = float(driver.hear())
        driver.wait()
        traces.assert_gone()
        return time.monotonic() - began


def kill_of(program: str, scheduler_as_well: bool) -> float:
    """Seconds from SIGKILL to when nothing is left; to the end of the last worker, where nobody can clean up."""
    with tempfile.TemporaryDirectory() as directory, Driver(program + END, Path(directory)) as driver:
        traces = driver.hear_traces()
        began = time.monotonic()
        if scheduler_as_well:
            os.kill(traces.scheduler, signal.SIGKILL)
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
        if scheduler_as_well:
            wait_for_end(traces.workers)
        else:
            traces.assert_gone()
        return time.monotonic() - began


def scheduler_lost() -> float:
    """Seconds from SIGKILL of the scheduler to the last `SchedulerLost`."""
    with DataFlowKernel(Config([ProcessExecutor(max_workers=WORKERS)])) as flow:
        futures = [python_app(data_flow_kernel=flow)(time.sleep)(1000) for _ in range(PENDING)]
        scheduler = flow.status().pid
        began = time.monotonic()
        os.kill(scheduler, signal.SIGKILL)
        found = [future.exception(30) for future in futures]
        took = time.monotonic() - began
    assert all(isinstance(error, errors.SchedulerLost) for error in found)
    return took


def skipped(shape: str) -> float:
    """Seconds from the failure of a task to the last error of its 5,000 dependants, each looked at."""

    @python_app
    def fails(path: str) -> None:
        with open(path):
            raise ValueError("the head")

    @python_app
    def link(*needs: object) -> None:
        pass

    with tempfile.TemporaryDirectory() as directory, DataFlowKernel(Config([ProcessExecutor(max_workers=2)])):
        link().result()  # the workers are there
        gate = os.path.join(directory, "gate")
        os.mkfifo(gate)
        layer, futures = [fails(gate)], []
        for _ in range({"fan": 1, "chain": 5000, "layers": 100}[shape]):
            width = {"fan": 5000, "chain": 1, "layers": 50}[shape]
            layer = [link(layer[n % len(layer)], layer[(n + 7) % len(layer)]) for n in range(width)]
            futures += layer
        began = time.monotonic()
        os.close(os.open(gate, os.O_WRONLY))
        for future in futures:
            assert isinstance(future.exception(), errors.NeedFailed)
        return time.monotonic() - began


def failing() -> float:
    """How many times as long 10,000 failing tasks take as 10,000 succeeding ones, results and errors looked at."""

    @python_app
    def succeeds(n: int) -> int:
        return n

    @python_app
    def fails(n: int) -> None:
        raise ValueError(n)

    def seconds(app: Callable[[int], AppFuture]) -> float:
        began = time.monotonic()
        for future in [app(n) for n in range(10_000)]:
            future.exception()
        return time.monotonic() - began

    with DataFlowKernel(Config([ProcessExecutor(max_workers=2)])):
        for n in range(100):
            succeeds(n).result()
        good = seconds(succeeds)
        return seconds(fails) / good


def times(ratio: float) -> str:
    """A ratio."""
    return f"{ratio:.1f} times"


class Measure(NamedTuple):
    """A row of the table: what `take` gives is not to be more than `bar`. `shown`: how both are written."""

    name: str
    take: Callable[[], float]
    bar: float
    shown: Callable[[float], str] = ms


BUSY_PLAIN, BUSY_IGNORING = BUSY.replace("TASK", "begin"), BUSY.replace("TASK", "ignore_and_begin")

MEASURES = [
    Measure("a program ends, idle", lambda: exit_of(IDLE), 5.0),
    Measure("a program ends, workers asleep and in compiled code", lambda: exit_of(BUSY_PLAIN), 5.0),
    Measure("a program ends, tasks ignore SIGTERM", lambda: exit_of(BUSY_IGNORING), 5.0),
    Measure(
        "a busy program is killed: nothing is left",
        lambda: kill_of(BUSY_IGNORING, scheduler_as_well=False),
        5.0,
    ),
    Measure(
        "program and scheduler are killed: no worker is left",
        lambda: kill_of(BUSY_PLAIN, scheduler_as_well=True),
        5.0,
    ),
    Measure(f"the scheduler is killed: the last of {PENDING:,} futures says so", scheduler_lost, 1.0),
    Measure("a task fails: the last of 5,000 dependants, side by side", lambda: skipped("fan"), 2.0),
    Measure("the same, in a chain", lambda: skipped("chain"), 2.0),
    Measure("the same, in 100 layers", lambda: skipped("layers"), 2.0),
    Measure("10,000 tasks fail, as against 10,000 that succeed", failing, 3.0, times),
]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of every figure; the longest is shown")
    rounds = parser.parse_args().rounds
    nbflow.clear()
    rows = []
    for name, take, bar, shown in MEASURES:
        worst = max(take() for _ in range(rounds))
        rows.append(Row(name, shown(worst), "", shown(bar), worst <= bar))
    show(rows, "what happens", "", f"the longest of {rounds} rounds")


if __name__ == "__main__":
    main()
