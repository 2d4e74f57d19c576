"""A module of the user's that was edited is what the next task runs; nothing that was called gets lost for it."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbflow import Config, DataFlowKernel, ProcessExecutor, clear, load, python_app
from nbflow.worker.modules import EVERY, Modules
from tests.gates import Gate, stand_at

SECONDS = 60


class Helper:
    """A module beside the program."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "nbflow_test_helper.py"
        self._size = 0

    def say(self, value: int) -> None:
        """Have it give another value. Each time the file is larger: that counts where clocks are coarse."""
        self._size += 1
        self._file.write_text(f"def value():\n    return {value}\n" + "#\n" * self._size)

    def be_old(self) -> None:
        """It was written long before any worker looked."""
        os.utime(self._file, (time.time() - 3600,) * 2)


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Helper]:
    monkeypatch.syspath_prepend(tmp_path)
    made = Helper(tmp_path)
    made.say(1)
    made.be_old()
    yield made
    sys.modules.pop("nbflow_test_helper", None)


@pytest.fixture
def flow(helper: Helper) -> Iterator[DataFlowKernel]:
    """With the helper's directory on the path of its workers."""
    yield load(Config([ProcessExecutor(max_workers=2)]))
    clear()


@python_app
def imported() -> tuple[int, int]:
    import nbflow_test_helper  # type: ignore[import-not-found] # made by the test

    return nbflow_test_helper.value(), os.getpid()


def by_then(value: int) -> None:
    """What is called once a worker has looked is the new one: it looks at most every 2 ms."""
    deadline = time.monotonic() + SECONDS
    while imported().result(SECONDS)[0] != value:
        assert time.monotonic() < deadline


def test_the_next_call_runs_what_was_edited(flow: DataFlowKernel, helper: Helper) -> None:
    for value in (2, 3):
        assert imported().result(SECONDS)[0] == value - 1
        helper.say(value)
        by_then(value)
    assert {result[0] for result in [f.result(SECONDS) for f in [imported() for _ in range(20)]]} == {3}


def test_what_refers_to_the_module_does_too(flow: DataFlowKernel, helper: Helper) -> None:
    import nbflow_test_helper

    @python_app
    def referring() -> Any:
        return nbflow_test_helper.value()

    assert referring().result(SECONDS) == 1
    helper.say(2)
    by_then(2)
    assert referring().result(SECONDS) == 2


def test_nothing_that_was_called_before_is_lost_or_counted(flow: DataFlowKernel, helper: Helper) -> None:
    called = [imported() for _ in range(300)]
    called[0].result(SECONDS)
    helper.say(2)
    called += [imported() for _ in range(300)]
    assert {future.result(SECONDS)[0] for future in called} <= {1, 2}
    by_then(2)
    assert {row.attempt for row in flow.rows().values()} == {1}


def test_a_module_that_is_edited_while_the_task_that_imported_it_runs_counts(
    flow: DataFlowKernel, helper: Helper, gate: Gate
) -> None:
    @python_app
    def slow() -> int:
        import nbflow_test_helper

        stand_at(gate, 0)
        return int(nbflow_test_helper.value())

    running = [slow(), slow()]
    gate.wait_for(2)
    helper.say(2)
    gate.let_through(2)
    assert [future.result(SECONDS) for future in running] == [1, 1]
    by_then(2)
    assert {future.result(SECONDS)[0] for future in [imported() for _ in range(20)]} == {2}


def test_workers_stay_while_nothing_is_edited(flow: DataFlowKernel, helper: Helper) -> None:
    pids = {future.result(SECONDS)[1] for future in [imported() for _ in range(200)]}
    assert {future.result(SECONDS)[1] for future in [imported() for _ in range(200)]} <= {
        worker.pid for worker in flow.workers()
    }
    assert pids <= {worker.pid for worker in flow.workers()}


def test_that_others_had_the_processor_meanwhile_puts_the_next_look_off_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments = itertools.count(1000.0, 0.02)
    clock = types.SimpleNamespace(
        monotonic=lambda: next(moments), thread_time=itertools.count(1.0, 1e-6).__next__
    )
    monkeypatch.setattr("nbflow.worker.modules.time", clock)
    modules = Modules()
    modules.edited(0.0)
    assert modules.due - (next(moments) - 0.02) <= EVERY


def test_only_the_users_own_modules_with_a_file_are_looked_at(tmp_path: Path) -> None:
    modules, now = Modules(), time.time() + 3600
    names = ["nbflow_test_a", "nbflow_test_b", "nbflow.nothing"]
    try:
        for name in names:
            sys.modules[name] = module = types.ModuleType(name)
            if name != "nbflow_test_b":
                (tmp_path / name).write_text("1")
                module.__file__ = str(tmp_path / name)
        assert modules.edited(now) == ""
        (tmp_path / "nbflow.nothing").write_text("22")
        assert modules.edited(now) == ""
        (tmp_path / "nbflow_test_a").write_text("22")
        assert modules.edited(now) == "nbflow_test_a"
        (tmp_path / "nbflow_test_a").unlink()
        assert modules.edited(now) == "", "it is still what is imported"
    finally:
        for name in names:
            del sys.modules[name]


def test_modules_are_looked_for_where_the_program_looks_by_the_time_of_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = tmp_path / "added while the flow goes on"
    added.mkdir()
    Helper(added).say(7)
    with load(Config([ProcessExecutor(max_workers=1)])):
        assert isinstance(imported().exception(SECONDS), ModuleNotFoundError)
        monkeypatch.syspath_prepend(added)
        value, pid = imported().result(SECONDS)
        assert value == 7
        os.kill(pid, signal.SIGKILL)
        assert imported().result(SECONDS)[0] == 7, "a worker that is started later knows as well"


def test_a_task_that_runs_while_the_path_changes_keeps_no_later_one_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: Gate
) -> None:
    @python_app
    def stands() -> int:
        return stand_at(gate, 1)

    Helper(tmp_path).say(3)
    with load(Config([ProcessExecutor(max_workers=1)])):
        stood = stands()
        gate.wait_for()
        monkeypatch.syspath_prepend(tmp_path)
        later = imported()
        gate.let_through()
        assert (stood.result(SECONDS), later.result(SECONDS)[0]) == (1, 3)
