"""The notebook's interrupt, SIGINT to the process group, ends the waiting or the call that it meets, no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.processes import Driver

TIMES = 5  # in a row, each

BEGIN = """
import concurrent.futures
flow = nbflow.load(Config([ProcessExecutor(max_workers=2)]))
os.mkfifo("gate")
slow = python_app(lambda path: open(path).read())(os.path.abspath("gate"))
add = python_app(lambda x: x + 1)
add(0).result()
tell_traces(flow)

def interrupted(what):
    try:
        tell("now")
        what()
    except KeyboardInterrupt:
        tell("interrupted")
"""

WAITING = (
    BEGIN
    + f"""
for n in range({TIMES}):
    for wait in (slow.result, slow.exception, flow.wait_for_current_tasks, nbflow.wait_for_current_tasks,
                 lambda: concurrent.futures.wait([slow]), lambda: list(concurrent.futures.as_completed([slow]))):
        interrupted(wait)
        assert not slow.done() and add(n).result() == n + 1
with open("gate", "w") as file:
    file.write("value")
tell(slow.result())
nbflow.clear()
"""
)


def test_whatever_waits_is_interrupted_and_the_task_goes_on(tmp_path: Path) -> None:
    with Driver(WAITING, tmp_path) as driver:
        traces = driver.hear_traces()
        for _ in range(6 * TIMES):
            assert driver.hear() == "now", driver.errors()
            driver.signal_group()
            assert driver.hear() == "interrupted", driver.errors()
        assert driver.hear() == "value", driver.errors()
        assert driver.wait() == 0, driver.errors()
        traces.assert_gone()


SUBMITTING = (
    BEGIN
    + f"""
futures = []
def check():
    assert all(future.result() == n + 1 for n, future in futures)
    futures.clear()  # what is kept is looked at after each step of the scheduler

def submit():
    while True:
        for n in range(300):
            futures.append((n, add(n)))
        check()

for _ in range({TIMES}):
    interrupted(submit)
check()
tell("right")
nbflow.clear()
"""
)


def test_an_interrupted_loop_of_calls_leaves_every_call_whole(tmp_path: Path) -> None:
    with Driver(SUBMITTING, tmp_path) as driver:
        traces = driver.hear_traces()
        for _ in range(TIMES):
            assert driver.hear() == "now", driver.errors()
            driver.signal_group()
            assert driver.hear() == "interrupted", driver.errors()
        assert driver.hear() == "right", driver.errors()
        assert driver.wait() == 0, driver.errors()
        traces.assert_gone()


LIMITED = """
class Limit({base}): pass

def handler(*_):
    raise Limit

nbflow.load(Config([ProcessExecutor(max_workers=2)]))
add = python_app(lambda x: x + 1)
add(0).result()
signal.signal(signal.SIGALRM, handler)
limited = 0
while limited < {times}:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005 + 0.00002 * (limited % 50))
        for n in range(1000):
            assert add(n).result(30) == n + 1
    except Limit:
        limited += 1
    finally:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
        except Limit:
            pass
assert [add(n).result(30) for n in range(10)] == list(range(1, 11))
tell("unharmed")
nbflow.clear()
"""


@pytest.mark.parametrize("base", ["Exception", "BaseException"])
def test_a_limit_of_time_that_raises_at_any_moment_ends_the_waiting_alone(tmp_path: Path, base: str) -> None:
    with Driver(LIMITED.format(base=base, times=200), tmp_path) as driver:
        assert driver.hear() == "unharmed", driver.errors()
        assert driver.wait() == 0, driver.errors()


LOADING = f"""
for n in range({TIMES}):
    try:
        tell("now")
        flow = nbflow.DataFlowKernel(Config([ProcessExecutor(max_workers=1)]))
        sys.stdin.readline()
    except KeyboardInterrupt:
        pass
    else:
        raise AssertionError("not interrupted")
    if "flow" in globals():  # the interrupt came when all was done
        flow.cleanup()
        del flow
    assert not os.listdir(os.environ["TMPDIR"]), os.listdir(os.environ["TMPDIR"])
tell("nothing left")
"""


def test_an_interrupt_while_a_flow_is_loaded_leaves_no_half_of_it(tmp_path: Path) -> None:
    place = tmp_path / "temporary"
    place.mkdir(mode=0o700)
    with Driver(LOADING, tmp_path, environment={"TMPDIR": str(place)}) as driver:
        for _ in range(TIMES):
            assert driver.hear() == "now", driver.errors()
            driver.signal_group()
        assert driver.hear() == "nothing left", driver.errors()
        assert driver.wait() == 0, driver.errors()


ENDING = """
flow = nbflow.load(Config([ProcessExecutor(max_workers=1)]))
tell_traces(flow)
try:
    tell("now")
    flow.cleanup()
    sys.stdin.readline()
except KeyboardInterrupt:
    flow.cleanup()
    tell("interrupted")
"""


def test_an_interrupt_while_a_flow_ends_comes_when_it_has_ended(tmp_path: Path) -> None:
    with Driver(ENDING, tmp_path) as driver:
        traces = driver.hear_traces()
        assert driver.hear() == "now", driver.errors()
        driver.signal_group()
        assert driver.hear() == "interrupted", driver.errors()
        traces.assert_gone()
        assert driver.wait() == 0, driver.errors()
