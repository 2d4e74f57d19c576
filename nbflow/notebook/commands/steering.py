"""The commands that look at the flow and steer it: start, status, graph, freeze, wait, cancel, clear."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from IPython.core.error import UsageError
from IPython.display import display

from nbflow.client.flow import loading as client
from nbflow.client.flow.kernel import DataFlowKernel
from nbflow.client.sweeps.sweep import Sweep
from nbflow.config import Config
from nbflow.core.states import State
from nbflow.executors import ProcessExecutor
from nbflow.legible import shorten
from nbflow.notebook.commands.choosing import MOST_TOLD, chosen, listed
from nbflow.notebook.commands.command import Command
from nbflow.notebook.commands.saving import freeze
from nbflow.notebook.errors import WaitInterrupted
from nbflow.notebook.flows import counts_of, loaded_flow, tasks, the_flow, unended
from nbflow.notebook.fold import AUTO, LAYOUTS
from nbflow.notebook.status import Status, elapsed, many
from nbflow.notebook.tools import Tools
from nbflow.numbers import name_of
from nbflow.wire.rows import TaskRow

BETWEEN_LOOKS = 0.05  # seconds


def start(tools: Tools, words: Sequence[str]) -> None:
    """Load the default flow, with so many workers as are named."""
    count = words[0] if words and list(words[1:]) in ([], ["worker"], ["workers"]) else " ".join(words)
    if words and not (count.isdecimal() and int(count) > 0):
        raise UsageError(f"%nbflow start takes a number of workers, from 1; not {count!r}")
    flow = loaded_flow()
    if flow is None:
        flow = client.load(Config(executors=[ProcessExecutor(max_workers=int(count))]) if words else None)
        print(f"The flow has started, with {many(_workers(flow), 'worker')}.")
        return
    running = _workers(flow)
    if words and int(count) != running:
        raise UsageError(
            f"the flow runs already, with {many(running, 'worker')}: "
            f"`%nbflow clear` ends it, then `%nbflow start {count}` starts another"
        )
    print(f"The flow runs already, with {many(running, 'worker')}.")


def status(tools: Tools, words: Sequence[str]) -> None:
    """Show how many tasks are in which state."""
    flow = the_flow()
    rows, now = tasks(flow), flow.status()
    counts = counts_of(rows.values())
    took = elapsed(rows.values(), time.time())
    display(Status(flow.name, counts, now.workers, took, now.store))  # type: ignore[no-untyped-call]


def graph(tools: Tools, words: Sequence[str]) -> None:
    """Show the live graph, in the named layout."""
    layout = " ".join(words) or AUTO
    if layout not in LAYOUTS:
        raise UsageError(f"%nbflow graph takes one of {', '.join(LAYOUTS)}; not {layout!r}")
    from nbflow.notebook import widget  # the widgets' machinery takes its time to load

    display(widget.graph(layout=layout))  # type: ignore[no-untyped-call]


def wait(tools: Tools, words: Sequence[str]) -> None:
    """Wait until all tasks ended, then bring what was displayed to its last state."""
    flow = the_flow()
    try:
        flow.wait_for_current_tasks()
        while _unended(flow):  # calls made inside of tasks, whose futures nobody holds here
            time.sleep(BETWEEN_LOOKS)
    except KeyboardInterrupt:
        raise WaitInterrupted(_unended(flow)) from None
    from nbflow.notebook import widget  # behind the waiting, which must be open to an interrupt at once

    tools.cards.settle()
    tools.lines.settle()
    widget.freeze_unattended(flow)
    rows = tasks(flow).values()
    counts = counts_of(rows)
    told = ", ".join(f"{counts[state]} {state.label}" for state in State if counts[state])
    print(f"{many(counts.total(), 'task')}: {told}" if told else "There are no tasks yet.")
    failed = [row for row in rows if row.state is State.FAILED or row.failed]
    for row in failed[:MOST_TOLD]:
        print(f"  {State.FAILED.sign} {_failure(row)}")
    if len(failed) > MOST_TOLD:
        print(
            f"  and {counts[State.FAILED] - sum(row.failed or 1 for row in failed[:MOST_TOLD])} more failed"
        )


def _failure(row: TaskRow) -> str:
    """Who failed and with what, in a line."""
    who = f"task {name_of(row.id)} `{shorten(row.app)}`"
    if row.part is None or row.state is State.FAILED:
        return f"{who}: {shorten(row.note)}"
    first, last = row.part.first, row.part.first + row.part.count - 1
    among = f"item {first}" if first == last else f"{row.failed} of the items {first} to {last}"
    return f"{who}: {among} failed; its sweep's errors() has all errors"


def cancel(tools: Tools, words: Sequence[str]) -> None:
    """Cancel the named tasks; without names, all that have not ended."""
    flow = the_flow()
    if not words:
        sweeps = flow.calls.sweeps.copy()
        before = _cancelled(sweeps)
        whole = many(flow.cancel_all(), "task")
        items = _cancelled(sweeps) - before
        print(f"{whole} and {many(items, 'item')} of sweeps cancelled." if items else f"{whole} cancelled.")
        return
    going_on, known = unended(flow), {number: row.app for number, row in tasks(flow).items()}
    known |= going_on
    numbers = chosen(known, going_on, words)
    done = [number for number in numbers if number in going_on and flow.cancel(number)]
    late = [number for number in numbers if number not in done]
    for said, told in (("Cancelled", done), ("Had ended before", late)):
        if told:
            print(f"{said}: {listed(told, known)}.")
    if not numbers:
        print("None of them is waiting or running.")


def clear(tools: Tools, words: Sequence[str]) -> None:
    """End the default flow: its tasks, its workers and its scheduler."""
    flow = the_flow()
    left = _unended(flow)
    client.clear()
    print("The flow has ended" + (f", and with it {many(left, 'task')} that had not." if left else "."))


def _cancelled(sweeps: Iterable[Sweep]) -> int:
    """How many of their items were."""
    return sum(sweep.counts()[State.CANCELLED] for sweep in sweeps)


def _workers(flow: DataFlowKernel) -> int:
    return sum(executor.workers for executor in flow.executors.values())


def _unended(flow: DataFlowKernel) -> int:
    return sum(number for state, number in flow.counts().items() if not state.ended)


def _offered_to_cancel() -> Sequence[str]:
    flow = loaded_flow()
    going_on = {} if flow is None else unended(flow)
    return [*dict.fromkeys(going_on.values()), *map(str, going_on)]


COMMANDS = (
    Command("start", start, "start a flow, with N workers (by default one per core)", usage="[N]"),
    Command("status", status, "how many tasks are in which state; the same as %nbflow alone"),
    Command(
        "graph",
        graph,
        "the live graph; in LAYOUT: auto, nodes, blocks, apps or dot",
        usage="[LAYOUT]",
        complete=lambda: LAYOUTS,
    ),
    Command("freeze", freeze, "put pictures in the place of live views, to be saved with the notebook"),
    Command("wait", wait, "wait until all tasks ended; Interrupt ends the waiting, not the tasks"),
    Command(
        "cancel",
        cancel,
        "cancel tasks by number or by their app's name; without any, all of them",
        usage="[TASK...]",
        complete=_offered_to_cancel,
    ),
    Command("clear", clear, "end the flow and its workers"),
)
