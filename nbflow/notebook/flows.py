"""Which flow the notebook speaks of, and what it knows of its tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from nbflow.client.flow import loading
from nbflow.client.flow.kernel import DataFlowKernel
from nbflow.core.states import State
from nbflow.errors import NoDataFlowKernelError
from nbflow.notebook.marks import tally_of
from nbflow.wire.rows import TaskRow


def loaded_flow() -> DataFlowKernel | None:
    """The default flow; None where none is loaded."""
    try:
        return loading.dfk()
    except NoDataFlowKernelError:
        return None


class NoFlow(Exception):
    """No flow is loaded where one is asked for."""


def the_flow() -> DataFlowKernel:
    """The default flow; raises NoFlow where none is loaded."""
    flow = loaded_flow()
    if flow is None:
        raise NoFlow
    return flow


def tasks(flow: DataFlowKernel) -> dict[int, TaskRow]:
    """What is known of each task, in the order of submission; at most some 50 ms old."""
    return flow.rows()


def counts_of(rows: Iterable[TaskRow]) -> Counter[State]:
    """How many tasks are in each state; the items of sweeps count in the place of the tasks that run them."""
    counts: Counter[State] = Counter()
    for row in rows:
        if row.part is None:
            counts[row.state] += 1
        else:
            for state, number in tally_of(row, row.state):
                counts[State(state)] += number
    return counts


def unended(flow: DataFlowKernel) -> dict[int, str]:
    """Number and app of each task that has not ended: this process's own, and those called inside of tasks."""
    own = {number: future.app_name for number, future in flow.calls.pending.copy().items()}
    inner = {
        row.id: row.app for row in tasks(flow).values() if row.parent is not None and not row.state.ended
    }
    return own | inner
