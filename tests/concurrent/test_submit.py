"""`submit`: what the standard library expects of it (test_concurrent_futures of Python 3.13: executor.py,
test_process_pool.py), and what a flow adds: chains, apps, labels.

Not stated here, because it does not apply: `max_workers` is the configuration's; a killed child does not break the
pool (tests/client/test_kernel.py has what it costs); workers do not come and go with the load, nor after so many
tasks; there are no initializers and no start methods.
"""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import threading
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import nbflow
from nbflow import Config, DataFlowKernel, ProcessExecutor, errors, python_app
from nbflow.concurrent import MOST_APPS, NbflowPoolExecutor
from tests.concurrent.conftest import processes, threads
from tests.gates import Gate, stand_at

SCALE = 10


def scaled(x: int) -> int:
    return SCALE * x


def times(n: int) -> Callable[[int], int]:
    return lambda x: x * n


def capture(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, kwargs


class Thing:
    def __init__(self, value: int = 3) -> None:
        self.value = value

    def method(self) -> int:
        return self.value

    def __call__(self, x: int) -> int:
        return self.value * x


# ---------------------------------------------------------------- calls


def test_a_call_gives_a_future_of_its_value(pool: NbflowPoolExecutor) -> None:
    future = pool.submit(pow, 2, 8)
    assert future.result(20) == 256
    assert future.exception() is None
    assert future.done()
    assert not future.running()
    assert not future.cancelled()


def test_keywords_reach_the_function_whatever_they_are_called(pool: NbflowPoolExecutor) -> None:
    assert pool.submit(pow, 2, exp=3).result(20) == 8
    assert pool.submit(capture, 1, self=2, fn=3).result(20) == ((1,), {"self": 2, "fn": 3})
    with pytest.raises(TypeError):
        pool.submit(fn=capture, arg=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        pool.submit()  # type: ignore[call-arg]


def test_arguments_that_do_not_fit_are_refused_at_the_call(pool: NbflowPoolExecutor) -> None:
    with pytest.raises(TypeError, match=r"scaled\(\): too many"):
        pool.submit(scaled, 1, 2)


@processes
def test_arguments_that_cannot_travel_are_refused_at_the_call(pool: NbflowPoolExecutor) -> None:
    with pytest.raises(errors.CannotPickle, match=r"`x` .* of `scaled` cannot travel"):
        pool.submit(scaled, threading.Lock())


@threads
def test_on_threads_anything_may_be_given_and_comes_back_as_itself(pool: NbflowPoolExecutor) -> None:
    lock, seen = threading.Lock(), []
    assert pool.submit(lambda x: seen.append(x) or x, lock).result(20) is lock
    assert seen == [lock]
    assert list(pool.map(lambda x: x, [lock, lock], chunksize=2)) == [lock, lock]


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (scaled, 20),
        (lambda x: x + SCALE, 12),
        (times(5), 10),
        (Thing(4), 8),
        (Thing, None),
        (str, "2"),
        (abs, 2),
    ],
    ids=["function", "lambda", "closure", "object", "class", "type", "builtin"],
)
def test_any_callable_is_taken(
    pool: NbflowPoolExecutor, function: Callable[[int], Any], value: object
) -> None:
    result = pool.submit(function, 2).result(20)
    assert result == value or result.value == 2


