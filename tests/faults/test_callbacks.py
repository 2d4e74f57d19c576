"""What a user hangs onto a future runs apart from everything else: it harms nothing, and no lock is held meanwhile."""

from __future__ import annotations

import concurrent.futures
import logging
import os
import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest

import nbflow
from nbflow import AppFuture, DataFlowKernel, errors, python_app
from tests.faults.processes import kill, traces_of


@python_app
def same(value: Any) -> Any:
    return value


def called_back(future: AppFuture, callback: Callable[[AppFuture], Any]) -> Any:
    """What the callback gave, or raised, on the thread that calls it."""
    found: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def call(done: Any) -> None:
        try:
            found.set_result(callback(done))
        except BaseException as error:
            found.set_exception(error)

    future.add_done_callback(call)
    return found.result(30)


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError])
def test_what_a_callback_raises_is_logged_and_the_next_ones_run(
    shared_flow: DataFlowKernel, error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    gate: concurrent.futures.Future[int] = concurrent.futures.Future()
    future = same(gate)

    def fails(_: Any) -> None:
        raise error("of a callback")

    future.add_done_callback(fails)
    gate.set_result(3)
    assert called_back(future, lambda done: done.result()) == 3
    assert called_back(same(4), lambda done: done.result()) == 4
    assert any(record.exc_info and record.exc_info[0] is error for record in caplog.records)


def test_a_callback_added_late_is_called_at_once(shared_flow: DataFlowKernel) -> None:
    future = same(1)
    future.result(30)
    assert called_back(future, lambda done: threading.current_thread()) is threading.current_thread()


def test_callbacks_may_call_wait_cancel_and_add_callbacks(shared_flow: DataFlowKernel) -> None:
    gates = [concurrent.futures.Future[int]() for _ in range(4)]

    def calls(done: AppFuture) -> Any:
        return same(done.result() + 1).result(30)

    def cancels(_: AppFuture) -> bool:
        return same(concurrent.futures.Future()).cancel()

    def adds(done: AppFuture) -> Any:
        later: list[int] = []
        done.add_done_callback(lambda again: later.append(again.result()))
        return later

    def asks(_: AppFuture) -> Any:
        return len(shared_flow.workers()) > 0

    expected = {calls: 1, cancels: True, adds: [2], asks: True}
    futures = [same(gate) for gate in gates]
    for number, gate in enumerate(gates):
        gate.set_result(number)
    found = [called_back(f, callback) for f, callback in zip(futures, expected, strict=True)]
    assert found == list(expected.values())


def test_a_callback_that_blocks_holds_up_neither_results_nor_awaits_nor_waits(
    shared_flow: DataFlowKernel,
) -> None:
    import asyncio

    gate: concurrent.futures.Future[int] = concurrent.futures.Future()
    blocked, go_on = threading.Event(), threading.Event()
    future = same(gate)
    future.add_done_callback(lambda _: (blocked.set(), go_on.wait(50)))
    gate.set_result(1)
    assert blocked.wait(30)

    async def wait() -> Any:
        return await asyncio.gather(*[same(n) for n in range(3)])

    try:
        assert future.result(30) == 1
        assert same(2).result(30) == 2
        assert asyncio.run(asyncio.wait_for(wait(), 30)) == [0, 1, 2]
        done, _ = concurrent.futures.wait([same(n) for n in range(5)], 30)
        assert len(done) == 5
        assert len(list(concurrent.futures.as_completed([same(n) for n in range(5)], 30))) == 5
    finally:
        go_on.set()


# ------------------------------------------------------------ no lock is held while the user's code runs


class Calls:
    """Makes a call and waits for it whenever it is pickled."""

    def __reduce__(self) -> Any:
        assert same(7).result(30) == 7
        return str, ("pickled",)


def in_time(function: Callable[[], Any]) -> Any:
    """What a function gives; an error where it would wait for ever."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result(40)


def test_pickling_an_argument_may_make_calls(shared_flow: DataFlowKernel) -> None:
    assert in_time(lambda: same(Calls()).result(30)) == "pickled"


def test_pickling_what_a_future_of_another_library_gave_may_make_calls(shared_flow: DataFlowKernel) -> None:
    done: concurrent.futures.Future[Any] = concurrent.futures.Future()
    done.set_result(Calls())
    assert in_time(lambda: same(done).result(30)) == "pickled"


def test_rebuilding_a_result_may_make_calls(shared_flow: DataFlowKernel) -> None:
    assert in_time(lambda: same(Rebuilt(os.getpid())).result(30)) == 8


class Rebuilt:
    """Makes a call and waits for it when it is rebuilt in the process that made it."""

    def __init__(self, home: int) -> None:
        self.home = home

    def __reduce__(self) -> Any:
        return rebuild, (self.home,)


def rebuild(home: int) -> Any:
    return same(8).result(30) if os.getpid() == home else Rebuilt(home)


def test_a_finalizer_may_make_calls(shared_flow: DataFlowKernel) -> None:
    class Last:
        def __init__(self) -> None:
            self.calls = called

        def __del__(self) -> None:
            self.calls.put(same(9).result(30))

    called: queue.SimpleQueue[int] = queue.SimpleQueue()

    def drop() -> Any:
        last: Any = Last()
        future = same(1)
        future.add_done_callback(lambda _, kept=last: None)
        del last
        return future.result(30)

    assert in_time(drop) == 1
    assert called.get(timeout=30) == 9


class Heard(logging.Handler):
    """Does something when a call is told to be submitted; meanwhile it holds the lock that every handler has."""

    def __init__(self, what: Callable[[int], Any]) -> None:
        super().__init__(logging.DEBUG)
        self.what = what
        self.found: list[Any] = []
        self.me = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if threading.get_ident() == self.me and "submitted" in record.getMessage() and not self.found:
            self.found.append(None)  # calls made now are not of interest
            self.found[0] = self.what(record.__dict__["task"])


def heard(what: Callable[[int], Any]) -> Any:
    """What a log handler finds when the next call is made."""
    handler = Heard(what)
    logger = logging.getLogger("nbflow")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        same(1).exception(30)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return handler.found[0]


def test_a_log_handler_may_wait_for_the_task_and_ask_the_flow(shared_flow: DataFlowKernel) -> None:
    def asks(task: int) -> int:
        if (future := shared_flow.calls.pending.get(task)) is not None:  # else it has ended already
            concurrent.futures.wait([future], 30)
        return shared_flow.task_count

    assert heard(asks) > 0


# ------------------------------------------------------------ last: they end the flow of the others


def test_a_log_handler_is_told_that_the_scheduler_has_died(flow: DataFlowKernel) -> None:
    def loses_it(_: int) -> BaseException | None:
        gate: concurrent.futures.Future[int] = concurrent.futures.Future()
        future = same(gate)
        kill(traces_of(flow).scheduler)
        return future.exception(30)

    assert isinstance(heard(loses_it), errors.SchedulerLost)


@pytest.mark.usefixtures("flow")
def test_a_callback_may_end_the_flow_and_load_another_one() -> None:
    def ends(_: AppFuture) -> int:
        nbflow.clear()
        nbflow.load()
        value: int = same(5).result(30)
        return value

    gate: concurrent.futures.Future[int] = concurrent.futures.Future()
    future = same(gate)
    gate.set_result(1)
    assert called_back(future, ends) == 5
