"""The layered layout: its promises, on any graph."""

from __future__ import annotations

import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nbflow.notebook.layout import CLOSE, GAP, LOW, kept_apart, lay_out, layers_of
from nbflow.notebook.ordering import crossings, order_layers

Pair = tuple[int, int]


@st.composite
def dags(draw: st.DrawFn) -> tuple[int, list[Pair]]:
    count = draw(st.integers(1, 25))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(
        lambda pair: pair[0] < pair[1]
    )
    return count, draw(st.lists(pairs, max_size=60)) if count > 1 else []


@st.composite
def sized(draw: st.DrawFn) -> tuple[list[Pair], list[Pair]]:
    count, edges = draw(dags())
    size = st.tuples(st.integers(20, 200), st.integers(10, 120))
    return draw(st.lists(size, min_size=count, max_size=count)), list(dict.fromkeys(edges))


@given(dags())
def test_a_node_stands_right_of_all_that_it_needs(dag: tuple[int, list[Pair]]) -> None:
    layers = layers_of(*dag)
    assert all(layers[a] < layers[b] for a, b in dag[1])
    assert sorted(set(layers)) == list(range(max(layers) + 1))  # none is empty


def test_a_source_stands_next_to_what_needs_it_first() -> None:
    assert layers_of(4, [(0, 1), (1, 2), (3, 2)]) == [0, 1, 2, 1]


def test_what_needs_a_caller_stands_right_of_all_that_it_called() -> None:
    # 0 calls 1, which calls 2; 3 needs 0 only.
    assert layers_of(4, [(0, 3)], [(0, 1), (1, 2)]) == [0, 1, 2, 3]


def test_a_cycle_is_broken_and_not_waited_for() -> None:
    assert sorted(layers_of(3, [(0, 1), (1, 2), (2, 0)])) == [0, 1, 2]


@given(sized())
def test_nodes_of_a_column_keep_apart_and_edges_lead_right(graph: tuple[list[Pair], list[Pair]]) -> None:
    sizes, edges = graph
    layers = layers_of(len(sizes), edges)
    placed = lay_out(sizes, layers, edges)
    for layer in set(layers):
        column = sorted(
            (placed.y[v], placed.y[v] + sizes[v][1]) for v in range(len(sizes)) if layers[v] == layer
        )
        for (top, upper), (lower, bottom) in pairwise(column):
            low = max(upper - top, bottom - lower) <= LOW
            assert lower - upper >= (CLOSE if low else GAP) - 2
    for (a, b), route in zip(edges, placed.routes, strict=True):
        assert route[0] == placed.x[a] + sizes[a][0]
        assert route[-2] == placed.x[b]
        assert route[::2] == sorted(route[::2])


@given(sized())
def test_the_picture_holds_every_node_and_every_edge(graph: tuple[list[Pair], list[Pair]]) -> None:
    sizes, edges = graph
    placed = lay_out(sizes, layers_of(len(sizes), edges), edges)
    for v, (w, h) in enumerate(sizes):
        assert 0 <= placed.x[v] <= placed.x[v] + w <= placed.width
        assert 0 <= placed.y[v] <= placed.y[v] + h <= placed.height
    assert all(0 <= y <= placed.height for route in placed.routes for y in route[1::2])


@given(sized())
def test_the_same_graph_gives_the_same_picture(graph: tuple[list[Pair], list[Pair]]) -> None:
    sizes, edges = graph
    layers = layers_of(len(sizes), edges)
    assert lay_out(sizes, layers, edges) == lay_out(sizes, layers, edges)


def brute_crossings(columns: list[list[int]], after: list[list[int]]) -> int:
    total = 0
    for left, right in pairwise(columns):
        links = [(i, right.index(v)) for i, u in enumerate(left) for v in after[u]]
        total += sum((a - c) * (b - d) < 0 for n, (a, b) in enumerate(links) for c, d in links[n + 1 :])
    return total


@given(st.integers(1, 7), st.integers(1, 7), st.data())
def test_crossings_are_counted_right_and_the_order_found_has_no_more_than_the_first(
    left: int, right: int, data: st.DataObject
) -> None:
    pairs = st.tuples(st.integers(0, left - 1), st.integers(left, left + right - 1))
    links = sorted(set(data.draw(st.lists(pairs, max_size=30))))
    layer = [0] * left + [1] * right
    after: list[list[int]] = [[] for _ in layer]
    for u, v in links:
        after[u].append(v)
    first = [list(range(left)), list(range(left, left + right))]
    assert crossings(first, after) == brute_crossings(first, after)
    assert crossings(order_layers(layer, links), after) <= crossings(first, after)


def test_a_tangle_that_can_be_undone_is_undone() -> None:
    layer = [0, 0, 0, 1, 1, 1]
    links = [(0, 5), (1, 4), (2, 3)]
    after: list[list[int]] = [[5], [4], [3], [], [], []]
    assert crossings(order_layers(layer, links), after) == 0


numbers = st.floats(-1000, 1000)


@given(st.lists(st.tuples(numbers, st.floats(0.5, 4), st.floats(0, 50)), max_size=20))
def test_values_that_are_kept_apart_stay_put_where_they_can(items: list[tuple[float, float, float]]) -> None:
    wanted, weight, gaps = [list(part) for part in zip(*items, strict=True)] or [[], [], []]
    placed = kept_apart(wanted, weight, gaps)
    assert all(b - a >= gap - 1e-6 for a, b, gap in zip(placed, placed[1:], gaps[1:], strict=False))
    if all(b - a >= gap for a, b, gap in zip(wanted, wanted[1:], gaps[1:], strict=False)):
        assert all(abs(a - b) < 1e-6 for a, b in zip(wanted, placed, strict=True))


def test_a_chain_of_any_length_is_laid_out_without_recursion() -> None:
    count = 20_000
    edges = [(i, i + 1) for i in range(count - 1)]
    began = time.process_time()
    placed = lay_out([(10, 10)] * count, layers_of(count, edges), edges)
    assert placed.x == sorted(placed.x)
    assert time.process_time() - began < 20
