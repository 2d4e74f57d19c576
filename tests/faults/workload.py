"""A small flow with some of everything, run again and again, each time with the fault that is next in turn.

    python workload.py DIRECTORY POINTS DENSE EVERY SHARE SHARES

`POINTS` is a form such as `scheduler:{}+`. The numbers put into it are 1 ... DENSE, and after them those that EVERY
divides; of these, this process takes one in SHARES. For each, the flow is loaded with `NBFLOW_FAIL_AT` set so, run and
cleared, and a line of JSON says what came of it: see `Report`. It goes on until `UNTOUCHED` runs in a row had no fault.
What is right is for the test to say; here is only looked.
"""

from __future__ import annotations

import faulthandler
import gc
import itertools
import json
import os
import select
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nbflow
from nbflow import BasicMemoizer, Config, ProcessExecutor, bash_app, join_app, python_app
from nbflow.client.flow import places

LIMIT = 20.0  # seconds after which a future counts as hanging, and a process as left behind
UNTOUCHED = 2  # how many operations there are differs a little from run to run
BIG = 200_000  # bytes; the object store has them


@dataclass
class Report:
    """What came of one run."""

    at: str
    faults: list[str] = field(default_factory=list)  # that were made: "process number operation module:line"
    refused: str = ""  # why `load` failed
    values: list[str] = field(default_factory=list)  # calls that gave the right value
    wrong: dict[str, str] = field(default_factory=dict)  # call -> the value that it should not have given
    # call -> the error's class and its bases, its text
    errors: dict[str, list[str]] = field(default_factory=dict)
    hung: list[str] = field(default_factory=list)  # calls that never ended
    left: list[str] = field(default_factory=list)  # processes, files and descriptors that are still there
    stray: str = ""  # an error that came out where none may


@python_app
def add(a: int, b: int) -> int:
    return a + b


@python_app
def length(value: bytes) -> int:
    return len(value)


@python_app
def big(count: int) -> bytes:
    return b"x" * count


@python_app
def fails() -> None:
    raise ValueError("meant to fail")


@python_app
def flaky(marker: str) -> int:
    if not os.path.exists(marker):
        Path(marker).touch()
        raise ValueError("the first time it fails")
    return 7


@python_app
def prints(lines: int) -> int:
    for number in range(lines):
        print("line", number)
    return lines


@python_app
def nested(a: int) -> int:
    return add(a, 1).result() + add(a, 2).result()


@join_app
def joined(a: int) -> list[Future[int]]:
    return [add(a, 1), add(a, 2)]


@bash_app
def shell(word: str, stdout: str) -> str:
    return f"echo {word}"


@python_app(cache=True)
def cached(a: int) -> bytes:
    return bytes(a) * 1000


@python_app
def endless() -> None:
    time.sleep(600)


Check = Callable[[Any], bool]


def calls(directory: Path) -> dict[str, tuple[Callable[[], Any], Check]]:
    """By name: the call, and whether its value is right. In this order: a later one may need an earlier one."""
    made: dict[str, Any] = {}

    def keep(name: str, call: Callable[[], Any]) -> Callable[[], Any]:
        def make() -> Any:
            made[name] = call()
            return made[name]

        return make

    def echoed(value: Any) -> bool:
        # each attempt appends
        return value == 0 and (directory / "echo.txt").read_text().startswith("hello\n")

    return {
        "add": (keep("add", lambda: add(1, 2)), lambda value: value == 3),
        "chain": (lambda: add(add(made["add"], 3), 4), lambda value: value == 10),
        "big": (keep("big", lambda: big(BIG)), lambda value: value == b"x" * BIG),
        "length": (lambda: length(made["big"]), lambda value: value == BIG),
        "big argument": (lambda: length(b"y" * BIG), lambda value: value == BIG),
        "fails": (keep("fails", fails), lambda value: False),
        "needs a failed one": (lambda: add(made["fails"], 1), lambda value: False),
        "flaky": (lambda: flaky(str(directory / "marker")), lambda value: value == 7),
        "prints": (lambda: prints(300), lambda value: value == 300),
        "nested": (lambda: nested(5), lambda value: value == 13),
        "joined": (lambda: joined(5), lambda value: value == [6, 7]),
        "shell": (lambda: shell("hello", stdout=str(directory / "echo.txt")), echoed),
        "cached": (keep("cached", lambda: cached(100)), lambda value: value == bytes(100_000)),
        "cached small": (lambda: cached(1), lambda value: value == bytes(1000)),
        "cached again": (lambda: cached(100), lambda value: value == bytes(100_000)),
        "cancelled": (keep("cancelled", endless), lambda value: False),
        "cancel": (lambda: made["cancelled"].cancel(), lambda value: value is True),
    }


