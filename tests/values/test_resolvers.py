"""Where futures are looked for among arguments, and what the function gets in their places."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nbflow.values.resolvers import DEEP_DEPENDENCY_RESOLVER, SHALLOW_DEPENDENCY_RESOLVER, DependencyResolver

Point = namedtuple("Point", "x y")


@dataclass(frozen=True)
class Pair:
    left: Any
    right: Any


def done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


# A nest of containers, and the same nest with futures in place of some leaves.
leaves = st.integers().map(lambda n: (n, n)) | st.integers().map(lambda n: (n, done(n)))


def nests(inner: st.SearchStrategy[tuple[Any, Any]]) -> st.SearchStrategy[tuple[Any, Any]]:
    pairs = st.lists(inner, max_size=3)

    def split(make: Any) -> st.SearchStrategy[tuple[Any, Any]]:
        return pairs.map(lambda found: (make([a for a, _ in found]), make([b for _, b in found])))

    return (
        split(list)
        | split(tuple)
        | split(lambda items: {str(n): item for n, item in enumerate(items)})
        | split(lambda items: Pair(items, None))
        | split(lambda items: Point(items, 1))
        | split(lambda items: OrderedDict(enumerate(items)))
    )


@given(st.recursive(leaves, nests, max_leaves=12))
def test_futures_at_any_depth_are_found_and_filled_in_and_the_callers_containers_stay(
    nest: tuple[Any, Any],
) -> None:
    expected, given_ = nest
    before = repr(given_)
    found = DEEP_DEPENDENCY_RESOLVER.gather((given_,), {})
    (filled,), _ = DEEP_DEPENDENCY_RESOLVER.unwrap((given_,), {})
    assert filled == expected
    assert type(filled) is type(expected)
    assert repr(given_) == before
    assert bool(found) == ("Future" in before)


def test_what_holds_no_future_is_passed_as_it_is() -> None:
    value = {"a": [1, (2, {3})], "b": Pair([], None)}
    (same,), _ = DEEP_DEPENDENCY_RESOLVER.unwrap((value,), {})
    assert same is value


def test_a_container_that_holds_itself_is_no_trap() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert DEEP_DEPENDENCY_RESOLVER.gather((loop,), {}) == []
    (same,), _ = DEEP_DEPENDENCY_RESOLVER.unwrap((loop,), {})
    assert same is loop
    loop.append(done(2))
    (filled,), _ = DEEP_DEPENDENCY_RESOLVER.unwrap((loop,), {})
    assert filled == [1, loop, 2]


def test_sets_and_keys_of_dicts_count_too() -> None:
    a, b = done(1), done(2)
    assert DEEP_DEPENDENCY_RESOLVER.unwrap(({a}, {b: 3}), {})[0] == ({1}, {2: 3})


def test_the_shallow_one_looks_at_arguments_and_the_elements_of_inputs() -> None:
    a, b, c, d = done(1), done(2), done(3), done(4)
    args, kwargs = (a, [b]), {"x": c, "inputs": [d, 5]}
    assert SHALLOW_DEPENDENCY_RESOLVER.gather(args, kwargs) == [a, c, d]
    assert SHALLOW_DEPENDENCY_RESOLVER.unwrap(args, kwargs) == ((1, [b]), {"x": 3, "inputs": [4, 5]})
    assert kwargs == {"x": c, "inputs": [d, 5]}


def test_a_resolver_is_a_pair_of_functions_of_the_users() -> None:
    class Box:
        def __init__(self, inside: Any) -> None:
            self.inside = inside

    def gather(value: Any) -> list[Future[Any]]:
        return [value.inside] if isinstance(value, Box) else []

    def unwrap(value: Any) -> Any:
        return value.inside.result() if isinstance(value, Box) else value

    own = DependencyResolver(traverse_to_gather=gather, traverse_to_unwrap=unwrap)
    future = done("x")
    assert own.gather((Box(future), 1), {}) == [future]
    assert own.unwrap((Box(future), 1), {}) == (("x", 1), {})
