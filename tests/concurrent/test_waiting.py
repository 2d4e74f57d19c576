"""`concurrent.futures.wait`, `as_completed` and callbacks on a pool's futures, alone and among the standard library's
own (test_concurrent_futures of Python 3.13: test_wait.py, test_as_completed.py, the callbacks of test_future.py).

Not stated here, because it does not apply: a flow's futures are settled by the flow alone, so nothing is said of
`set_result` and `set_exception`.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import logging
import threading
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, Future, as_completed, wait
from typing import Any

import pytest

from nbflow.concurrent import NbflowPoolExecutor
from tests.gates import Gate, stand_at


def foreign(*, value: Any = None, error: BaseException | None = None, cancelled: bool = False) -> Future[Any]:
    """A future of the standard library that has ended."""
    future: Future[Any] = Future()
    if cancelled:
        future.cancel()
        future.set_running_or_notify_cancel()
    elif error is not None:
        future.set_exception(error)
    else:
        future.set_result(value)
    return future


def fail_at(gate: Gate) -> None:
    stand_at(gate, None)
    raise ValueError("at the gate")


# ---------------------------------------------------------------- wait


def test_a_future_that_is_named_twice_is_waited_for_once(pool: NbflowPoolExecutor) -> None:
    future = pool.submit(abs, -1)
    assert wait([future, future]) == ({future}, set())


def test_the_first_to_end_is_enough(pool: NbflowPoolExecutor, gate: Gate) -> None:
    pending: Future[Any] = Future()
    first, second = pool.submit(abs, -1), pool.submit(stand_at, gate, 2)
    done, not_done = wait([pending, first, second], 30, return_when=FIRST_COMPLETED)
    assert (done, not_done) == ({first}, {pending, second})
    gate.let_through()
    assert wait([second, foreign()], 30, return_when=ALL_COMPLETED).not_done == set()


def test_those_that_had_ended_count_as_first(pool: NbflowPoolExecutor, gate: Gate) -> None:
    future = pool.submit(stand_at, gate, 1)
    ended = {foreign(), foreign(cancelled=True)}
    assert wait([*ended, future], 30, return_when=FIRST_COMPLETED) == (ended, {future})
    gate.let_through()
    assert future.result(20) == 1


def test_the_first_error_is_enough(pool: NbflowPoolExecutor, gate: Gate) -> None:
    good = pool.submit(abs, -1)
    assert good.result(20) == 1
    bad, later = pool.submit(fail_at, gate), pool.submit(stand_at, gate, 3)
    gate.wait_for(2)
    assert wait([good, bad, later], 0, return_when=FIRST_EXCEPTION) == ({good}, {bad, later})
    gate.let_through(2)
    done = wait([good, bad, later], 30, return_when=FIRST_EXCEPTION).done
    assert {good, bad} <= done
    assert later.result(20) == 3


def test_an_error_that_had_come_before_counts(pool: NbflowPoolExecutor, gate: Gate) -> None:
    failed = pool.submit(divmod, 1, 0)
    assert isinstance(failed.exception(20), ZeroDivisionError)
    future = pool.submit(stand_at, gate, 1)
    cancelled = foreign(cancelled=True)
    assert wait([failed, cancelled, future], 30, return_when=FIRST_EXCEPTION) == (
        {failed, cancelled},
        {future},
    )
    gate.let_through()
    assert wait([failed, cancelled, future], 30) == ({failed, cancelled, future}, set())


def test_waiting_ends_with_its_time(pool: NbflowPoolExecutor, gate: Gate) -> None:
    future = pool.submit(stand_at, gate, 1)
    ended = {foreign(), foreign(error=OSError()), foreign(cancelled=True)}
    assert wait([*ended, future], 0.01) == (ended, {future})
    with pytest.raises(concurrent.futures.TimeoutError, match="has not ended"):
        future.result(0)
    with pytest.raises(concurrent.futures.TimeoutError):
        future.exception(0.01)
    gate.let_through()
    assert future.result(20) == 1


def test_many_futures_are_waited_for_from_many_threads(pool: NbflowPoolExecutor) -> None:
    futures = {pool.submit(abs, -n) for n in range(200)}
    left: list[set[Any]] = []
    threads = [
        threading.Thread(target=lambda: left.append(set(wait(futures, 30).not_done))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert left == [set()] * 8


# ---------------------------------------------------------------- as_completed


def test_futures_come_as_they_end(pool: NbflowPoolExecutor, gate: Gate) -> None:
    late, early = pool.submit(stand_at, gate, 1), pool.submit(abs, -1)
    others = {foreign(), foreign(error=OSError()), foreign(cancelled=True)}
    found = as_completed([late, early, *others], 30)
    assert {next(found) for _ in range(4)} == {early, *others}
    gate.let_through()
    assert list(found) == [late]


def test_a_future_that_is_named_twice_comes_once(pool: NbflowPoolExecutor) -> None:
    future = pool.submit(abs, -1)
    assert list(as_completed(itertools.repeat(future, 3), 30)) == [future]


def test_those_that_do_not_end_in_time_are_counted(pool: NbflowPoolExecutor, gate: Gate) -> None:
    future = pool.submit(stand_at, gate, 1)
    found = as_completed([foreign(value=1), future], 0)
    assert next(found).result() == 1
    with pytest.raises(concurrent.futures.TimeoutError, match=r"1 \(of 2\) futures unfinished"):
        next(found)
    gate.let_through()
    assert future.result(20) == 1


# ---------------------------------------------------------------- callbacks


def told(future: Future[Any]) -> tuple[Future[Any], threading.Event]:
    """Have a callback note the future it gets."""
    event = threading.Event()
    found: Future[Any] = Future()

    def call_back(ended: Future[Any]) -> None:
        found.set_result(ended)
        event.set()

    future.add_done_callback(call_back)
    return found, event


@pytest.mark.parametrize("ended", [False, True], ids=["before", "after"])
def test_a_callback_gets_the_future_whether_it_is_added_before_or_after_the_end(
    pool: NbflowPoolExecutor, gate: Gate, ended: bool
) -> None:
    good, bad = pool.submit(stand_at, gate, 5), pool.submit(fail_at, gate)
    if ended:
        gate.let_through(2)
        wait([good, bad])
    answers = [told(good), told(bad)]
    gate.let_through(2)
    for future, (found, event) in zip((good, bad), answers, strict=True):
        assert event.wait(20)
        assert found.result() is future
    assert good.result() == 5
    assert isinstance(bad.exception(), ValueError)


def test_a_callback_is_told_of_a_cancelled_call(own_pool: NbflowPoolExecutor, gate: Gate) -> None:
    running = [own_pool.submit(stand_at, gate, n) for n in range(2)]
    gate.wait_for(2)
    queued = own_pool.submit(abs, -1)
    found, event = told(queued)
    assert queued.cancel()
    assert event.wait(20)
    assert found.result().cancelled()
    assert told(queued)[1].wait(20), "also if it is added afterwards"
    with pytest.raises(concurrent.futures.CancelledError):
        queued.result(0)
    gate.let_through(2)
    wait(running)


def test_a_callback_that_raises_is_logged_and_the_next_one_called(
    pool: NbflowPoolExecutor, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    future = pool.submit(stand_at, gate, 1)

    def broken(_: Future[Any]) -> None:
        raise RuntimeError("doh")

    with caplog.at_level(logging.ERROR):
        future.add_done_callback(broken)
        _, event = told(future)
        gate.let_through()
        assert event.wait(20)
    assert "doh" in caplog.text


def test_a_callback_may_make_a_call_and_wait_for_it(pool: NbflowPoolExecutor, gate: Gate) -> None:
    future = pool.submit(stand_at, gate, 1)
    event = threading.Event()
    values: list[int] = []

    def go_on(ended: Future[Any]) -> None:
        values.append(pool.submit(abs, -ended.result()).result(20))
        event.set()

    future.add_done_callback(go_on)
    gate.let_through()
    assert event.wait(20)
    assert values == [1]