def run(report: Report, directory: Path) -> None:
    """Load a flow, make the calls, wait, clear."""
    executor = ProcessExecutor(max_workers=2)
    memoizer = BasicMemoizer(checkpoint_mode="task_exit")
    try:
        nbflow.load(Config(executors=[executor], retries=2, run_dir=directory / "runs", memoizer=memoizer))
    except Exception as error:
        report.refused = in_words(error)[0]
        return
    try:
        called_back = threading.Event()
        futures: dict[str, Future[Any]] = {}
        checks: dict[str, Check] = {}
        for name, (call, check) in calls(directory).items():
            checks[name] = check
            try:
                got = call()
            except KeyError:
                continue  # what it needs could not be called
            except Exception as error:
                report.errors[name] = in_words(error)
                continue
            if isinstance(got, Future):
                futures[name] = got
            else:
                judge(report, name, got, check)
        last = next(iter(futures.values()), None)
        if last is not None:
            last.add_done_callback(lambda _: called_back.set())
        wait(futures.values(), LIMIT)
        for name, future in futures.items():
            if not future.done():
                report.hung.append(name)
                continue
            try:
                value = future.result()
            except (Exception, CancelledError) as error:
                report.errors[name] = in_words(error)
            else:
                judge(report, name, value, checks[name])
        if last is not None and not called_back.wait(LIMIT):
            report.hung.append("callback")
    finally:
        nbflow.clear()


def judge(report: Report, name: str, value: Any, check: Check) -> None:
    if check(value):
        report.values.append(name)
    else:
        report.wrong[name] = repr(value)[:200]


def in_words(error: BaseException) -> list[str]:
    return [" ".join(kind.__name__ for kind in type(error).__mro__), str(error)]


# ------------------------------------------------------------ what is left


def processes(token: str) -> list[int]:
    """Those that were started under this name, by what stands in their environment."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                environment = Path("/proc", entry, "environ").read_bytes()
                cmdline = Path("/proc", entry, "cmdline").read_bytes()
            except OSError:  # it has just ended, or is somebody else's
                continue
            if f"NBFLOW_WALK={token}".encode() in environment.split(b"\0") and cmdline:
                found.append(int(entry))
    return found


def outlived(token: str) -> list[str]:
    """The processes that are there when the time is over, in words; they are ended then."""
    deadline = time.monotonic() + LIMIT
    while found := processes(token):
        for pid in found:
            try:
                fd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            try:
                ended, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
            finally:
                os.close(fd)
            if not ended:
                words = [
                    Path("/proc", str(pid), "cmdline").read_text().replace("\0", " ")[-60:] for pid in found
                ]
                for pid in found:
                    os.kill(pid, signal.SIGKILL)
                return [f"process: {each}" for each in words]
    return []


def descriptors() -> dict[str, str]:
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
    return found


def one(directory: Path, point: str) -> Report:
    """One run, with everything that it may leave behind below `directory`."""
    shared, temporary = directory / "shm", directory / "tmp"
    for each in (directory, shared, temporary):
        each.mkdir()
    faults = directory / "faults"
    places.SHARED_MEMORY, places.LEAST_ROOM = str(shared), 0
    os.environ.update(
        NBFLOW_FAIL_AT=point, NBFLOW_FAIL_LOG=str(faults), NBFLOW_WALK=str(directory), TMPDIR=str(temporary)
    )
    tempfile.tempdir = None
    report = Report(point)
    before = descriptors()
    faulthandler.dump_traceback_later(4 * LIMIT, exit=True)
    try:
        run(report, directory)
    except BaseException:
        report.stray = traceback.format_exc()
    report.left += outlived(str(directory))
    left = [*shared.iterdir(), *temporary.iterdir(), *directory.glob("runs/*/values")]
    report.left += [str(path.relative_to(directory)) for path in left]
    gc.collect()
    after = descriptors()
    report.left += [f"descriptor {fd}: {what}" for fd, what in after.items() if before.get(fd) != what]
    faulthandler.cancel_dump_traceback_later()
    if faults.exists():
        report.faults = faults.read_text().splitlines()
    return report


def main(base: Path, points: str, dense: int, every: int, share: int, shares: int) -> None:
    # where the user's key cannot be read or written: it is said, and the flow goes on
    warnings.filterwarnings("ignore", "nbflow: what this flow keeps is signed with a key for this session")
    numbers = (n for n in itertools.count(1) if n <= dense or n % every == 0)
    untouched = 0
    for number in itertools.islice(numbers, share, None, shares):
        report = one(base / str(number), points.format(number))
        print(json.dumps(asdict(report)), flush=True)
        untouched = 0 if report.faults else untouched + 1
        if untouched == UNTOUCHED:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))
