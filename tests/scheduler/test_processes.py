"""Programs of users, run as they would run them: what they print, and that nothing is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

PROGRAM = """
import os, sys, nbflow
from nbflow import Config, ProcessExecutor, join_app, python_app

K = 3
class Point:
    def __init__(self, x): self.x = x
def helper(x): return K * x

@python_app
def work(x): return Point(helper(x))

@join_app
def spread(n): return [work(i) for i in range(n)]

def main():
    nbflow.load(Config(executors=[ProcessExecutor(max_workers=2)]))
    print([p.x for p in spread(3).result()], isinstance(work(1).result(), Point))
"""

PLAIN = PROGRAM + "\nmain()\n"
GUARDED = PROGRAM + '\nif __name__ == "__main__":\n    main()\n'


def run(
    arguments: list[str], text: str | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, input=text, cwd=cwd, capture_output=True, text=True, timeout=50, check=False
    )


@pytest.mark.parametrize("program", [PLAIN, GUARDED], ids=["plain", "guarded"])
@pytest.mark.parametrize("way", ["file", "stdin", "-c"])
def test_a_program_works_as_it_is_however_it_is_started(program: str, way: str, tmp_path: Path) -> None:
    if way == "file":
        (tmp_path / "program.py").write_text(program)
        done = run(["program.py"], cwd=tmp_path)
    else:
        done = run(["-"], program) if way == "stdin" else run(["-c", program])
    assert done.stdout == "[0, 3, 6] True\n", done.stderr
    assert done.stderr == ""
    assert done.returncode == 0


def test_modules_beside_the_program_are_found_by_workers(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("def f(x): return x + 1\n")
    (tmp_path / "random.py").write_text("raise SystemExit('the wrong random')\n")
    (tmp_path / "sub").mkdir()
    program = "import nbflow, beside\nnbflow.load()\nprint(nbflow.python_app(beside.f)(1).result())\n"
    (tmp_path / "program.py").write_text(
        "import sys; p = sys.path.pop(0); import random; sys.path.insert(0, p)\n" + program
    )
    done = run([str(tmp_path / "program.py")], cwd=tmp_path / "sub")
    assert done.stdout == "2\n", done.stderr


# ---------------------------------------------------------------- what is left in the end

BUSY = """
import nbflow, sys, time
from nbflow import Config, ProcessExecutor, bash_app, python_app
import numpy as np

@python_app
def spin():
    while True:
        pass

@bash_app
def child(gate): return f"trap '' TERM INT; sleep 1000 & echo ready > {gate}; wait"

@python_app
def big(): return np.ones(100_000)

flow = nbflow.load(Config(executors=[ProcessExecutor(max_workers=2)]))
value = big()
value.result()
if sys.argv[1] != "idle":
    gate = sys.argv[2]
    futures = [spin(), child(gate)]
    with open(gate) as file:
        file.read()
    flow.watch()
try:
    print(flow.run_dir, flow._places.stores[0], flush=True)  # the signal may come with the last letter
    if sys.argv[1] in ("kill", "interrupt"):
        time.sleep(1000)
except KeyboardInterrupt:
    print(sorted(state.label for state, count in flow.counts().items() if count), flush=True)
