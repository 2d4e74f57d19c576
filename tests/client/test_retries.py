"""Retries on real processes: how often, after which errors, and what is told of it. Attempts are counted in files."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from nbflow import (
    AppFuture,
    Config,
    DataFlowKernel,
    Retry,
    State,
    bash_app,
    errors,
    join_app,
    python_app,
)
from nbflow.wire.rows import TaskRow
from tests.attempts import attempts, fails, story


class Mine(Exception):
    """An error of the user's own."""


class Other(Exception):
    """Another one."""


# ---------------------------------------------------------------- how often


def test_a_number_is_so_many_further_attempts(shared_flow: DataFlowKernel, log: Path) -> None:
    app = python_app(retries=2)(fails)
    assert isinstance(app(log, Mine("no")).exception(20), Mine)
    assert attempts(log) == 3


def test_without_retries_there_is_one_attempt(shared_flow: DataFlowKernel, log: Path) -> None:
    assert isinstance(python_app(fails)(log, Mine("no")).exception(20), Mine)
    assert attempts(log) == 1


def test_the_future_is_set_once_an_attempt_succeeds(shared_flow: DataFlowKernel, log: Path) -> None:
    future = python_app(retries=5)(fails)(log, Mine("no"), 2)
    assert future.result(20) == "done"
    details = shared_flow.details(future.tid)
    assert attempts(log) == 3
    assert details.traceback == ""
    assert details.error_line == 0


def test_each_run_of_a_task_is_told_with_its_worker_and_its_time(
    shared_flow: DataFlowKernel, log: Path
) -> None:
    future = python_app(retries=5)(fails)(log, Mine("no"), 2)
    assert future.result(20) == "done"
    row = shared_flow.rows()[future.tid]
    assert [run.state for run in row.runs] == [State.FAILED, State.FAILED, None]
    assert all(run.worker and row.submitted <= run.begin <= run.end for run in row.runs)
    last = row.runs[-1]
    assert (last.worker, last.begin, last.end) == (row.worker, row.started, row.ended)


# ---------------------------------------------------------------- after what


def test_only_the_errors_that_are_named_are_followed_by_another_attempt(
    shared_flow: DataFlowKernel, tmp_path: Path
) -> None:
    app = python_app(retries=Retry(2, on=(Mine, OSError)))(fails)
    for error, most in [
        (Mine("no"), 3),
        (FileNotFoundError("no"), 3),
        (Other("no"), 1),
        (ValueError("no"), 1),
    ]:
        log = tmp_path / type(error).__name__
        assert isinstance(app(log, error).exception(20), type(error))
        assert attempts(log) == most


def test_what_asks_a_program_to_end_is_not_retried_unless_it_is_named(
    shared_flow: DataFlowKernel, tmp_path: Path
) -> None:
    for error in (SystemExit(1), KeyboardInterrupt()):
        for retries, most in [(2, 1), (Retry(2, on=BaseException), 3)]:
            log = tmp_path / f"{type(error).__name__}-{most}"
            assert isinstance(python_app(retries=retries)(fails)(log, error).exception(20), type(error))
            assert attempts(log) == most


@pytest.mark.parametrize(("on", "most"), [(Exception, 2), (errors.WorkerLost, 2), (OSError, 1)])
def test_a_lost_worker_counts_as_worker_lost(
    shared_flow: DataFlowKernel, log: Path, on: type[BaseException], most: int
) -> None:
    @python_app(retries=Retry(1, on=on))
    def die(log: Path) -> None:
        with log.open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)

    assert isinstance(die(log).exception(30), errors.WorkerLost)
    assert attempts(log) == most


def test_the_body_of_a_join_app_is_tried_again_and_not_because_of_what_it_called(
    shared_flow: DataFlowKernel, tmp_path: Path
) -> None:
    body, inner = tmp_path / "body", tmp_path / "inner"
    raises = fails

    @join_app(retries=2)
    def join() -> AppFuture:
        raises(body, Mine("no"), 1)
        return python_app(raises)(inner, Mine("no"))

    assert isinstance(join().exception(20), errors.JoinError)
    assert (attempts(body), attempts(inner)) == (2, 1)


def test_a_command_is_tried_again(shared_flow: DataFlowKernel, log: Path) -> None:
    @bash_app(retries=Retry(2, on=errors.BashExitFailure))
    def command(path: Path) -> str:
        return f"printf x >> {path}; exit 3"

    error = command(log).exception(20)
    assert isinstance(error, errors.BashExitFailure)
    assert error.exitcode == 3
    assert attempts(log) == 3


def test_an_app_that_is_retried_can_be_called_inside_a_task(shared_flow: DataFlowKernel, log: Path) -> None:
    inner = python_app(retries=Retry(1, on=Mine))(fails)

    @python_app
    def outer() -> str:
        return str(inner(log, Mine("no"), 1).result())

    assert outer().result(20) == "done"


