"""Retries of a whole flow: what `Config` says of them, and the user's own function that judges failures."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow import (
    AppFuture,
    Config,
    DataFlowKernel,
    ProcessExecutor,
    Retry,
    State,
    bash_app,
    errors,
    python_app,
)
from nbflow.executors import Executor, ThreadExecutor
from tests.attempts import attempts, fails, story


class Mine(Exception):
    """An error of the user's own."""


@contextmanager
def loaded(executor: Executor = ProcessExecutor(max_workers=2), **fields: Any) -> Iterator[DataFlowKernel]:  # noqa: B008
    nbflow.clear()
    try:
        yield nbflow.load(Config(executors=[executor], **fields))
    finally:
        nbflow.clear()


# ---------------------------------------------------------------- the configuration


def test_the_configurations_retries_are_for_all_apps_that_say_nothing_else(tmp_path: Path) -> None:
    with loaded(retries=1):
        for options, most in [({}, 2), ({"retries": 0}, 1), ({"retries": Retry(2)}, 3)]:
            log = tmp_path / str(most)
            assert isinstance(python_app(**options)(fails)(log, Mine("no")).exception(20), Mine)
            assert attempts(log) == most


def test_calls_made_inside_tasks_are_retried_by_the_configuration_too(log: Path) -> None:
    body = fails

    @python_app(retries=0)
    def outer(path: Path) -> str:
        future = python_app(body)(path, Mine("no"), 1)
        return str(future.result())

    with loaded(retries=Retry(1, on=Mine)):
        assert outer(log).result(20) == "done"


def test_a_task_whose_need_failed_is_never_tried(log: Path) -> None:
    with loaded(retries=3):
        need = python_app(retries=0)(fails)(log, Mine("no"))
        dependant = python_app(lambda x: x)(need)
        assert isinstance(dependant.exception(20), errors.NeedFailed)
        assert attempts(log) == 1
        assert dependant.state is State.SKIPPED


def test_threads_keep_to_the_same_policy(tmp_path: Path) -> None:
    policy = Retry(1, on=(Mine, errors.AppTimeout), delay=0.001)
    with loaded(ThreadExecutor(max_workers=2), retries=policy) as flow:
        for error, most in [(Mine("no"), 2), (ValueError("no"), 1), (SystemExit(1), 1)]:
            log = tmp_path / type(error).__name__
            assert isinstance(python_app(fails)(log, error).exception(20), type(error))
            assert attempts(log) == most
        future = bash_app(lambda: "sleep 1000")(walltime=0.1)
        assert isinstance(future.exception(20), errors.AppTimeout)
        assert len(flow.details(future.tid).failures) == 2


# ---------------------------------------------------------------- the retry handler


def test_the_handler_is_told_the_error_and_the_record_and_its_costs_add_up(log: Path) -> None:
    asked: list[tuple[str, int, int, float]] = []
    futures: list[AppFuture] = []

    def handler(error: BaseException, record: Mapping[str, Any]) -> float:
        assert isinstance(error, Mine)
        futures.append(record["app_fu"])
        assert record["fail_history"] == ["Mine: no"] * record["fail_count"]
        asked.append((record["func_name"], record["try_id"], record["fail_count"], record["fail_cost"]))
        return 0.5

    with loaded(retries=1, retry_handler=handler) as flow:
        future = python_app(fails)(log, Mine("no"))
        assert isinstance(future.exception(20), Mine)
        record = future.task_record
        assert (record["fail_count"], record["fail_cost"]) == (3, 1.5)
        assert record["fail_history"] == flow.details(future.tid).failures == ["Mine: no"] * 3
    assert all(each is future for each in futures)
    assert asked == [("fails", 0, 1, 0.0), ("fails", 1, 2, 0.5), ("fails", 2, 3, 1.0)]


def test_the_handlers_own_error_becomes_the_tasks(log: Path) -> None:
    def handler(error: BaseException, record: Mapping[str, Any]) -> float:
        raise LookupError(f"no price for {error!r}")

    with loaded(retries=5, retry_handler=handler) as flow:
        future = python_app(fails)(log, Mine("no"))
        error = future.exception(20)
        assert story(flow, future)[-1].startswith("failed: the retry handler raised")
    assert isinstance(error, LookupError)
    assert "no price for Mine('no')" in str(error)
    assert attempts(log) == 1


def test_failures_on_threads_are_judged_too_and_the_handler_gets_the_error(log: Path) -> None:
    asked: list[str] = []

    def handler(error: BaseException, record: Mapping[str, Any]) -> float:
        asked.append(f"{error!r} {record['fail_count']}")
        return 1.0

    with loaded(ThreadExecutor(max_workers=1), retries=1, retry_handler=handler):
        assert isinstance(python_app(fails)(log, Mine("no")).exception(20), Mine)
    assert asked == ["Mine('no') 1", "Mine('no') 2"]


@pytest.mark.parametrize("answer", [None, "1", True, float("nan"), -1, -0.5, float("-inf")])
def test_a_handler_that_returns_no_cost_is_told_so(log: Path, answer: Any) -> None:
    with loaded(retries=5, retry_handler=lambda error, record: answer):
        error = python_app(fails)(log, Mine("no")).exception(20)
    assert isinstance(error, errors.UsageError)
    assert f"must return a number of at least 0, what the failure costs, not {answer!r}" in str(error)
    assert attempts(log) == 1, "it is not tried again"


def test_a_lost_worker_is_judged_too_and_so_are_calls_made_inside_tasks(tmp_path: Path) -> None:
    judged: list[str] = []
    died, failed = tmp_path / "died", tmp_path / "failed"
    body = fails

    def handler(error: BaseException, record: Mapping[str, Any]) -> float:
        judged.append(f"{record['func_name']} {type(error).__name__}")
        return 0.0

    @python_app
    def die_once() -> str:
        if not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return "alive"

    @python_app
    def outer() -> str:
        return str(python_app(body)(failed, Mine("no"), 1).result())

    with loaded(retry_handler=handler):
        assert die_once().result(30) == "alive"
        assert outer().result(20) == "done"
    assert judged == ["die_once WorkerLost", "fails Mine"]


def test_a_callback_may_wait_for_a_task_that_is_being_judged(log: Path) -> None:
    answers: list[str] = []
    done = threading.Event()
    with loaded(retries=1, retry_handler=lambda error, record: 1.0):
        second = python_app(fails)

        def wait(_: object) -> None:
            answers.append(second(log, Mine("no"), 1).result(20))
            done.set()

        python_app(lambda: 1)().add_done_callback(wait)
        assert done.wait(20)
    assert answers == ["done"]


def test_a_task_can_be_cancelled_while_it_is_judged_and_the_late_answer_is_ignored(log: Path) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def handler(error: BaseException, record: Mapping[str, Any]) -> float:
        asked.set()
        go_on.wait(20)
        return 0.0

    with loaded(retries=1, retry_handler=handler) as flow:
        future = python_app(fails)(log, Mine("no"))
        assert asked.wait(20)
        assert story(flow, future)[-1] == "attempt 1 failed: Mine: no; the retry handler is asked"
        assert future.cancel()
        go_on.set()
        assert python_app(lambda: 2)().result(20) == 2
        assert future.cancelled()
    assert attempts(log) == 1
