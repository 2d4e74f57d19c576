"""What must hold in a machine after every step, whatever happened. On in all tests; costs time in all tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nbflow.core.instructions import Why
from nbflow.core.placement import Desk, Pool
from nbflow.core.starts import AT_ONCE
from nbflow.core.states import State
from nbflow.core.task import Task
from nbflow.core.timers import Timers


def check(
    tasks: Mapping[int, Task], pools: Mapping[str, Pool], desks: Mapping[int, Desk], timers: Timers
) -> None:
    """Check all invariants.

    Raises:
        AssertionError: one does not hold; the text says which and for whom.
    """
    for task in tasks.values():
        _check_task(task, tasks, desks)
        _check_what_it_waits_for(task, pools, timers)
    for pool in pools.values():
        _check_pool(pool, tasks, desks)


def _check_task(task: Task, tasks: Mapping[int, Task], desks: Mapping[int, Desk]) -> None:
    name = f"task {task.id} ({task.state.label})"
    waited_for = task.needs if task.inner is None else task.inner
    if not task.state.ended:
        unmet = sum(not tasks[number].state.ended for number in waited_for)
        assert task.unmet == unmet, f"{name} counts {task.unmet} unmet needs, {unmet} are"
        for number in waited_for:
            need = tasks[number]
            assert need.state <= State.DONE, f"{name} outlives its failed need {number}"
            assert need.state.ended or task.id in need.dependants, (
                f"{name} is not among the dependants of {number}"
            )
    assert task.holds > 0 or not task.state.ended, f"{name} has no holder and is not forgotten"
    assert task.holds >= 0, f"{name} has {task.holds} holders"
    on_desk = task.worker in desks and task.id in desks[task.worker].queue
    assert task.queued == on_desk, f"{name}: queued is {task.queued}, on a desk is {on_desk}"
    if task.state is State.RUNNING and not task.outside:
        assert desks[task.worker].head == task.id, f"{name} is not at the head of worker {task.worker}"
    if task.state.ended:
        assert not task.queued, f"{name} is still on a desk"
    assert task.doom in (None, Why.ASKED, Why.TIMEOUT, Why.MEMORY), f"{name} has the doom {task.doom}"


def _check_what_it_waits_for(task: Task, pools: Mapping[str, Pool], timers: Timers) -> None:
    """A task on no desk whose needs are DONE is ready, or waits for one thing that will come."""
    name = f"task {task.id} ({task.state.label})"
    assert not task.due or (not task.state.ended and timers.expects(task)), f"{name} is due, and not called"
    if task.state is not State.WAITING or task.unmet or task.queued:
        return
    places = sum(list(_ready(pool)).count(task.id) for pool in pools.values())
    waits = [places > 0, task.due > 0.0, task.trial is not None]
    assert any(waits), f"{name} has nothing to wait for and is not ready: it would wait for ever"
    assert sum(waits) == 1, f"{name} is ready, due and judged: {waits}"
    assert places <= 1, f"{name} is ready {places} times"


def _ready(pool: Pool) -> Iterator[int]:
    yield from (number for _, number in pool.ready)
    yield from (entry[-1] for entry in pool.ranked)
    yield from (entry[-1] for entry in pool.nested)


def _check_pool(pool: Pool, tasks: Mapping[int, Task], desks: Mapping[int, Desk]) -> None:
    name = f"executor {pool.executor}"
    launched = sum(len(desk.queue) for desk in pool.desks.values())
    assert pool.launched == launched, f"{name} counts {pool.launched} launched tasks, {launched} are"
    blocked = sum(desk.blocked for desk in pool.desks.values())
    assert pool.blocked == blocked, f"{name} counts {pool.blocked} blocked workers, {blocked} are"
    absent = sum(desk.absent for desk in pool.desks.values())
    assert pool.absent == absent, f"{name} counts {pool.absent} absent workers, {absent} are"
    assert all(desk.silent or not desk.away for desk in pool.desks.values()), (
        f"{name}: one is away and answers"
    )
    assert pool.hiring >= 0, f"{name} is hiring {pool.hiring}"
    for desk in pool.desks.values():
        assert desks[desk.worker] is desk, f"{name}: worker {desk.worker} is not on the books"
        assert desk.left > 0 or (desk.left == 0 and desk.queue), (
            f"{name}: worker {desk.worker} has had its tasks"
        )
        assert (desk.worker in pool.idle) == desk.idle, f"{name}: worker {desk.worker} is idle: {desk.idle}"
        assert (desk.worker in pool.silent) == desk.silent, (
            f"{name}: worker {desk.worker} is silent: {desk.silent}"
        )
        for number in desk.queue:
            assert tasks[number].worker == desk.worker, f"{name}: task {number} stands on two desks"
    waiting = [
        n for n in _ready(pool) if n in tasks and tasks[n].state is State.WAITING and not tasks[n].queued
    ]
    startable = [n for n in waiting if tasks[n].depth] if pool.crowded else waiting
    predecessors = [desks.get(desk.predecessor) for desk in pool.idle.values()]
    may_begin = any(other is None or other.absent for other in predecessors)
    assert not (startable and may_begin and pool.slot_free), f"{name} has idle workers and ready tasks"
    if pool.starts.failing or pool.hiring >= AT_ONCE:
        return  # the next start is due once it is time, or one is ready
    if startable:
        enough = min(pool.slots, len(startable) + pool.at_work)
        assert pool.at_work + pool.hiring >= enough, f"{name} has free slots and hires nobody"
    if not pool.on_demand:
        assert pool.manned + pool.hiring >= pool.slots, f"{name} does not man its slots"
