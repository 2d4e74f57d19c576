"""The table of tasks: what is DONE and held is a count, and looks like a task."""

from __future__ import annotations

import tracemalloc

import pytest

from nbflow.core import events as ev
from nbflow.core.instructions import Forget
from nbflow.core.machine import Machine
from nbflow.core.retry import NEVER
from nbflow.core.states import State


def machine_of(*tasks: int) -> Machine:
    """A machine with these tasks, all of them DONE and held by their caller."""
    machine = Machine(validate=len(tasks) < 100)
    machine.handle([ev.ExecutorAdded("processes", 1), ev.WorkerJoined(1, "processes")], 0.0)
    for task in tasks:
        machine.handle([submitted(task)], 0.0)
        machine.handle([ev.Succeeded(task, 1, 1, 0.0)], 0.0)
    return machine


def submitted(task: int, *needs: int, priority: float | None = None) -> ev.Submitted:
    return ev.Submitted(task, "f", needs, (), NEVER, 0.0, False, priority)


def test_a_held_task_that_is_done_is_still_there() -> None:
    tasks = machine_of(1, 2).tasks
    assert not tasks.live
    assert tasks[1].state is State.DONE
    assert tasks.get(3) is None
    assert 1 in tasks
    assert 3 not in tasks
    assert len(tasks) == 2
    assert sorted(tasks) == [1, 2]
    with pytest.raises(KeyError):
        tasks[3]


def test_it_goes_with_the_last_who_holds_it() -> None:
    machine = machine_of(1)
    machine.handle([submitted(2, 1)], 0.0)
    assert machine.tasks[1].holds == 2
    assert not machine.handle([ev.Released((1,))], 0.0).instructions
    assert 1 in machine.tasks
    step = machine.handle([ev.Succeeded(2, 1, 1, 0.0)], 0.0)
    assert Forget(1) in step.instructions
    assert list(machine.tasks) == [2]
    machine.handle([ev.Released((1, 2))], 0.0)
    assert not machine.tasks


def test_what_matters_of_a_call_inside_it_is_kept() -> None:
    machine = machine_of()
    machine.handle([submitted(1, priority=-5.0)], 0.0)
    machine.handle([ev.Succeeded(1, 1, 1, 0.0)], 0.0)
    assert machine.tasks[1].priority == -5.0


def test_many_of_them_take_next_to_no_memory() -> None:
    def size(count: int) -> int:
        tracemalloc.start()
        machine = machine_of(*range(count))
        machine.tasks.shrink()
        kept = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return kept

    assert (size(4000) - size(1000)) / 3000 < 20  # bytes each
