"""Walltimes: what runs too long is ended, whatever it is at, with all that it has started."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from nbflow import DataFlowKernel, Retry, bash_app, errors, python_app

pytestmark = pytest.mark.usefixtures("shared_flow")

FOREVER = 1000  # seconds


class Pipe:
    """A named pipe. It can be read to its end once nobody has it open for writing any more."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        os.mkfifo(path)
        self._both = os.open(path, os.O_RDWR)  # whoever opens it does not have to wait for us
        self._read = os.open(path, os.O_RDONLY)

    def read_to_the_end(self) -> bytes:
        """What was written; waits until all writers have gone."""
        os.close(self._both)
        with open(self._read, "rb") as file:
            return file.read()


@pytest.fixture
def alive(tmp_path: Path) -> Pipe:
    return Pipe(tmp_path / "alive")


def forever(walltime: Any = None) -> None:
    import time

    time.sleep(FOREVER)


def test_a_task_inside_compiled_code_is_ended_and_its_error_says_for_how_long_it_might_have_run() -> None:
    future = python_app(walltime=0.1)(forever)()
    with pytest.raises(
        errors.AppTimeout, match=r"`forever` ran longer than its walltime of 0\.1 s and was ended"
    ):
        future.result(20)


def test_a_command_is_ended_with_its_children(alive: Pipe) -> None:
    @bash_app(walltime=0.3)
    def command(path: str) -> str:
        return f"exec 9> {path}; (sleep {FOREVER} & sleep {FOREVER}) & sleep {FOREVER}"

    assert isinstance(command(alive.path).exception(20), errors.AppTimeout)
    assert alive.read_to_the_end() == b"", "and nobody of them is left"


def test_what_a_python_app_has_started_is_ended_too(alive: Pipe) -> None:
    @python_app(walltime=0.5)
    def starts(path: str) -> None:
        import subprocess

        with open(path, "w") as file:
            subprocess.run(["sleep", str(FOREVER)], stdout=file, check=True)

    assert isinstance(starts(alive.path).exception(20), errors.AppTimeout)
    assert alive.read_to_the_end() == b""


@pytest.mark.parametrize("decorator", [None, FOREVER])
def test_the_walltime_of_a_call_comes_before_the_decorators(decorator: float | None) -> None:
    error = python_app(walltime=decorator)(forever)(walltime=0.1).exception(20)
    assert isinstance(error, errors.AppTimeout)


def test_a_walltime_may_be_the_default_of_a_parameter() -> None:
    @python_app
    def waits(walltime: float = 0.1) -> None:
        forever_of_mine = __import__("time").sleep
        forever_of_mine(1000)

    assert isinstance(waits().exception(20), errors.AppTimeout)


@pytest.mark.parametrize(
    ("retries", "most"),
    [
        (1, 2),
        (Retry(1, on=errors.AppTimeout), 2),
        (Retry(1, on=errors.AppException), 2),
        (Retry(1, on=OSError), 1),
    ],
)
def test_a_walltime_that_is_over_counts_as_app_timeout_for_retries(
    shared_flow: DataFlowKernel, retries: Any, most: int
) -> None:
    future = python_app(walltime=0.1, retries=retries)(forever)()
    assert isinstance(future.exception(20), errors.AppTimeout)
    failures = shared_flow.details(future.tid).failures
    assert len(failures) == most
    assert all(line.startswith("AppTimeout: ") for line in failures)


def test_a_task_that_ends_in_time_knows_nothing_of_it(shared_flow: DataFlowKernel) -> None:
    before = {row.worker for row in shared_flow.workers()}
    assert python_app(walltime=FOREVER)(lambda: 1)().result(20) == 1
    assert {row.worker for row in shared_flow.workers()} >= before
