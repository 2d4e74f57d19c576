"""Whom to end when memory runs short. Figures come in, a worker comes out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.scarcity import SETTLED, SHARE, Load, Scarcity, kept_free, worth

GB = 10**9
MB = 10**6
TOTAL = 16 * GB
THREE = (Load(1, 2 * GB), Load(2, 6 * GB), Load(3, 4 * GB))

LOADS = st.lists(
    st.builds(Load, st.integers(1, 99), st.integers(0, 8 * GB), st.booleans()),
    unique_by=lambda load: load.worker,
    max_size=8,
)


def test_the_one_that_has_most_is_ended() -> None:
    assert Scarcity().whom(100 * MB, TOTAL, THREE, 0.0) == 2


def test_nobody_is_ended_while_enough_is_free() -> None:
    assert Scarcity().whom(kept_free(TOTAL), TOTAL, THREE, 0.0) is None


def test_an_idle_worker_goes_before_any_task() -> None:
    assert Scarcity().whom(0, TOTAL, (*THREE, Load(4, 1 * GB, task=False)), 0.0) == 4
    assert Scarcity().whom(0, TOTAL, (*THREE, Load(4, worth(TOTAL) - 1, task=False)), 0.0) == 2


def test_an_idle_worker_is_not_ended_where_that_is_not_enough() -> None:
    idle = Load(4, worth(TOTAL), task=False)
    assert idle.memory < kept_free(TOTAL)
    assert Scarcity().whom(0, TOTAL, (*THREE, idle), 0.0) == 2


def test_small_tasks_are_let_be_on_a_machine_that_others_have_filled() -> None:
    assert Scarcity().whom(0, TOTAL, [Load(n, worth(TOTAL) - 1) for n in range(50)], 0.0) is None
    assert Scarcity().whom(0, TOTAL, [Load(1, int(SHARE * TOTAL) - 1)], 0.0) is None


def test_the_next_one_is_ended_only_once_the_memory_of_the_last_has_come_back() -> None:
    scarcity = Scarcity()
    assert scarcity.whom(100 * MB, TOTAL, THREE, 0.0) == 2
    rest = (THREE[0], THREE[2])
    assert scarcity.whom(100 * MB, TOTAL, rest, 10.0) is None, "somebody else takes it"
    assert scarcity.whom(5 * GB, TOTAL, rest, 11.0) is None, "there is enough"
    assert scarcity.whom(100 * MB, TOTAL, rest, 12.0) == 3


def test_where_a_little_helps_but_not_enough_the_next_one_follows() -> None:
    small = [Load(n, 200 * MB) for n in range(20)]
    scarcity = Scarcity()
    first = scarcity.whom(0, TOTAL, small, 0.0)
    rest = [load for load in small if load.worker != first]
    assert scarcity.whom(150 * MB, TOTAL, rest, SETTLED / 2) is None
    assert scarcity.whom(150 * MB, TOTAL, rest, SETTLED) is not None


@given(st.integers(0, TOTAL), LOADS)
def test_whoever_is_ended_has_enough_to_be_worth_it_and_no_rival_has_more(
    free: int, loads: list[Load]
) -> None:
    chosen = Scarcity().whom(free, TOTAL, loads, 0.0)
    if chosen is None:
        heavy = [load for load in loads if load.memory >= worth(TOTAL)]
        together = sum(load.memory for load in loads)
        assert free >= kept_free(TOTAL) or not heavy or together < SHARE * TOTAL
        return
    assert free < kept_free(TOTAL)
    found = next(load for load in loads if load.worker == chosen)
    assert found.memory >= worth(TOTAL)
    enough = kept_free(TOTAL) - free
    spare = [load for load in loads if not load.task and load.memory >= max(enough, worth(TOTAL))]
    assert found in spare or not spare, "one that is idle, and has enough, goes first"
    assert all(load.memory <= found.memory for load in spare or loads)


@given(st.lists(st.tuples(st.integers(0, GB), st.floats(0.0, 0.4)), max_size=50), LOADS)
def test_a_machine_that_stays_full_costs_one_worker(
    frees: list[tuple[int, float]], loads: list[Load]
) -> None:
    """Others take at once what is freed: what is free never rises by half of what the one had."""
    scarcity = Scarcity()
    ended: list[int] = []
    now = 0.0
    for _, pause in frees:
        now += pause
        here = [load for load in loads if load.worker not in ended]
        chosen = scarcity.whom(0, TOTAL, here, now)
        ended += [] if chosen is None else [chosen]
    assert len(ended) <= 1


@given(LOADS)
def test_where_ending_helps_as_many_are_ended_as_it_takes(loads: list[Load]) -> None:
    scarcity = Scarcity()
    here = {load.worker: load for load in loads}
    free = 0
    for now in range(len(loads) + 1):
        chosen = scarcity.whom(free, TOTAL, here.values(), float(now))
        if chosen is None:
            break
        free += here.pop(chosen).memory
    heavy = [load for load in here.values() if load.memory >= worth(TOTAL)]
    together = sum(load.memory for load in here.values())
    assert free >= kept_free(TOTAL) or not heavy or together < SHARE * TOTAL
