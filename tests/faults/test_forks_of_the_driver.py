"""A forked child of the driver that does all that a process does at its end, and more: the flow is the parent's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.processes import Driver

FLOW = """
import atexit, concurrent.futures, multiprocessing

def plus(x): return x + 1

flow = nbflow.load(Config([ProcessExecutor(max_workers=2)]))
add = python_app(plus)
bound = python_app(data_flow_kernel=flow)(plus)
slow = python_app(lambda: time.sleep(1000))()
done = add(1)
done.result()
wrong = python_app(lambda: 1 / 0)()
wrong.exception()
tell_traces(flow)

def child(what):
    pid = os.fork()
    if not pid:
        signal.alarm(20)  # a child that hangs is killed, and seen
        try:
            what()
        except errors.FlowClosed as error:
            assert "forked child" in str(error), error
            os._exit(7)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(8)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""

REFUSED = {
    "a call": "lambda: add(1)",
    "a call of a bound app": "lambda: bound(1)",
    "result": "lambda: slow.result()",
    "exception": "lambda: slow.exception(1000)",
    "cancel": "lambda: slow.cancel()",
    "wait": "lambda: concurrent.futures.wait([slow])",
    "as_completed": "lambda: next(concurrent.futures.as_completed([slow]))",
    "status": "lambda: flow.status()",
    "add_executors": "lambda: flow.add_executors([ProcessExecutor(label='more')])",
    "the future as an argument": "lambda: (nbflow.load(), add(slow))",
}


def test_using_the_flow_in_the_child_is_refused_at_once(tmp_path: Path) -> None:
    program = FLOW + "\n".join(f"tell({name!r}, child({what}))" for name, what in REFUSED.items())
    with Driver(program + "\nnbflow.clear()", tmp_path) as driver:
        traces = driver.hear_traces()
        for name in REFUSED:
            assert driver.hear() == f"{name} 7", driver.errors()
        assert driver.wait() == 0
        traces.assert_gone()


HARMLESS = {
    "sys.exit": "sys.exit",
    "exit handlers": "atexit._run_exitfuncs",
    "clear": "nbflow.clear",
    "cleanup": "flow.cleanup",
    "a block": "lambda: flow.__exit__(None, None, None)",
    "values": "lambda: (done.result(), wrong.exception(), done.done(), repr(flow))",
    "its own flow": "lambda: (nbflow.load(Config([ProcessExecutor(max_workers=1)])), add(1).result(), nbflow.clear())",
    "a pool": "lambda: multiprocessing.get_context('fork').Pool(2).map(plus, range(10))",
    "a child of the child": "lambda: os.wait() if os.fork() else nbflow.clear()",
}


def test_what_the_child_does_disturbs_nothing(tmp_path: Path) -> None:
    program = FLOW + "".join(
        f"tell({name!r}, child({what}) in (0, 8) and add(1).result())\n" for name, what in HARMLESS.items()
    )
    with Driver(program + "nbflow.clear()\n", tmp_path) as driver:
        traces = driver.hear_traces()
        for name in HARMLESS:
            assert driver.hear() == f"{name} 2", driver.errors()
        assert driver.wait() == 0, driver.errors()
        traces.assert_gone()
        complaints = [line for line in driver.errors().splitlines() if line]
        assert complaints == ["SystemExit()"], complaints


STORM = (
    FLOW
    + """
futures, enough = [], threading.Event()
def submit():
    while not enough.is_set():
        futures.append(add(len(futures)))
        if len(futures) > 200:
            futures[-200].result()
thread = threading.Thread(target=submit)
thread.start()
codes = {child(lambda: (done.result(), wrong.exception(), nbflow.clear(), bound(1))) for _ in range(100)}
enough.set()
thread.join()
tell(sorted(codes), all(future.result(30) == n + 1 for n, future in enumerate(futures)))
nbflow.clear()
"""
)


def test_forks_at_any_moment_while_calls_and_answers_fly(tmp_path: Path) -> None:
    """No child finds a lock held by a thread that it does not have, and no parent waits for one."""
    with Driver(STORM, tmp_path) as driver:
        traces = driver.hear_traces()
        assert driver.hear() == "[7] True", driver.errors()
        assert driver.wait() == 0
        traces.assert_gone()


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_go_their_own_way(way: str, tmp_path: Path) -> None:
    program = f"""
import multiprocessing
def work(x): return x * 2
if __name__ == "__main__":
    flow = nbflow.load(Config([ProcessExecutor(max_workers=1)]))
    tell_traces(flow)
    with multiprocessing.get_context({way!r}).Pool(2) as pool:
        tell(sum(pool.map(work, range(10))), python_app(work)(3).result())
"""
    with Driver(program, tmp_path) as driver:
        traces = driver.hear_traces()
        assert driver.hear() == "90 6", driver.errors()
        assert driver.wait() == 0, driver.errors()
        traces.assert_gone()