# ---------------------------------------------------------------- back-off and the story


def test_the_story_tells_every_attempt_its_error_and_the_wait(shared_flow: DataFlowKernel, log: Path) -> None:
    app = python_app(retries=Retry(2, delay=0.01, factor=3))(fails)
    future = app(log, Mine("no"))
    assert isinstance(future.exception(20), Mine)
    told = [re.sub(r"worker \d+", "a worker", words) for words in story(shared_flow, future)]
    assert told == [
        "submitted",
        "began on a worker, attempt 1",
        "attempt 1 failed: Mine: no; again in 0.01 s",
        "began on a worker, attempt 2",
        "attempt 2 failed: Mine: no; again in 0.03 s",
        "began on a worker, attempt 3",
        "failed: Mine: no",
    ]
    assert "Mine: no" in shared_flow.details(future.tid).traceback


def test_a_task_that_waits_for_its_next_attempt_says_why_and_can_be_cancelled(
    shared_flow: DataFlowKernel, log: Path
) -> None:
    rows: list[TaskRow] = []
    seen = threading.Event()

    class Look:
        def tasks_changed(self, changed: Sequence[TaskRow]) -> None:
            rows.extend(row for row in changed if row.state is State.WAITING and row.attempt == 1)
            if rows:
                seen.set()

        def flow_closed(self) -> None:
            pass

    shared_flow.feed.subscribe(Look())
    shared_flow.watch()
    future = python_app(retries=Retry(1, delay=1000, longest=1000))(fails)(log, Mine("no"))
    assert seen.wait(20)
    assert rows[-1].note == "Mine: no"
    assert future.state is State.WAITING
    assert story(shared_flow, future)[-1] == "attempt 1 failed: Mine: no; again in 1000 s"
    assert future.cancel()
    assert attempts(log) == 1


def test_the_error_of_a_lost_worker_is_in_the_story(shared_flow: DataFlowKernel, log: Path) -> None:
    @python_app(retries=1)
    def die_once(log: Path) -> str:
        with log.open("a") as file:
            file.write("x")
        if len(log.read_text()) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return "alive"

    future = die_once(log)
    assert future.result(30) == "alive"
    assert any(
        words.startswith("attempt 1 failed: WorkerLost") and "SIGKILL" in words
        for words in story(shared_flow, future)
    )


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Retry(-1), "Retry(times=...) must be a whole number of at least 0, not -1"),
        (lambda: Retry(True), "Retry(times=...) must be a whole number"),
        (lambda: Retry(1, on=ValueError("no")), "Retry(on=...) must be a class of exceptions"),  # type: ignore[arg-type]
        (lambda: Retry(1, on=()), "Retry(on=...) must be a class of exceptions"),
        (lambda: Retry(1, on=(int,)), "Retry(on=...) must be a class of exceptions"),  # type: ignore[arg-type]
        (lambda: Retry(1, delay=-1), "Retry(delay=...) must be a number of at least 0, not -1"),
        (lambda: Retry(1, delay=float("nan")), "Retry(delay=...) must be a number"),
        (lambda: Retry(1, factor=0.5), "Retry(factor=...) must be a number of at least 1, not 0.5"),
        (lambda: Retry(1, longest=-1), "Retry(longest=...) must be a number of at least 0"),
        (
            lambda: Config(retries="3"),
            "Config(retries=...) must be a whole number of at least 0 or an nbflow.Retry",
        ),
        (lambda: Config(retry_handler=3), "Config(retry_handler=...) must be a function, not 3"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused_where_it_is_made(
    make: Callable[[], Any], words: str
) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        make()
    assert words in str(caught.value)


@pytest.mark.parametrize("retries", [-1, 1.5, "3", True])
def test_an_app_with_wrong_retries_is_refused_where_it_is_made(retries: Any) -> None:
    with pytest.raises(errors.AppBadFormatting, match=r"a whole number of at least 0 or an nbflow\.Retry"):
        python_app(retries=retries)(fails)


def test_a_class_that_cannot_travel_is_named_where_the_app_is_made() -> None:
    class Unpicklable(Exception):
        lock = threading.Lock()

    with pytest.raises(errors.AppBadFormatting, match=r"Unpicklable.*cannot travel"):
        python_app(retries=Retry(1, on=Unpicklable))(fails)


def test_a_policy_prints_as_it_is_written() -> None:
    assert repr(Retry(3)) == "Retry(times=3)"
    assert repr(Retry(3, on=(OSError, errors.WorkerLost), delay=2)) == (
        "Retry(times=3, on=(OSError, WorkerLost), delay=2)"
    )
