"""Which cell gave another one what it reads, as a pure structure: never a circle, whatever is run in which order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nbflow.notebook.sources import Runs
from nbflow.notebook.task.future import NameFuture

CELLS, NAMES = "ABCDE", "wxyz"
executed = st.tuples(
    st.sampled_from(CELLS), st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)), st.booleans()
)


def execute(runs: Runs, space: dict[str, Any], tid: int, key: str, reads: set[str], binds: set[str]) -> None:
    """As a person who runs a cell: it is given what the names stand for."""
    given = {name: space[name] for name in sorted(reads) if name in space}
    parent: Any = SimpleNamespace(tid=tid)
    names = {name: NameFuture(parent, name) for name in binds}
    run: Any = SimpleNamespace(
        sent=SimpleNamespace(key=key),
        future=parent,
        names=names,
        sources=runs.sources(key, given, ()),
        used={},
    )
    runs[key] = run
    space |= names


@given(st.lists(executed, max_size=30))
def test_a_cell_never_builds_on_itself_and_stands_behind_what_it_builds_on(
    sequence: list[tuple[str, set[str], set[str], bool]],
) -> None:
    runs, space = Runs(), dict.fromkeys(NAMES, 0)
    for tid, (key, reads, binds, by_hand) in enumerate(sequence):
        if by_hand:
            space |= dict.fromkeys(binds, tid)
        else:
            execute(runs, space, tid, key, reads, binds)
        order = [run.sent.key for run in runs.in_order()]
        assert sorted(order) == sorted(runs)
        for run in runs.values():
            for source in run.sources.values():
                assert order.index(source.key) < order.index(run.sent.key)


def test_a_cell_builds_on_the_one_that_gave_it_a_name_whoever_binds_that_later() -> None:
    runs, space = Runs(), {"x": 0}
    for tid, (key, reads, binds) in enumerate(
        [("A", "", "x"), ("B", "x", "y"), ("C", "x", "x"), ("D", "x", "z")]
    ):
        execute(runs, space, tid, key, set(reads), set(binds))
    assert {key: [source.key for source in run.sources.values()] for key, run in runs.items()} == {
        "A": [], "B": ["A"], "C": ["A"], "D": ["C"]
    }  # fmt: skip
    assert runs.supplier(runs["B"], "x", space) is runs["A"]