"""


def descendants(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def gone(processes: list[psutil.Process], places: list[str], within: float) -> bool:
    """Whether processes and places disappear in time; looks often, for what ends them is not ours to be told by."""
    deadline = time.monotonic() + within
    _, alive = psutil.wait_procs(processes, timeout=within)
    while time.monotonic() < deadline and any(map(os.path.exists, places)):
        os.sched_yield()
    return not alive and not any(map(os.path.exists, places))


@pytest.fixture
def busy(tmp_path: Path) -> Callable[[str], tuple[subprocess.Popen[str], list[psutil.Process], list[str]]]:
    def start(how: str) -> tuple[subprocess.Popen[str], list[psutil.Process], list[str]]:
        (tmp_path / "busy.py").write_text(BUSY)
        os.mkfifo(tmp_path / "gate")
        process = subprocess.Popen(
            [sys.executable, str(tmp_path / "busy.py"), how, str(tmp_path / "gate")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        tree = []
        places = process.stdout.readline().split()
        if how in ("kill", "interrupt"):
            tree = descendants(process.pid)
            assert len(tree) >= 4, "scheduler, two workers, and what the bash app has started"
        return process, tree, places

    return start


@pytest.mark.parametrize("how", ["idle", "busy"])
def test_the_end_of_a_program_leaves_nothing(
    how: str, busy: Callable[..., tuple[subprocess.Popen[str], list[psutil.Process], list[str]]]
) -> None:
    process, _, places = busy(how)
    begin = time.monotonic()
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert len(places) == 2
    assert gone([], places, 5)
    assert time.monotonic() - begin < 10
    if how == "busy":
        assert "2 tasks have not" in err
    else:
        assert err == ""


def test_a_killed_program_leaves_nothing(
    busy: Callable[..., tuple[subprocess.Popen[str], list[psutil.Process], list[str]]],
) -> None:
    process, tree, places = busy("kill")
    process.kill()
    process.communicate()
    assert gone(tree, places, 5)


def test_an_interrupt_reaches_neither_scheduler_nor_workers(
    busy: Callable[..., tuple[subprocess.Popen[str], list[psutil.Process], list[str]]],
) -> None:
    process, tree, places = busy("interrupt")
    assert all(os.getpgid(p.pid) != os.getpgid(process.pid) for p in tree)
    assert all(os.getsid(p.pid) != os.getsid(process.pid) for p in tree)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert out == "['done', 'running']\n", err
    assert gone(tree, places, 5)


def test_a_forked_child_that_runs_all_exit_handlers_disturbs_nothing(tmp_path: Path) -> None:
    program = """
import os, sys, nbflow
from nbflow import Config, ProcessExecutor, errors, python_app
flow = nbflow.load(Config(executors=[ProcessExecutor(max_workers=1)]))
f = python_app(lambda x: x + 1)
print(f(1).result(), flush=True)
if os.fork() == 0:
    try:
        python_app(data_flow_kernel=flow)(lambda: 1)()
    except errors.FlowClosed as error:
        print("child:", error, flush=True)
    sys.exit(0)
os.wait()
print(f(2).result(), flush=True)
"""
    done = run(["-c", program])
    assert done.stdout.splitlines()[0] == "2"
    assert "forked child" in done.stdout.splitlines()[1]
    assert done.stdout.splitlines()[2] == "3"
    assert done.returncode == 0, done.stderr


def test_interrupts_at_any_moment_of_waiting_lose_nothing() -> None:
    program = """
import os, signal, nbflow
from nbflow import Config, ProcessExecutor, python_app

class Interrupt(BaseException): pass

def interrupt(*_):
    global interrupts, waiting
    interrupts += 1
    if waiting:
        waiting = False
        raise Interrupt

interrupts, waiting, raised = 0, False, 0
add = python_app(lambda x: x + 1)
nbflow.load(Config(executors=[ProcessExecutor(max_workers=2)]))
add(0).result()
signal.signal(signal.SIGINT, interrupt)
signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0007)
for n in range(2000):
    future = add(n)
    while True:
        try:
            waiting = True
            got = future.result(20)
            waiting = False
            break
        except Interrupt:
            raised += 1
    assert got == n + 1
signal.setitimer(signal.ITIMER_REAL, 0)
assert raised > 20, (raised, interrupts)
print("all", nbflow.dfk().counts()[nbflow.State.DONE])
"""
    done = run(["-c", program])
    assert done.stdout == "all 2001\n", done.stderr


def test_importing_nbflow_brings_in_nothing_that_is_slow_to_import() -> None:
    slow = ("IPython", "ipywidgets", "anywidget", "numpy", "dask", "asyncio")
    done = run(["-c", f"import sys, nbflow; print([name for name in {slow} if name in sys.modules])"])
    assert done.stdout == "[]\n"


def test_a_program_that_ends_when_its_scheduler_has_just_died_leaves_nothing(tmp_path: Path) -> None:
    program = """if True:
        import os, nbflow
        flow = nbflow.load(nbflow.Config([nbflow.ProcessExecutor(max_workers=1)]))
        print(flow.run_dir, flow._places.stores[0])
        os.kill(flow.status().pid, 9)
        while not flow.closed:
            pass
    """
    done = run(["-c", program], cwd=tmp_path)
    places = done.stdout.split()
    assert len(places) == 2, done.stderr
    assert not any(map(os.path.exists, places))
