"""What is secret stays where it is: texts of values can be turned off, and no environment is written down anywhere."""

from __future__ import annotations

import logging
import os
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow import Config, DataFlowKernel, ProcessExecutor, ThreadExecutor, join_app, python_app
from nbflow.logs import FileLogging
from nbflow.wire.rows import TaskRow

SECRET = "s3cret-and-nobody-elses"


@python_app
def give(value: str, **more: str) -> str:
    return value


@python_app
def give_inside(value: str) -> Any:
    return give(value).result()


@join_app
def give_later(value: str) -> Any:
    return [give(value), give(value=value)]


@python_app
def environment_of() -> str:
    return os.environ["TOKEN"]


@pytest.fixture(params=["processes", "threads"])
def silent(request: pytest.FixtureRequest, nothing_loaded: None) -> DataFlowKernel:
    """A flow that shows no values."""
    kind = {"processes": ProcessExecutor, "threads": ThreadExecutor}[request.param]
    return nbflow.load(Config(executors=[kind(2)], show_values=False))


def rows_of(flow: DataFlowKernel) -> list[TaskRow]:
    flow.watch()
    flow.status()  # messages come in order
    return list(flow.feed.rows.values())


def test_a_flow_that_shows_no_values_says_nothing_of_arguments_and_results(silent: DataFlowKernel) -> None:
    outside: Future[str] = Future()
    given = give(outside)
    outside.set_result(SECRET)
    calls = [give(SECRET), give(SECRET, key=SECRET), give_inside(SECRET), give_later(SECRET), given]
    assert calls[0].result(30) == SECRET
    calls.append(give({SECRET: SECRET}, key=calls[0])[SECRET])
    assert [call.exception(30) for call in calls] == [None] * len(calls)
    rows = rows_of(silent)
    assert len(rows) >= len(calls) + 3
    assert not [row for row in rows if row.detail or row.note]
    assert SECRET not in repr(rows)
    assert SECRET not in repr([silent.details(row.id) for row in rows])


def test_shown_values_are_short(shared_flow: DataFlowKernel) -> None:
    longest = [
        give(SECRET * 1000),
        give(list(SECRET * 1000)),
        give("a", **{f"key{i}": SECRET for i in range(100)}),
    ]
    assert [call.exception(30) for call in longest] == [None] * 3
    numbers = {call.tid for call in longest}
    rows = [row for row in rows_of(shared_flow) if row.id in numbers]
    assert len(rows) == 3
    assert max(len(row.detail) for row in rows) <= 200
    assert max(len(row.note) for row in rows) <= 200


@pytest.fixture
def logged(tmp_path: Path, nothing_loaded: None) -> Path:
    """The run directory of a flow whose workers have a secret in their environment, with all logs there are."""
    executor = ProcessExecutor(2, environment={"TOKEN": SECRET})
    config = Config(
        executors=[executor], run_dir=tmp_path / "runs", initialize_logging=FileLogging(level=logging.DEBUG)
    )
    with nbflow.load(config):
        assert environment_of().result(30) == SECRET
    return tmp_path / "runs"


def test_no_file_of_a_flow_holds_an_environment(logged: Path) -> None:
    files = [path for path in logged.rglob("*") if path.is_file()]
    assert [path for path in files if path.name == "nbflow.log"]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
