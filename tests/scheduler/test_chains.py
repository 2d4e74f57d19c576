"""A chain goes to one worker ahead of time, and each link still gets the value of the one before, or none runs."""

from __future__ import annotations

import os
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbflow import AppFuture, DataFlowKernel, errors, join_app, python_app
from tests.gates import Gate, stand_at

PATIENCE = 30.0  # seconds
LONG = 300  # links


@python_app
def link(before: Any, n: int = 1) -> tuple[int, int]:
    return before[0] + n, os.getpid()


@python_app
def stand(gate: Gate) -> tuple[int, int]:
    stand_at(gate, None)
    return 0, os.getpid()


def chain(first: Any, links: int) -> list[AppFuture]:
    futures = [link(first)]
    for _ in range(links - 1):
        futures.append(link(futures[-1]))
    return futures


@pytest.fixture
def known(flow: DataFlowKernel) -> DataFlowKernel:
    """A flow that knows how short a link is."""
    assert link((0, 0)).result(PATIENCE)[0] == 1
    return flow


def test_a_long_chain_runs_on_one_worker_in_its_order(known: DataFlowKernel) -> None:
    values = [future.result(PATIENCE) for future in chain((0, 0), LONG)]
    assert [count for count, _ in values] == [*range(1, LONG + 1)]
    # a link that takes long, as on a machine that is busy with something else, lets the rest go to an idle worker
    moves = sum(before != after for (_, before), (_, after) in pairwise(values))
    assert moves <= LONG // 10


def test_a_chain_that_branches_and_meets_again(known: DataFlowKernel) -> None:
    @python_app
    def add(*parts: Any) -> tuple[int, int]:
        return sum(count for count, _ in parts), os.getpid()

    assert add((1, 0), (2, 0)).result(PATIENCE)[0] == 3
    head = link((0, 0))
    arms = [chain(head, 10)[-1] for _ in range(4)]
    assert add(*arms, head).result(PATIENCE)[0] == 4 * 11 + 1


def test_big_values_are_handed_on_as_well(flow: DataFlowKernel) -> None:
    @python_app
    def grow(array: Any) -> Any:
        return array + 1

    future = grow(np.zeros(100_000))
    for _ in range(20):
        future = grow(future)
    assert (future.result(PATIENCE) == 21).all()


def test_what_follows_a_failure_is_skipped_and_what_does_not_runs(known: DataFlowKernel) -> None:
    @python_app
    def fails(before: Any) -> Any:
        raise ValueError(f"after {before[0]}")

    assert isinstance(fails((0, 0)).exception(PATIENCE), ValueError)
    head = chain((0, 0), 5)
    bad = fails(head[-1])
    skipped = chain(bad, LONG)
    others = chain((0, 0), LONG)
    for future in skipped:
        error = future.exception(PATIENCE)
        assert isinstance(error, errors.DependencyError)
        assert "ValueError: after 5" in str(error)
    assert others[-1].result(PATIENCE)[0] == LONG


def test_what_follows_waits_for_the_attempt_that_gives_a_value(known: DataFlowKernel, tmp_path: Path) -> None:
    @python_app(retries=3)
    def third_time(before: Any, log: str) -> tuple[int, int]:
        with open(log, "a") as file:
            file.write("x")
        with open(log) as file:
            count = len(file.read())
        if count < 3:
            raise OSError(count)
        return 100 * count, os.getpid()

    log = tmp_path / "log"
    assert [f.result(PATIENCE)[0] for f in chain(third_time(link((0, 0)), str(log)), 20)] == [
        *range(301, 321)
    ]
    assert log.read_text() == "xxx"


def test_a_link_that_ends_its_worker_is_tried_again_and_what_follows_runs_once(
    known: DataFlowKernel, tmp_path: Path
) -> None:
    log = tmp_path / "log"

    @python_app(retries=1)
    def dies_once(before: Any) -> tuple[int, int]:
        if not log.exists():
            log.write_text("")
            os.kill(os.getpid(), signal.SIGKILL)
        return before[0] + 1, os.getpid()

    @python_app
    def noted(before: Any) -> tuple[int, int]:
        with log.open("a") as file:
            file.write("x")
        return before[0] + 1, os.getpid()

    assert noted((0, 0)).result(PATIENCE)[0] == 1
    log.unlink()
    future: Any = dies_once(chain((0, 0), 10)[-1])
    for _ in range(20):
        future = noted(future)
    assert future.result(PATIENCE)[0] == 31
    assert log.read_text() == "x" * 20


def test_cancelling_a_link_cancels_what_follows_and_nothing_before(known: DataFlowKernel, gate: Gate) -> None:
    gate.let_through()
    stand(gate).result(PATIENCE)  # it is known as short: links are sent behind it
    links = chain(stand(gate), 20)
    others = chain((0, 0), 20)
    assert links[10].cancel()
    assert all(future.cancelled() for future in links[10:])
    gate.let_through()
    assert [future.result(PATIENCE)[0] for future in links[:10]] == [*range(1, 11)]
    assert others[-1].result(PATIENCE)[0] == 20


def test_the_value_of_a_join_is_handed_on_once_its_tasks_have_ended(known: DataFlowKernel) -> None:
    @join_app
    def doubled(before: Any) -> Any:
        return link(before, before[0])

    future: Any = link((0, 0))
    for _ in range(8):
        future = link(doubled(future), 0)
    assert future.result(PATIENCE)[0] == 2**8