def test_what_a_function_refers_to_is_what_it_is_at_the_call(
    pool: NbflowPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    here: dict[str, Any] = {"SCALE": 10}
    exec("def scaled(x): return SCALE * x", here)
    assert pool.submit(here["scaled"], 2).result(20) == 20
    here["SCALE"] = 7
    assert pool.submit(here["scaled"], 2).result(20) == 14


def test_an_error_keeps_its_type_and_tells_where_it_arose(pool: NbflowPoolExecutor) -> None:
    def fail() -> None:
        raise subprocess.CalledProcessError(3, "ls")  # the line to be shown

    with pytest.raises(subprocess.CalledProcessError) as caught:
        pool.submit(fail).result(20)
    assert caught.value.returncode == 3
    assert isinstance(caught.value.__cause__, errors.RemoteTraceback)
    assert "# the line to be shown" in "".join(traceback.format_exception(caught.value))


def test_a_future_can_be_given_to_the_next_call(pool: NbflowPoolExecutor) -> None:
    first = pool.submit(scaled, 1)
    assert pool.submit(scaled, first).result(20) == 100
    assert pool.submit(sum, [first, first]).result(20) == 20


def test_futures_go_from_apps_to_the_pool_and_back(pool: NbflowPoolExecutor) -> None:
    add = python_app(lambda x, y: x + y, data_flow_kernel=pool.dfk)  # type: ignore[call-overload]
    future = add(pool.submit(scaled, add(1, 1)), 3)
    assert future.result(20) == 23


def test_while_nothing_else_is_loaded_apps_use_the_pools_flow(pool: NbflowPoolExecutor) -> None:
    future = python_app(scaled)(pool.submit(scaled, 1))
    assert future.result(20) == 100
    assert future.flow is pool.dfk


def test_a_task_waits_for_a_task_that_it_calls(pool: NbflowPoolExecutor) -> None:
    inner = python_app(scaled)

    def outer(x: int) -> Any:
        return inner(x).result() + 1

    assert pool.submit(outer, 1).result(20) == 11


# ---------------------------------------------------------------- queued, running, cancelled


def test_a_queued_call_is_cancelled_and_a_running_one_runs(own_pool: NbflowPoolExecutor, gate: Gate) -> None:
    first, second = own_pool.submit(stand_at, gate, 1), own_pool.submit(stand_at, gate, 2)
    gate.wait_for(2)
    queued = own_pool.submit(scaled, 1)
    assert first.running()
    assert second.running()
    assert not queued.running()
    assert queued.cancel()
    assert queued.cancelled()
    assert not first.done()
    gate.let_through(2)
    assert (first.result(20), second.result(20)) == (1, 2)
    assert not first.cancel(), "it has ended"


def test_an_event_loop_runs_calls_on_the_pool(pool: NbflowPoolExecutor) -> None:
    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        good = [loop.run_in_executor(pool, scaled, n) for n in range(3)]
        bad = loop.run_in_executor(pool, divmod, 1, 0)
        return await asyncio.gather(*good, bad, return_exceptions=True)

    *good, bad = asyncio.run(main())
    assert good == [0, 10, 20]
    assert isinstance(bad, ZeroDivisionError)


# ---------------------------------------------------------------- apps


def test_a_function_is_one_app_however_often_it_is_submitted(own_pool: NbflowPoolExecutor) -> None:
    assert own_pool.app_count == 0
    for n in range(5):
        own_pool.submit(scaled, n)
    own_pool.map(scaled, range(10), chunksize=5)
    assert own_pool.app_count == 1
    assert own_pool.get_app(scaled) is own_pool.get_app(scaled)
    assert own_pool.get_app(scaled)(3).result(20) == 30


def test_the_apps_that_a_pool_keeps_are_bounded(own_pool: NbflowPoolExecutor) -> None:
    functions = [eval(f"lambda: {n}") for n in range(MOST_APPS + 5)]
    futures = [own_pool.submit(function) for function in functions]
    assert own_pool.app_count == MOST_APPS
    assert [future.result(20) for future in futures] == list(range(MOST_APPS + 5))


def test_an_object_whose_method_was_called_is_let_go(pool: NbflowPoolExecutor) -> None:
    thing = Thing()
    gone = threading.Event()
    reference = weakref.ref(thing, lambda _: gone.set())
    assert pool.submit(thing.method).result(20) == 3
    del thing
    assert gone.wait(20)
    assert reference() is None


def carrying(thing: Thing, as_default: bool) -> Callable[..., int]:
    """A function that keeps something alive."""
    if as_default:
        return lambda _=0, thing=thing: thing.method()
    return lambda _=0: thing.method()


@pytest.mark.parametrize("way", ["closure", "default", "map", "chunks"])
def test_what_a_function_carries_is_let_go_with_its_futures(pool: NbflowPoolExecutor, way: str) -> None:
    thing = Thing()
    gone = threading.Event()
    reference = weakref.ref(thing, lambda _: gone.set())
    function = carrying(thing, way == "default")
    if way in ("map", "chunks"):
        assert list(pool.map(function, range(5), chunksize=1 if way == "map" else 2)) == [3] * 5
    else:
        futures = [pool.submit(function, n) for n in range(3)]
        app = pool.get_app(function)
        assert pool.get_app(function) is app, "it is made once"
        assert [future.result(20) for future in futures] == [3] * 3
        del futures, app
    del thing, function
    pool.submit(int).result(20)  # what a thread was given is let go with the next message
    assert gone.wait(20)
    assert reference() is None


def test_an_app_is_not_taken_for_a_function(pool: NbflowPoolExecutor) -> None:
    with pytest.raises(errors.UsageError, match="call an app"):
        pool.submit(python_app(scaled), 1)


# ---------------------------------------------------------------- the flow


def test_a_pool_takes_one_of_a_configuration_and_a_flow() -> None:
    config = Config(executors=[ProcessExecutor(max_workers=1)])
    with pytest.raises(ValueError, match="neither was given"):
        NbflowPoolExecutor()
    with DataFlowKernel(config) as flow:
        with pytest.raises(ValueError, match="both were given"):
            NbflowPoolExecutor(config, dfk=flow)
        for wrong in ("gpu", [], [3], 5):
            with pytest.raises(
                errors.ConfigurationError, match='is "all" or a list of at least one label, not '
            ):
                NbflowPoolExecutor(dfk=flow, executors=wrong)  # type: ignore[arg-type]
    with pytest.raises(errors.ConfigurationError, match=r"as load\(\) gives it, not 'x'"):
        NbflowPoolExecutor(dfk="x")  # type: ignore[arg-type]


def test_a_pool_on_a_flow_leaves_it_running(flow: DataFlowKernel) -> None:
    with NbflowPoolExecutor(dfk=flow) as pool:
        assert pool.dfk is flow
        assert pool.executors == "all"
        future = pool.submit(scaled, 1)
    assert future.done(), "leaving the block waits for the pool's tasks"
    assert not flow.closed
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(scaled, 1)
    assert python_app(scaled)(2).result(20) == 20


def test_a_pool_with_a_configuration_starts_its_own_flow_beside_the_loaded_one(flow: DataFlowKernel) -> None:
    with NbflowPoolExecutor(flow.config) as pool:
        assert pool.dfk is not flow
        assert pool.submit(scaled, 1).result(20) == 10
        ended = python_app(scaled)(pool.submit(scaled, 1))
        assert ended.flow is flow
        assert ended.result(20) == 100, "a future of the other flow is a future like any other"
    assert pool.dfk.closed
    assert nbflow.dfk() is flow


def test_pools_use_the_executors_that_they_name() -> None:
    nbflow.clear()
    where = [
        ProcessExecutor(max_workers=1, label=name, environment={"WHERE": name}) for name in ("cpu", "gpu")
    ]

    def look() -> str:
        import os

        return os.environ["WHERE"]

    with DataFlowKernel(Config(executors=where)) as flow:
        for label in ("cpu", "gpu"):
            with NbflowPoolExecutor(dfk=flow, executors=[label]) as pool:
                assert pool.executors == [label]
                assert pool.submit(look).result(20) == label
                assert set(pool.map(lambda _: look(), range(4), chunksize=2)) == {label}
        with pytest.raises(errors.ConfigurationError, match="executors= names 'tpu'; its flow has: cpu, gpu"):
            NbflowPoolExecutor(dfk=flow, executors=["cpu", "tpu"])
    with pytest.raises(errors.ConfigurationError, match="executors= names 'tpu'; its flow has: cpu, gpu"):
        NbflowPoolExecutor(Config(executors=where), executors=["tpu"])


def test_a_pool_does_not_travel(pool: NbflowPoolExecutor) -> None:
    with pytest.raises(TypeError, match="stays in the process that made it"):
        pickle.dumps(pool)


def test_what_is_no_function_is_refused(flow: DataFlowKernel) -> None:
    with (
        NbflowPoolExecutor(dfk=flow) as pool,
        pytest.raises(TypeError, match="a pool takes functions, not 5"),
    ):
        pool.submit(5)  # type: ignore[arg-type]
