"""Equal calls of cached apps that are made while one of them is under way: one runs, the others end as it does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbflow import AppFuture, DataFlowKernel, State, errors, join_app, python_app

pytestmark = pytest.mark.usefixtures("shared_flow")


class Gate:
    """A task that passes it says that it has begun, and goes on when it is let."""

    def __init__(self, directory: Path) -> None:
        self.begun, self.go = str(directory / "begun"), str(directory / "go")
        os.mkfifo(self.begun)
        os.mkfifo(self.go)
        self.log = directory / "log"
        self.log.touch()

    def wait(self) -> None:
        """Until a task stands at the gate."""
        assert Path(self.begun).read_text() == "x"

    def open(self) -> None:
        """Let the task go on that stands there."""
        Path(self.go).write_text("x")

    @property
    def runs(self) -> int:
        return len(self.log.read_text())


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def gated(gate: Gate) -> Any:
    """An app that gives its argument, or raises it, once it was let."""
    begun, go, log = gate.begun, gate.go, str(gate.log)

    @python_app(cache=True)
    def app(x: Any) -> Any:
        with open(log, "a", encoding="utf-8") as file:
            file.write("x")
        with open(begun, "w", encoding="utf-8") as file:
            file.write("x")
        with open(go, encoding="utf-8") as file:
            file.read()
        if isinstance(x, str):
            raise ValueError(x)
        return x

    return app


def story(flow: DataFlowKernel, future: AppFuture) -> list[str]:
    return [words for _, words in flow.details(future.tid).story]


def test_equal_calls_share_one_run(gate: Gate, shared_flow: DataFlowKernel) -> None:
    app = gated(gate)
    first, *others = [app([1, 2]) for _ in range(5)]
    gate.wait()
    assert [other.state for other in others] == [State.RECALLING] * 4
    gate.open()
    assert [future.result(10) for future in (first, *others)] == [[1, 2]] * 5
    assert others[0].result() is not others[1].result(), "each future has a value of its own"
    assert gate.runs == 1
    assert story(shared_flow, others[0])[-1] == "done: recalled from the memo"


def test_a_failure_is_shared_but_not_remembered(gate: Gate, shared_flow: DataFlowKernel) -> None:
    app = gated(gate)

    @python_app
    def after(x: Any) -> Any:
        return x

    first, second = app("no"), app("no")
    dependant = after(second)
    gate.wait()
    assert second.state is State.RECALLING, "it is there before the first one ends"
    gate.open()
    for future in (first, second):
        with pytest.raises(ValueError, match=r"^no$"):
            future.result(10)
    with pytest.raises(errors.NeedFailed, match="ValueError: no"):
        dependant.result(10)
    assert gate.runs == 1
    assert story(shared_flow, second)[-1] == f"failed: as the equal call did, task {first.tid}"
    third = app("no")
    gate.wait()
    gate.open()
    assert isinstance(third.exception(10), ValueError)
    assert gate.runs == 2


def test_when_the_one_that_runs_is_cancelled_the_next_one_runs(gate: Gate) -> None:
    app = gated(gate)
    first, second, third = app(1), app(1), app(1)
    gate.wait()
    assert first.cancel()
    gate.wait()
    gate.open()
    assert (second.result(10), third.result(10)) == (1, 1)
    assert gate.runs == 2


def test_one_that_waits_is_cancelled_alone(gate: Gate) -> None:
    app = gated(gate)
    first, second, third = app(1), app(1), app(1)
    gate.wait()
    assert second.cancel()
    assert first.cancel()
    gate.wait()
    gate.open()
    assert third.result(10) == 1
    assert second.cancelled()
    assert gate.runs == 2


def test_calls_made_inside_tasks_share_with_those_made_outside(tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    @python_app(cache=True)
    def inner(x: int) -> int:
        with open(log, "a", encoding="utf-8") as file:
            file.write("x")
        return x + 1

    @python_app
    def outer(x: int) -> int:
        return int(inner(x).result())

    assert [future.result(10) for future in (outer(1), outer(1), inner(1))] == [2, 2, 2]
    assert Path(log).read_text() == "x"


def test_a_call_made_inside_of_its_equal_runs_instead_of_waiting_for_itself(tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    @python_app(cache=True)
    def countdown(log: str) -> int:
        with open(log, "a+", encoding="utf-8") as file:
            file.write("x")
            file.seek(0)
            depth = len(file.read())
        return depth if depth == 3 else int(countdown(log).result())

    assert countdown(log).result(20) == 3


def test_a_join_app_is_recalled_as_a_whole(tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    def note() -> None:
        with open(log, "a", encoding="utf-8") as file:
            file.write("x")

    @python_app
    def big(n: int) -> Any:
        note()
        return np.full(100_000, n)

    @join_app(cache=True)
    def both(n: int) -> Any:
        note()
        return {"parts": [big(n), big(n + 1)]}

    first, shared = both(1), both(1)
    sums = [[int(part[0]) for part in future.result(20)["parts"]] for future in (first, shared)]
    del first, shared
    sums.append([int(part[0]) for part in both(1).result(20)["parts"]])
    assert sums == [[1, 2]] * 3
    assert Path(log).read_text() == "xxx", "one body, two tasks"


def test_a_big_value_stays_as_long_as_the_memo_has_it(tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    @python_app(cache=True)
    def big(n: int) -> Any:
        with open(log, "a", encoding="utf-8") as file:
            file.write("x")
        return np.full(100_000, n)

    for _ in range(3):
        assert big(3).result(20).sum() == 300_000
    assert Path(log).read_text() == "x"


def test_a_call_whose_output_is_gone_runs_again(tmp_path: Path) -> None:
    @python_app(cache=True)
    def write(outputs: Any = ()) -> None:
        with open(outputs[0], "a", encoding="utf-8") as file:
            file.write("x")

    path = tmp_path / "out"
    for _ in range(2):
        write(outputs=[str(path)]).result(10)
    assert path.read_text() == "x"
    path.unlink()
    write(outputs=[str(path)]).result(10)
    assert path.read_text() == "x"
