"""Tasks that wait inside for other tasks never wait for ever, however many do and however few workers there are."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import nbflow
from nbflow import AppFuture, Config, DataFlowKernel, ProcessExecutor, ThreadExecutor, join_app, python_app
from nbflow.errors import UsageError

KINDS: dict[str, Any] = {"processes": ProcessExecutor, "threads": ThreadExecutor}


@pytest.fixture(scope="module", params=KINDS)
def one_slot(request: pytest.FixtureRequest) -> Iterator[DataFlowKernel]:
    nbflow.clear()
    yield nbflow.load(Config(executors=[KINDS[request.param](max_workers=1)]))
    nbflow.clear()


@python_app
def child(x: int) -> int:
    return x


@python_app
def parent(x: int) -> int:
    return child(x).result() + 1


@contextmanager
def workers_counted(flow: DataFlowKernel) -> Iterator[Callable[[], int]]:
    """How many workers there were at a time, as the scheduler tells it again and again."""
    most, done = 0, threading.Event()

    def count() -> None:
        nonlocal most
        while not done.wait(0.01):
            most = max(most, len(flow.workers()))

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield lambda: most
    finally:
        done.set()
        thread.join()


def test_100_tasks_that_wait_on_one_slot_take_few_workers(one_slot: DataFlowKernel) -> None:
    with workers_counted(one_slot) as most:
        futures = [parent(n) for n in range(100)]
        assert [future.result(50) for future in futures] == list(range(1, 101))
    assert 1 < most() <= 6


def test_tasks_that_wait_for_an_equal_call_queued_behind_them_take_few_workers(
    one_slot: DataFlowKernel,
) -> None:
    @python_app(cache=True)
    def shared(x: int) -> int:
        return x

    @python_app
    def needs_it(n: int) -> int:
        return shared(1000).result() + n

    with workers_counted(one_slot) as most:
        futures = [needs_it(n) for n in range(60)]
        last = shared(1000)  # computes it for all of them, and stands behind them
        assert [future.result(50) for future in futures] == list(range(1000, 1060))
        assert last.result(50) == 1000
    assert most() <= 6


def test_a_recursion_in_which_every_call_waits_for_two(one_slot: DataFlowKernel) -> None:
    @python_app
    def fib(n: int) -> int:
        return n if n < 2 else fib(n - 1).result() + fib(n - 2).result()

    with workers_counted(one_slot) as most:
        assert fib(6).result(50) == 8
    assert most() <= 12


@pytest.mark.parametrize("one_slot", ["threads"], indirect=True)
def test_a_recursion_60_calls_deep(one_slot: DataFlowKernel) -> None:
    @python_app
    def deep(n: int) -> int:
        return 0 if n == 0 else deep(n - 1).result() + 1

    assert deep(60).result(50) == 60


# ------------------------------------------------------------ every way to wait


def by_wait(futures: list[AppFuture]) -> list[Any]:
    concurrent.futures.wait(futures)
    return [future.result() for future in futures]


def by_first(futures: list[AppFuture]) -> list[Any]:
    left = set(futures)
    while left:
        left = concurrent.futures.wait(left, return_when=concurrent.futures.FIRST_COMPLETED).not_done  # type: ignore[assignment]
    return [future.result() for future in futures]


def as_completed(futures: list[AppFuture]) -> list[Any]:
    return sorted(future.result() for future in concurrent.futures.as_completed(futures))


def by_await(futures: list[AppFuture]) -> list[Any]:
    async def gathered() -> list[Any]:
        return await asyncio.gather(*futures)

    return asyncio.run(gathered())


def by_exception(futures: list[AppFuture]) -> list[Any]:
    assert [future.exception() for future in futures] == [None] * len(futures)
    return [future.result() for future in futures]


def in_a_thread(futures: list[AppFuture]) -> list[Any]:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(future.result() for future in futures))
    thread.start()
    thread.join()
    return found


@pytest.mark.parametrize(
    "wait", [by_wait, by_first, as_completed, by_await, by_exception], ids=lambda w: w.__name__
)
def test_a_task_may_wait_in_any_way(one_slot: DataFlowKernel, wait: Callable[..., list[Any]]) -> None:
    @python_app
    def waits(wait: Callable[..., list[Any]]) -> list[Any]:
        return wait([child(n) for n in range(3)])

    assert [f.result(30) for f in [waits(wait) for _ in range(3)]] == [[0, 1, 2]] * 3


def test_an_async_task_awaits_the_tasks_that_it_calls(one_slot: DataFlowKernel) -> None:
    @python_app
    async def waits() -> Any:
        return await asyncio.gather(child(1), child(2))

    assert waits().result(30) == [1, 2]


@pytest.mark.parametrize("one_slot", ["processes"], indirect=True)
def test_a_thread_of_a_task_may_wait_and_outlive_it(one_slot: DataFlowKernel) -> None:
    @python_app
    def waits(wait: Callable[..., list[Any]]) -> list[Any]:
        return wait([child(n) for n in range(3)])

    assert waits(in_a_thread).result(30) == [0, 1, 2]

    @python_app
    def leaves_a_thread() -> None:
        blocker = never_ends()
        threading.Thread(target=blocker.exception, daemon=True).start()
        import time

        time.sleep(0.1)

    @python_app
    def never_ends() -> None:
        threading.Event().wait()

    @python_app
    def pid() -> int:
        import os

        return os.getpid()

    leaves_a_thread().result(30)
    one_slot.cancel_all()
    assert pid().result(30)


def test_a_time_limit_of_a_wait_inside_ends_the_wait_alone(one_slot: DataFlowKernel) -> None:
    @python_app
    def waits() -> str:
        future = child(1)
        try:
            never = parent_of_none()
            never.result(0.05)
        except concurrent.futures.TimeoutError:
            return f"gave up, {future.result()}"
        finally:
            never.cancel()
        return "never"

    assert waits().result(30) == "gave up, 1"


@python_app
def parent_of_none() -> None:
    import time

    time.sleep(20)


# ------------------------------------------------------------ between executors


@pytest.mark.usefixtures("nothing_loaded")
def test_tasks_of_processes_wait_for_those_of_threads_and_the_other_way_round() -> None:
    flow = nbflow.load(Config(executors=[ProcessExecutor(max_workers=1), ThreadExecutor(max_workers=1)]))

    @python_app(executors=["threads"])
    def on_thread(n: int) -> int:
        return n if n == 0 else on_process(n - 1).result() + 1

    @python_app(executors=["processes"])
    def on_process(n: int) -> int:
        return n if n == 0 else on_thread(n - 1).result() + 1

    with workers_counted(flow) as most:
        futures = [on_thread(3) for _ in range(8)] + [on_process(3) for _ in range(8)]
        assert [future.result(50) for future in futures] == [3] * 16
    assert most() <= 2 * (1 + 3) + 10


def test_a_task_on_a_thread_waits_for_a_call_made_outside_of_it() -> None:
    nbflow.clear()
    nbflow.load(Config(executors=[ThreadExecutor(max_workers=1)]))
    later: list[AppFuture] = []
    ready = threading.Event()

    @python_app
    def waits() -> int:
        ready.wait(30)
        result: int = later[0].result()
        return result

    futures = [waits() for _ in range(12)]
    later.append(child(7))
    ready.set()
    assert [future.result(30) for future in futures] == [7] * 12
    nbflow.clear()


def test_a_task_that_waits_for_its_own_future_is_told_so() -> None:
    nbflow.clear()
    nbflow.load(Config(executors=[ThreadExecutor(max_workers=1)]))
    own: list[AppFuture] = []
    ready = threading.Event()

    @python_app
    def waits() -> Any:
        ready.wait(30)
        return own[0].result()

    own.append(waits())
    ready.set()
    with pytest.raises(UsageError, match="waits for its own future"):
        own[0].result(30)
    nbflow.clear()


# ------------------------------------------------------------ equal calls


def test_equal_calls_that_wait_for_each_other_inside_end(one_slot: DataFlowKernel) -> None:
    @python_app(cache=True)
    def down(n: int, start: int) -> int:
        return 0 if n == 0 else down(n - 1, start).result() + 1

    assert [f.result(30) for f in [down(4, 1), down(5, 1), down(3, 1)]] == [4, 5, 3]

    @python_app(cache=True)
    def even(n: int) -> bool:
        return n == 0 or not odd_or_even(n - 1).result()

    @python_app(cache=True)
    def odd_or_even(n: int) -> bool:
        return even(n).result() if n % 2 == 0 else not even(n - 1).result()

    assert even(4).result(30) in (True, False)


def test_two_tasks_of_which_each_calls_what_the_other_is() -> None:
    nbflow.clear()
    nbflow.load(Config(executors=[ThreadExecutor(max_workers=2)]))
    meet = threading.Barrier(2)
    inside: set[int] = set()

    @python_app(cache=True)
    def circle(n: int) -> int:
        if n in inside:
            return n
        inside.add(n)
        meet.wait(30)
        result: int = circle(1 - n).result()
        return result

    assert [f.result(30) for f in [circle(0), circle(1)]] in ([0, 0], [1, 1], [1, 0], [0, 1])
    nbflow.clear()


def test_a_join_app_that_waits_in_its_body(one_slot: DataFlowKernel) -> None:
    @join_app
    def joins(n: int) -> Any:
        return child(child(n).result())

    assert [f.result(30) for f in [joins(n) for n in range(10)]] == list(range(10))
