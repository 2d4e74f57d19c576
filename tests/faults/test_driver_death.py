"""The driver is killed, at whatever moment, whatever its tasks are at: soon no process, file or directory is left."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.faults.processes import Driver, alive, kill, wait_for_end

TIMES = 3  # in a row

BUSY = """
import numpy as np

os.mkfifo("begun")

def begin(path, what):
    with open(path, "w") as file:
        file.write(".")
    what()

def ignore_all():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(1000)

def with_children():
    for new_session in (False, True):
        subprocess.Popen(["/bin/sh", "-c", "trap '' TERM HUP INT; sleep 1000 & wait"], start_new_session=new_session)
    time.sleep(1000)

@bash_app
def script(path):
    return f"setsid sleep 1000 & trap '' TERM HUP INT; printf . > {path}; sleep 1000 & wait"

flow = nbflow.load(Config([ProcessExecutor(max_workers=4)]))
path = os.path.abspath("begun")
big = python_app(np.ones)(1_000_000)
big.exception()
app = python_app(begin)
begun = open(path, "rb", buffering=0) if os.fork() else os._exit(open(path, "w").close() or 0)
os.wait()
futures = [app(path, lambda: 3 ** 10 ** 9), app(path, ignore_all), app(path, with_children), script(path)]
futures += [app(path, ignore_all) for _ in range(1000)]
for _ in range(4):
    while not begun.read(1):
        time.sleep(0.001)
tell_traces(flow)
sys.stdin.readline()
"""


def test_killed_while_its_workers_are_busy_many_times_in_a_row(tmp_path: Path) -> None:
    killed = 0
    for n in range(TIMES):
        place = tmp_path / str(n)
        place.mkdir()
        with Driver(BUSY, place) as driver:
            traces = driver.hear_traces()
            assert len(alive(traces.run_id)) >= 1 + 4 + 4, (
                "scheduler, workers, and what two tasks have started"
            )
            kill(driver.pid)
            killed += driver.wait() == -signal.SIGKILL
            traces.assert_gone()
    assert killed == TIMES


ON_THREADS = """
os.mkfifo("begun")

@bash_app
def script(path):
    return f"trap '' TERM HUP INT; setsid sleep 1000 & sleep 1000 & printf . > {path}; wait"

flow = nbflow.load(Config([ThreadExecutor(max_workers=1)]))
future = script(os.path.abspath("begun"))
open("begun", "rb").read(1)
tell_traces(flow)
sys.stdin.readline()
"""


def test_killed_while_commands_run_for_its_threads(tmp_path: Path) -> None:
    with Driver(ON_THREADS, tmp_path) as driver:
        traces = driver.hear_traces()
        command = [child.pid for child in psutil.Process(driver.pid).children() if child.name() == "bash"]
        started = [child.pid for child in psutil.Process(command[0]).children()]
        kill(driver.pid)
        assert driver.wait() == -signal.SIGKILL
        assert len(started) == 2
        wait_for_end([*command, *started])
        traces.assert_gone()


SUBMITTING = """
flow = nbflow.load(Config([ProcessExecutor(max_workers=2)]))
app = python_app(lambda x: x)
app(0).result()
tell_traces(flow)
futures = []
while True:
    futures.append(app(bytes(100_000) if len(futures) % 100 == 0 else 0))
"""

IDLE = """
flow = nbflow.load(Config([ProcessExecutor(max_workers=2)]))
python_app(lambda: 0)().result()
tell_traces(flow)
sys.stdin.readline()
"""


@pytest.mark.parametrize("program", [SUBMITTING, IDLE], ids=["submitting", "idle"])
def test_killed_while_it_makes_calls_or_rests(program: str, tmp_path: Path) -> None:
    with Driver(program, tmp_path) as driver:
        traces = driver.hear_traces()
        kill(driver.pid)
        assert driver.wait() == -signal.SIGKILL
        traces.assert_gone()


LOADING = """
sys.stdin.readline()
flow = nbflow.DataFlowKernel(Config([ProcessExecutor(max_workers=1)]))
"""

PATCH = """
from nbflow.client.flow import kernel
start = kernel.Connection
def stop_here(*arguments):
    tell(os.listdir(os.environ["TMPDIR"])[0])
    sys.stdin.readline()
kernel.Connection = stop_here
"""


def test_killed_while_it_loads_its_scheduler_goes_and_the_next_flow_clears_up(tmp_path: Path) -> None:
    place = tmp_path / "temporary"
    place.mkdir(mode=0o700)
    with Driver(PATCH + LOADING, tmp_path, environment={"TMPDIR": str(place)}) as driver:
        driver.say()
        left = place / driver.hear()
        run_id = (left / "flow.lock").read_text()
        assert alive(run_id), "the scheduler, to which nothing was said yet"
        kill(driver.pid)
        driver.wait()
    while alive(run_id):
        pass
    with Driver(IDLE, tmp_path, environment={"TMPDIR": str(place)}) as driver:
        traces = driver.hear_traces()
        assert not left.exists()
        driver.say()
        assert driver.wait() == 0
        traces.assert_gone()


def test_a_scheduler_that_is_stopped_removes_all_when_it_goes_on(tmp_path: Path) -> None:
    with Driver(IDLE, tmp_path) as driver:
        traces = driver.hear_traces()
        kill(traces.scheduler, signal.SIGSTOP)
        kill(driver.pid)
        driver.wait()
        os.kill(traces.scheduler, signal.SIGCONT)
        traces.assert_gone()
