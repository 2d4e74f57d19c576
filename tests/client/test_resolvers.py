"""Where a flow looks for futures among arguments, as its configuration says, on processes and on threads."""

from __future__ import annotations

import os
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, NamedTuple

import pytest

import nbflow
from nbflow import AppFuture, Config, DataFlowKernel, ProcessExecutor, errors, join_app, python_app
from nbflow.executors import ThreadExecutor
from nbflow.values.resolvers import (
    DEEP_DEPENDENCY_RESOLVER,
    SHALLOW_DEPENDENCY_RESOLVER,
    DependencyResolver,
)

EXECUTORS = [ProcessExecutor(max_workers=1), ThreadExecutor(max_workers=1)]


@pytest.fixture(params=EXECUTORS, ids=lambda executor: executor.label)
def load(request: pytest.FixtureRequest) -> Iterator[Callable[[Any], DataFlowKernel]]:
    def load_with(resolver: Any) -> DataFlowKernel:
        nbflow.clear()
        return nbflow.load(Config([request.param], dependency_resolver=resolver))

    yield load_with
    nbflow.clear()


@python_app
def same(*args: Any, **kwargs: Any) -> Any:
    return [type(arg).__name__ for arg in args], args, kwargs


@python_app
def one(x: Any) -> Any:
    return x


@pytest.mark.parametrize("resolver", [None, DEEP_DEPENDENCY_RESOLVER], ids=["default", "deep"])
def test_the_default_finds_futures_at_any_depth(load: Callable[..., DataFlowKernel], resolver: Any) -> None:
    load(resolver)
    given = {"list": [one(1)], "deep": ({"x": (one(2),)},)}
    _, args, kwargs = same(given, [one(3)], inputs=[one(4)], named=one(5)).result(20)
    assert args == ({"list": [1], "deep": ({"x": (2,)},)}, [3])
    assert kwargs == {"inputs": [4], "named": 5}
    assert isinstance(given["list"][0], AppFuture), "the caller's containers are not changed"


class Row(list[Any]):
    """A list that takes something else to be made than a list does, and has something beside its items."""

    def __init__(self, *cells: Any) -> None:
        super().__init__(cells)
        self.name = "row"


class Point(NamedTuple):
    x: Any
    y: Any = 0


def test_containers_of_any_class_come_with_the_values_in_them(load: Callable[..., DataFlowKernel]) -> None:
    load(None)
    given = (
        Counter(a=one(1), b=2), OrderedDict(b=one(1), a=2), defaultdict(list, a=one(3)), Row(one(1), 2), Point(one(4)),
        {one(1), 2}, frozenset({one(5)}), deque([one(6)], 3),
    )  # fmt: skip
    _, (found,), _ = same(given).result(20)
    expected = (
        Counter(a=1, b=2), OrderedDict(b=1, a=2), defaultdict(list, a=3), Row(1, 2), Point(4), {1, 2},
        frozenset({5}), deque([6], 3),
    )  # fmt: skip
    for one_found, one_expected in zip(found, expected, strict=True):
        if isinstance(one_expected, deque):
            continue  # no container where futures are looked for, see the docs
        assert (type(one_found), one_found) == (type(one_expected), one_expected)
    assert found[3].name == "row"
    assert found[2].default_factory is list


def test_the_shallow_one_takes_arguments_and_the_elements_of_inputs(
    load: Callable[..., DataFlowKernel],
) -> None:
    load(SHALLOW_DEPENDENCY_RESOLVER)
    _, args, kwargs = same(one(1), [2], inputs=[one(3), 4], named=one(5)).result(20)
    assert args == (1, [2])
    assert kwargs == {"inputs": [3, 4], "named": 5}


def test_what_the_shallow_one_does_not_find_is_refused_where_it_cannot_travel() -> None:
    nbflow.clear()
    with (
        nbflow.load(Config([EXECUTORS[0]], dependency_resolver=SHALLOW_DEPENDENCY_RESOLVER)),
        pytest.raises(errors.UsageError, match=r"future inside a container.*SHALLOW"),
    ):
        same([one(1)])
    nbflow.clear()
    with nbflow.load(Config([EXECUTORS[1]], dependency_resolver=SHALLOW_DEPENDENCY_RESOLVER)):
        _, ((inner,),), _ = same([one(1)]).result(20)
        assert isinstance(inner, AppFuture), "on a thread it is what it is"


class Box:
    """Hides a future from everybody who does not know it."""

    def __init__(self, inside: Any) -> None:
        self.inside = inside
        self.here = os.getpid()

    def __reduce__(self) -> Any:
        raise TypeError("a box does not travel")


def gather(value: Any) -> list[Future[Any]]:
    return [value.inside] if isinstance(value, Box) else []


def unwrap(value: Any) -> Any:
    return ("box", value.inside.result()) if isinstance(value, Box) else value


def test_the_users_own_runs_in_the_users_process(load: Callable[..., DataFlowKernel]) -> None:
    load(DependencyResolver(gather, unwrap))
    kinds, args, kwargs = same(Box(one(1)), 2, inputs=[Box(one(3))], named=4).result(20)
    assert kinds == ["tuple", "int"]
    assert args == (("box", 1), 2)
    assert kwargs == {"inputs": [("box", 3)], "named": 4}
    assert same(5).result(20)[1] == (5,)


def test_a_need_that_fails_skips_a_call_of_the_users_own(load: Callable[..., DataFlowKernel]) -> None:
    load(DependencyResolver(gather, unwrap))

    @python_app
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(errors.DependencyError, match="ValueError: no"):
        same(Box(fail())).result(20)


def test_an_error_of_the_users_own_resolver_is_the_tasks_or_the_calls(
    load: Callable[..., DataFlowKernel],
) -> None:
    def wrong(value: Any) -> Any:
        raise LookupError("cannot unwrap")

    load(DependencyResolver(gather, wrong))
    with pytest.raises((LookupError, errors.DependencyError), match="cannot unwrap"):
        same(Box(one(1))).result(20)


@pytest.mark.parametrize(
    "resolver", [SHALLOW_DEPENDENCY_RESOLVER, DependencyResolver(gather, unwrap)], ids=["shallow", "own"]
)
def test_a_join_body_that_cannot_travel_runs_here_whatever_the_resolver(
    load: Callable[..., DataFlowKernel], resolver: DependencyResolver
) -> None:
    flow = load(resolver)
    lock = threading.Lock()

    @join_app
    def locked(x: Any) -> AppFuture:
        with lock:
            return one(x)

    given = Box(one(1)) if resolver is not SHALLOW_DEPENDENCY_RESOLVER else one(1)
    assert locked(given).result(20) in (1, ("box", 1))
    rows = sum(flow.counts().values())
    assert rows == 3, "the call, what it was given, what it called; nothing was made in vain"
