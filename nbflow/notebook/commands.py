"""What the words of `%nbflow` do: one function a word."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from IPython.core.error import UsageError
from IPython.display import display

from nbflow.client import loading as client
from nbflow.client.kernel import DataFlowKernel
from nbflow.config import Config
from nbflow.core.states import State
from nbflow.executors import ProcessExecutor
from nbflow.legible import shorten
from nbflow.notebook.errors import WaitInterrupted
from nbflow.notebook.flows import loaded_flow, tasks, unended
from nbflow.notebook.status import Status, elapsed, many
from nbflow.numbers import name_of, number_of

if TYPE_CHECKING:
    from nbflow.notebook.display import Cards

    Command: TypeAlias = Callable[[Cards, DataFlowKernel, Sequence[str]], None]

NO_FLOW = "No flow is loaded: the first call of an app starts one, and so does `%nbflow start`."
BETWEEN_LOOKS = 0.05  # seconds
MOST_TOLD = 5  # tasks named one by one in a message


def run_command(cards: Cards, name: str, words: Sequence[str]) -> None:
    """Carry out `%nbflow NAME WORDS`.

    Raises UsageError where the name or a word is not known.
    """
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"; did you mean `%nbflow {near[0]}`?" if near else f"; it knows {', '.join(COMMANDS)}"
        raise UsageError(f"%nbflow does not know {name!r}{hint}")
    if words and name not in TAKE_WORDS:
        raise UsageError(f"%nbflow {name} stands alone; {' '.join(words)!r} is too much")
    flow = loaded_flow()
    if name == "start":
        start(flow, words)
    elif flow is None:
        print(NO_FLOW)
    else:
        WITH_FLOW[name](cards, flow, words)


def start(flow: DataFlowKernel | None, words: Sequence[str]) -> None:
    """Load the default flow, with so many workers as are named."""
    count = words[0] if words and list(words[1:]) in ([], ["worker"], ["workers"]) else " ".join(words)
    if words and not (count.isdecimal() and int(count) > 0):
        raise UsageError(f"%nbflow start takes a number of workers, from 1; not {count!r}")
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


def status(cards: Cards, flow: DataFlowKernel, words: Sequence[str]) -> None:
    """Show how many tasks are in which state."""
    rows, now = tasks(flow), flow.status()
    counts = dict(zip(State, now.counts, strict=True))
    took = elapsed(rows.values(), time.time())
    display(Status(flow.name, counts, now.workers, took, now.store))  # type: ignore[no-untyped-call]


def graph(cards: Cards, flow: DataFlowKernel, words: Sequence[str]) -> None:
    """Show the live graph."""
    from nbflow.notebook import widget  # the widgets' machinery takes its time to load

    display(widget.graph(flow))  # type: ignore[no-untyped-call]


def wait(cards: Cards, flow: DataFlowKernel, words: Sequence[str]) -> None:
    """Wait until all tasks ended, then bring what was displayed to its last state."""
    try:
        flow.wait_for_current_tasks()
        while _unended(flow):  # calls made inside of tasks, whose futures nobody holds here
            time.sleep(BETWEEN_LOOKS)
    except KeyboardInterrupt:
        raise WaitInterrupted(_unended(flow)) from None
    from nbflow.notebook import widget  # behind the waiting, which must be open to an interrupt at once

    cards.settle()
    widget.freeze_views(flow)
    counts = flow.counts()
    told = ", ".join(f"{counts[state]} {state.label}" for state in State if counts.get(state))
    print(f"{many(sum(counts.values()), 'task')}: {told}" if told else "There are no tasks yet.")
    failed = [row for row in tasks(flow).values() if row.state is State.FAILED]
    for row in failed[:MOST_TOLD]:
        print(f"  {row.state.sign} task {name_of(row.id)} `{shorten(row.app)}`: {shorten(row.note)}")
    if len(failed) > MOST_TOLD:
        print(f"  and {len(failed) - MOST_TOLD} more failed")


def cancel(cards: Cards, flow: DataFlowKernel, words: Sequence[str]) -> None:
    """Cancel the named tasks; without names, all that have not ended."""
    if not words:
        print(f"{many(flow.cancel_all(), 'task')} cancelled.")
        return
    going_on, known = unended(flow), {number: row.app for number, row in tasks(flow).items()}
    known |= going_on
    chosen = _chosen(known, going_on, words)
    done = [number for number in chosen if number in going_on and flow.cancel(number)]
    late = [number for number in chosen if number not in done]
    for said, numbers in (("Cancelled", done), ("Had ended before", late)):
        if numbers:
            print(f"{said}: {_listed(numbers, known)}.")
    if not chosen:
        print("None of them is waiting or running.")


def clear(cards: Cards, flow: DataFlowKernel, words: Sequence[str]) -> None:
    """End the default flow: its tasks, its workers and its scheduler."""
    left = _unended(flow)
    client.clear()
    print("The flow has ended" + (f", and with it {many(left, 'task')} that had not." if left else "."))


def _workers(flow: DataFlowKernel) -> int:
    return sum(executor.workers for executor in flow.executors.values())


def _unended(flow: DataFlowKernel) -> int:
    return sum(number for state, number in flow.counts().items() if not state.ended)


def _chosen(known: Mapping[int, str], going_on: Mapping[int, str], words: Sequence[str]) -> list[int]:
    """The tasks that the words name: one by its number, all unended ones of an app by the app's name."""
    chosen: list[int] = []
    for word in " ".join(words).replace(",", " ").split():
        if (number := number_of(word)) is not None and number in known:
            chosen.append(number)
        elif word in known.values():
            chosen += [number for number, app in going_on.items() if app == word]
        else:
            raise UsageError(_unknown(word, known))
    return list(dict.fromkeys(chosen))


def _unknown(word: str, known: Mapping[int, str]) -> str:
    apps = sorted(set(known.values()))
    near = difflib.get_close_matches(word, apps, n=1)
    if near:
        return f"there is no task or app {word!r}; did you mean {near[0]!r}?"
    if not known:
        return f"there is no task {word!r}: nothing has been called yet"
    last = name_of(list(known)[-1])
    named = shorten(", ".join(apps), 500)
    return f"there is no task or app {word!r}; the last task is {last}, apps are {named}"


def _listed(numbers: Sequence[int], known: Mapping[int, str]) -> str:
    told = ", ".join(f"{name_of(number)} `{shorten(known[number])}`" for number in numbers[:MOST_TOLD])
    more = f" and {len(numbers) - MOST_TOLD} more" if len(numbers) > MOST_TOLD else ""
    return f"{'tasks' if len(numbers) > 1 else 'task'} {told}{more}"


WITH_FLOW: dict[str, Command] = {
    "status": status,
    "graph": graph,
    "wait": wait,
    "cancel": cancel,
    "clear": clear,
}
COMMANDS = ("start", *WITH_FLOW)
TAKE_WORDS = frozenset({"start", "cancel"})
