"""Futures of other libraries and of other flows among the arguments: the task waits for them as for its own kind."""

from __future__ import annotations

import concurrent.futures
import os
import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbflow import AppFuture, Config, DataFlowKernel, ProcessExecutor, State, errors, join_app, python_app

pytestmark = pytest.mark.usefixtures("shared_flow")


@python_app
def same(x: Any) -> Any:
    return x


def test_a_task_starts_when_a_future_of_another_library_is_done() -> None:
    outside: Future[int] = Future()
    waiting = same(outside)
    assert waiting.state is State.WAITING
    outside.set_result(5)
    assert waiting.result(20) == 5


def test_they_may_stand_anywhere_in_the_arguments_and_be_done_already() -> None:
    with ThreadPoolExecutor(1) as pool:
        first, second = pool.submit(pow, 2, 3), pool.submit(str, 1)
        concurrent.futures.wait([first, second])
        given = {"a": [first, (second,)], "again": first}
        assert same(given).result(20) == {"a": [8, ("1",)], "again": 8}


def test_a_big_value_travels_too() -> None:
    outside: Future[Any] = Future()
    waiting = same(outside)
    array = np.arange(200_000)
    outside.set_result(array)
    assert (waiting.result(20) == array).all()


def test_one_that_fails_skips_what_needs_it_with_its_own_error_as_the_root() -> None:
    outside: Future[int] = Future()
    waiting = same([outside])
    outside.set_exception(LookupError("gone"))
    with pytest.raises(errors.DependencyError, match="LookupError: gone") as caught:
        waiting.result(20)
    assert isinstance(caught.value.root, LookupError)
    assert waiting.state is State.SKIPPED


def test_one_that_is_cancelled_cancels_what_needs_it() -> None:
    outside: Future[int] = Future()
    waiting = same(outside)
    assert outside.cancel()
    outside.set_running_or_notify_cancel()
    with pytest.raises(CancelledError):
        waiting.result(20)


def test_a_value_that_cannot_travel_is_an_error_that_says_so() -> None:
    outside: Future[Any] = Future()
    waiting = same(outside)
    outside.set_result(threading.Lock())
    with pytest.raises(errors.CannotPickle, match="lock"):
        waiting.result(20)


def test_it_is_one_node_of_the_graph_however_many_wait_for_it(shared_flow: DataFlowKernel) -> None:
    tasks = sum(shared_flow.counts().values())
    outside: Future[int] = Future()
    waiting, again = same(outside), same(outside)
    counts = shared_flow.counts()
    assert sum(counts.values()) == tasks + 3
    assert counts[State.RUNNING] == 1  # elsewhere
    outside.set_result(1)
    assert waiting.result(20) + again.result(20) == 2


def test_a_future_of_another_flow_is_as_good_as_any() -> None:
    with DataFlowKernel(Config([ProcessExecutor(max_workers=1)])) as other:
        there = python_app(data_flow_kernel=other)(lambda: {"x": 1})()
        assert same(there).result(20) == {"x": 1}
        failed = python_app(data_flow_kernel=other)(lambda: 1 / 0)()
        with pytest.raises(errors.DependencyError, match="ZeroDivisionError"):
            same(failed).result(20)


def test_a_join_app_may_return_futures_of_other_libraries() -> None:
    pool = ThreadPoolExecutor(1)

    @join_app
    def here() -> Any:  # refers to a pool, so its body runs in this process
        return [pool.submit(pow, 2, 5), same(1)]

    @join_app
    def there() -> Any:
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(1).submit(pow, 2, 6)

    assert here().result(20) == [32, 1]
    assert there().result(20) == 64
    pool.shutdown()


def test_inside_a_task_they_are_taken_as_well() -> None:
    @python_app
    def outer() -> Any:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as pool:
            return same([pool.submit(pow, 3, 2)]).result()

    assert outer().result(20) == [9]


def test_what_a_lost_worker_had_promised_fails(shared_flow: DataFlowKernel, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    @join_app
    def leave(path: str) -> AppFuture:
        import os
        import threading
        from concurrent.futures import Future

        def die() -> None:
            with open(path):
                os._exit(3)

        threading.Thread(target=die).start()
        never: Future[int] = Future()
        return same(never)

    joining = leave(str(fifo))
    while "waits for" not in str(shared_flow.details(joining.tid).story):
        pass  # each look is a question to the scheduler and its answer
    fifo.open("w").close()  # now it dies
    with pytest.raises(errors.JoinError, match=r"WorkerLost.*before it could deliver"):
        joining.result(20)
