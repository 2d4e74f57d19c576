"""The end of a program: within its time, and nothing is left, whatever its tasks are at and however it ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.faults.processes import Driver, alive

IDLE = """
flow = nbflow.load(Config([ProcessExecutor(max_workers=2)]))
started = python_app(lambda: subprocess.Popen(["sleep", "1000"], start_new_session=True).pid)().result()
tell(started)
tell_traces(flow)
sys.stdin.readline()
"""


def test_all_that_a_flow_starts_is_found_by_its_id_and_goes_with_it(tmp_path: Path) -> None:
    with Driver(IDLE, tmp_path) as driver:
        driver.hear()
        traces = driver.hear_traces()
        assert alive(traces.run_id) >= {traces.scheduler, *traces.workers}
        driver.say()
        assert driver.wait() == 0, driver.errors()
        traces.assert_gone()


BUSY = """
os.mkfifo("begun")

def begin(path, what):
    with open(path, "w") as file:
        file.write(".")
    what()

def ignore_all():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    subprocess.Popen(["/bin/sh", "-c", "trap '' TERM HUP INT; sleep 1000 & wait"], start_new_session=True)
    time.sleep(1000)

def one_busy_flow():
    flow = nbflow.load(Config([ProcessExecutor(max_workers=2)]))
    app, path = python_app(begin), os.path.abspath("begun")
    futures = [app(path, ignore_all), app(path, lambda: 3 ** 10 ** 9)] + [app(path, ignore_all) for _ in range(100)]
    heard = 0
    with open(path) as file:
        while heard < 2:
            heard += len(file.read(1))
    tell_traces(flow)
    return flow, futures
"""

ENDS = {
    "falls off its end": ("flow, futures = one_busy_flow()", 0),
    "sys.exit": ("flow, futures = one_busy_flow(); sys.exit(3)", 3),
    "an exception": ("flow, futures = one_busy_flow(); 1 / 0", 1),
    "os._exit": ("flow, futures = one_busy_flow(); os._exit(4)", 4),
    "SIGTERM": ("flow, futures = one_busy_flow(); os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    "SIGTERM as sys.exit": (
        """
signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
flow, futures = one_busy_flow()
os.kill(os.getpid(), signal.SIGTERM)
futures[0].result()
""",
        5,
    ),
    "clear": ("flow, futures = one_busy_flow(); nbflow.clear()", 0),
    "a block": ("flow, futures = one_busy_flow()\nwith flow: pass", 0),
    "a flow of its own": (
        "flow, futures = one_busy_flow(); nbflow.client.flow.loading.forget(); del flow, futures",
        0,
    ),
    "its scheduler is stopped": (
        "flow, futures = one_busy_flow(); os.kill(flow.status().pid, signal.SIGSTOP)",
        0,
    ),
    "a thread that waits": (
        "flow, futures = one_busy_flow()\nthreading.Thread(target=futures[0].exception, daemon=True).start()",
        0,
    ),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_busy_program_ends_and_leaves_nothing_when(how: str, tmp_path: Path) -> None:
    program, code = ENDS[how]
    with Driver(BUSY + program, tmp_path) as driver:
        traces = driver.hear_traces()
        assert driver.wait() == code, driver.errors()
        traces.assert_gone()
        if how == "falls off its end":
            assert "102 tasks have not" in driver.errors()


WAITS = """
with nbflow.load(Config([ProcessExecutor(max_workers=2)], exit_mode="wait")) as flow:
    tell_traces(flow)
    futures = [python_app(lambda x: x)(n) for n in range(100)]
tell(sum(future.result(0) for future in futures))
"""


def test_a_block_that_waits_ends_when_its_tasks_have(tmp_path: Path) -> None:
    with Driver(WAITS, tmp_path) as driver:
        traces = driver.hear_traces()
        assert driver.hear() == str(sum(range(100)))
        assert driver.wait() == 0
        traces.assert_gone()


# ---------------------------------------------------------------- where a program finds itself

POOR = """
flow = nbflow.load(Config([ProcessExecutor(max_workers=1)]))
value = python_app(lambda: (bytes(1_000_000), print("heard"), sys.stdin.read()))().result()
with open(sys.argv[1], "w") as file:
    file.write(f"{len(value[0])} {flow.run_dir}")
"""


def run_poor(tmp_path: Path, closing: str, **environment: str) -> str:
    """In a program that begins in a poor place; what it has found."""
    answer = tmp_path / "answer"
    with Driver(closing + POOR, tmp_path, str(answer), environment=environment) as driver:
        assert driver.wait() == 0, driver.errors()
    return answer.read_text()


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_a_program_without_its_standard_streams(closed: tuple[int, ...], tmp_path: Path) -> None:
    """As a daemon has none: the numbers of the streams are then the next files that are opened."""
    closing = f"for fd in {closed}: os.close(fd)\n"
    assert run_poor(tmp_path, closing).startswith("1000000 ")


# all but where this very nbflow is found
CLEARED = "for name in {*os.environ} - {'PYTHONPATH'}: del os.environ[name]\n"


def test_a_program_without_a_home_or_any_environment(tmp_path: Path) -> None:
    assert run_poor(tmp_path, CLEARED).startswith("1000000 ")


def test_a_program_whose_directory_for_temporary_files_is_not_there(tmp_path: Path) -> None:
    said = run_poor(tmp_path, "", TMPDIR=str(tmp_path / "nowhere"))
    assert said.startswith("1000000 ")
    assert "nowhere" not in said


def test_a_program_whose_current_directory_is_gone_is_told_so(tmp_path: Path) -> None:
    program = """
os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
try:
    nbflow.load()
except errors.ConfigurationError as error:
    tell(error)
"""
    with Driver(program, tmp_path) as driver:
        assert "current directory" in driver.hear()
        assert driver.wait() == 0, driver.errors()
        assert os.path.isdir(tmp_path)
