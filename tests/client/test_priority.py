"""`parsl_resource_specification={"priority": n}`: who goes first where workers are scarce, and what is refused."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow import Config, ProcessExecutor, bash_app, errors, python_app
from nbflow.executors import ThreadExecutor


@pytest.fixture(
    params=[ProcessExecutor(max_workers=1), ThreadExecutor(max_workers=1)], ids=["process", "thread"]
)
def one_worker(request: pytest.FixtureRequest) -> Iterator[None]:
    nbflow.clear()
    nbflow.load(Config(executors=[request.param]))
    yield
    nbflow.clear()


@python_app
def hold(path: str) -> str:
    """Waits until somebody writes into the pipe."""
    with open(path) as file:
        return file.read()


@python_app
def note(name: str, log: str, parsl_resource_specification: Any = None) -> None:
    with open(log, "a") as file:
        file.write(name)


@pytest.mark.usefixtures("one_worker")
def test_low_priorities_run_first_then_calls_without_one_each_in_their_order(tmp_path: Path) -> None:
    gate, log = str(tmp_path / "gate"), str(tmp_path / "log")
    os.mkfifo(gate)
    before = hold(gate)
    asked = [("a", {}), ("b", {"priority": 2}), ("c", {"priority": 1}), ("d", None), ("e", {"priority": 2.0})]
    asked += [("f", {"priority": -1})]
    futures = [note(name, log, parsl_resource_specification=wanted) for name, wanted in asked]
    Path(gate).write_text("x")
    for future in [before, *futures]:
        future.result(20)
    assert Path(log).read_text() == "fcbead"


@pytest.mark.usefixtures("shared_flow")
def test_a_priority_may_be_the_default_of_a_parameter_or_given_by_place(tmp_path: Path) -> None:
    @python_app
    def wanted(parsl_resource_specification: Any = {"priority": 3}) -> Any:  # noqa: B006 - as users write it
        return parsl_resource_specification

    assert wanted().result(20) == {"priority": 3}
    assert wanted({"priority": 4}).result(20) == {"priority": 4}
    with pytest.raises(errors.InvalidResourceSpecification):
        wanted({"cores": 4})


@pytest.mark.usefixtures("shared_flow")
def test_a_bash_app_takes_a_priority_without_a_parameter_for_it() -> None:
    assert bash_app(lambda: "true")(parsl_resource_specification={"priority": 1}).result(20) == 0


@pytest.mark.usefixtures("shared_flow")
@pytest.mark.parametrize(
    ("given", "keys", "words"),
    [
        ({"cores": 2, "priority": 1}, {"cores"}, "not allowed: 'cores'"),
        ({"memory": 2, "disk": 3}, {"memory", "disk"}, "not allowed: 'memory', 'disk'"),
        ([("priority", 1)], set(), "not [('priority', 1)]"),
        ({"priority": "high"}, {"priority"}, "a priority is not 'high'"),
        ({"priority": True}, {"priority"}, "a priority is not True"),
        ({"priority": float("nan")}, {"priority"}, "a priority is not nan"),
        ({"priority": 10**400}, {"priority"}, "a priority is not int of 1329 bits"),
    ],
)
def test_what_does_not_exist_here_is_refused_at_the_call(given: Any, keys: set[str], words: str) -> None:
    with pytest.raises(errors.InvalidResourceSpecification) as caught:
        note("a", "", parsl_resource_specification=given)
    assert words in str(caught.value)
    assert 'takes {"priority": number}' in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.invalid_keys, str(again)) == (keys, str(caught.value))
