"""Of what becomes ready, a worker is sent its share of all there is ahead, and no more."""

from __future__ import annotations

from nbflow.core import events as ev
from nbflow.core.instructions import Launch
from nbflow.core.task import Step
from tests.core.test_one_more import two_workers

TOOK = 0.0002  # seconds


def launched(step: Step) -> dict[int, list[int]]:
    """Which tasks went to each worker."""
    found: dict[int, list[int]] = {}
    for instruction in step.instructions:
        if isinstance(instruction, Launch):
            found.setdefault(instruction.worker, []).append(instruction.task)
    return found


def test_one_that_has_work_leaves_what_its_task_made_ready_to_one_that_has_none() -> None:
    machine = two_workers(TOOK)
    chain = [ev.Submitted(2, "a"), ev.Submitted(3, "a", (2,)), ev.Submitted(4, "a", (3,))]
    ((busy, tasks),) = launched(
        machine.handle([*chain, *(ev.Submitted(n, "a", (2,)) for n in (5, 6))], 1.0)
    ).items()
    assert tasks == [2, 3, 4], "5 and 6 wait for an idle worker to be of use"
    step = machine.handle([ev.Succeeded(2, 1, busy, TOOK)], 1.0 + TOOK)
    assert launched(step) == {3 - busy: [5, 6]}


def test_a_bag_is_shared_out_evenly() -> None:
    machine = two_workers(TOOK)
    first = launched(machine.handle([ev.Submitted(n, "a") for n in range(2, 12)], 1.0))
    assert sorted(map(len, first.values())) == [5, 5]


def test_one_that_has_none_left_is_given_something_though_others_have_little() -> None:
    machine = two_workers(TOOK)
    shares = launched(machine.handle([ev.Submitted(n, "a") for n in range(2, 6)], 1.0))
    worker, (first, second) = next(iter(shares.items()))
    step = machine.handle(
        [ev.Succeeded(first, 1, worker, TOOK), ev.Succeeded(second, 1, worker, TOOK), ev.Submitted(6, "a")],
        1.1,
    )
    assert launched(step) == {worker: [6]}
