"""Cached apps on threads, where values are passed by reference: what is recalled is what the task gave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import nbflow
from nbflow import BasicMemoizer, Config, ProcessExecutor, ThreadExecutor, python_app


@pytest.fixture
def config(tmp_path: Any) -> Iterator[Config]:
    nbflow.clear()
    yield Config(
        executors=[ThreadExecutor(max_workers=2), ProcessExecutor(max_workers=1)],
        run_dir=tmp_path,
        memoizer=BasicMemoizer(checkpoint_mode="manual"),
    )
    nbflow.clear()


class Seen:
    """What tasks on threads leave behind."""

    def __init__(self) -> None:
        self.runs: list[Any] = []
        self.begun, self.go = threading.Event(), threading.Event()


def an_app(give: Any) -> tuple[Any, Seen]:
    """A cached app on threads that gives what `give` does with its argument."""
    seen = Seen()

    @python_app(cache=True, executors=["threads"], ignore_for_cache=["seen"])
    def app(x: Any, seen: Any) -> Any:
        seen.runs.append(x)
        return give(x)

    return lambda x: app(x, seen), seen


def test_what_is_done_to_a_value_does_not_change_what_is_recalled(config: Config) -> None:
    flow = nbflow.load(config)
    words, seen = an_app(lambda n: ["word"] * n)
    first = words(2).result(10)
    flow.checkpoint()  # by the end of it the bytes are there
    first.append("mine")
    words(2).result(10).append("mine as well")
    assert words(2).result(10) == ["word", "word"]
    assert seen.runs == [2]


def test_a_value_of_a_thread_is_kept_for_later_flows(config: Config) -> None:
    runs = []
    for _ in range(2):
        flow = nbflow.load(config)
        words, seen = an_app(lambda n: ["word"] * n)
        assert words(3).result(10) == ["word"] * 3
        flow.checkpoint()
        runs += seen.runs
        nbflow.clear()
    assert runs == [3]


def test_what_cannot_travel_is_recalled_by_reference(config: Config) -> None:
    flow = nbflow.load(config)
    lock, seen = an_app(lambda n: threading.Lock())
    first = lock(1).result(10)
    flow.checkpoint()
    assert lock(1).result(10) is first
    assert seen.runs == [1]


def test_equal_calls_on_threads_share_one_run(config: Config) -> None:
    seen = Seen()

    @python_app(cache=True, executors=["threads"], ignore_for_cache=["seen"])
    def app(x: int, seen: Any) -> list[int]:
        seen.runs.append(x)
        seen.begun.set()
        seen.go.wait(30)
        return [x]

    nbflow.load(config)
    first, second = app(1, seen), app(1, seen)
    assert seen.begun.wait(30)
    seen.go.set()
    assert first.result(10) == second.result(10) == [1]
    assert seen.runs == [1]


def numbers_of(value: Any) -> list[int]:
    """What is read from an app's value, which holds something that can be read once."""
    return list(value[0] if isinstance(value, tuple) else value)


@pytest.mark.parametrize(
    "give",
    [
        lambda n: (x for x in range(n)),
        lambda n: iter(range(n)),
        lambda n: (map(int, range(n)), n),
    ],
    ids=["generator", "iterator", "one of several values"],
)
def test_what_can_be_read_but_once_is_made_for_each_call(config: Config, give: Any) -> None:
    nbflow.load(config)
    app, seen = an_app(give)
    assert [numbers_of(app(3).result(10)) for _ in range(2)] == [[0, 1, 2]] * 2
    assert seen.runs == [3, 3]


def test_equal_calls_under_way_do_not_share_what_can_be_read_but_once(config: Config) -> None:
    seen = Seen()

    @python_app(cache=True, executors=["threads"], ignore_for_cache=["seen"])
    def app(x: int, seen: Any) -> Iterator[int]:
        seen.runs.append(x)
        seen.begun.set()
        seen.go.wait(30)
        return iter(range(x))

    nbflow.load(config)
    futures = [app(3, seen) for _ in range(3)]
    assert seen.begun.wait(30)
    seen.go.set()
    assert [list(future.result(10)) for future in futures] == [[0, 1, 2]] * 3
    assert seen.runs == [3, 3, 3]
