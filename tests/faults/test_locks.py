"""Code of the user's runs at many moments, and nbflow holds no lock meanwhile: it may wait for whoever needs one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from nbflow import DataFlowKernel, python_app
from nbflow.concurrent import NbflowPoolExecutor

PATIENCE = 20.0  # seconds


@python_app
def same(value: Any) -> Any:
    return value


def elsewhere(function: Callable[[], Any]) -> Any:
    """What a function gives on another thread; TimeoutError where it waits for this one."""
    found: Future[Any] = Future()

    def run() -> None:
        try:
            found.set_result(function())
        except BaseException as error:
            found.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return found.result(PATIENCE)


class WhenPickled:
    """Calls something when it is pickled, and becomes what that gives."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function

    def __reduce__(self) -> Any:
        return str, (self.function(),)


# ------------------------------------------------------------ pools


def test_pickling_an_argument_may_wait_for_a_thread_that_uses_the_same_pool(
    shared_flow: DataFlowKernel,
) -> None:
    with NbflowPoolExecutor(dfk=shared_flow) as pool:
        argument = WhenPickled(lambda: elsewhere(lambda: pool.submit(pow, 2, 3).result(PATIENCE)))
        assert pool.submit(str, argument).result(PATIENCE) == "8"


def test_a_pool_may_be_shut_down_by_another_thread_while_an_argument_is_pickled(
    shared_flow: DataFlowKernel,
) -> None:
    pool = NbflowPoolExecutor(dfk=shared_flow)
    with pytest.raises(RuntimeError, match="was shut down"):
        pool.submit(str, WhenPickled(lambda: elsewhere(pool.shutdown)))
