"""The command that tells all of a failure: `%nbflow traceback`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from IPython.display import display

from nbflow.client.flow.kernel import DataFlowKernel
from nbflow.core.states import State
from nbflow.legible import shorten
from nbflow.notebook.card import Card
from nbflow.notebook.commands.choosing import MOST_TOLD, chosen
from nbflow.notebook.commands.command import Command
from nbflow.notebook.flows import loaded_flow, tasks, the_flow
from nbflow.notebook.telling import full
from nbflow.notebook.tools import Tools
from nbflow.numbers import name_of
from nbflow.wire.rows import TaskRow


def traceback(tools: Tools, words: Sequence[str]) -> None:
    """Show the whole tracebacks of the named tasks; without names, that of the last one that failed."""
    flow = the_flow()
    rows = tasks(flow)
    failed = {number: row.app for number, row in rows.items() if _has_failed(row)}
    if words:
        numbers = chosen({number: row.app for number, row in rows.items()}, failed, words)
    else:
        numbers = sorted(failed, key=lambda number: rows[number].ended)[-1:]
    if not numbers:
        print("No task has failed." if not failed else "None of them has failed.")
    for number in numbers[:MOST_TOLD]:
        _tell(flow, rows, number)
    if len(numbers) > MOST_TOLD:
        print(f"and {len(numbers) - MOST_TOLD} more")


def _has_failed(row: TaskRow) -> bool:
    """Whether there is a traceback of it: also of a chunk of a sweep with items that failed."""
    return row.state is State.FAILED or row.failed > 0


def _tell(flow: DataFlowKernel, rows: Mapping[int, TaskRow], number: int) -> None:
    row = rows[number]
    if row.state is State.SKIPPED and row.root is not None and row.root in rows:
        root = rows[row.root]
        print(
            f"task {name_of(number)} `{row.app}` was skipped because task {name_of(root.id)} `{root.app}` failed:"
        )
        row = root
    facts = flow.facts_of(row.id)
    if not _has_failed(row) or facts is None:
        print(f"task {name_of(row.id)} `{row.app}` has not failed: it is {row.state.label}.")
        return
    details = facts.details
    before = details.failures[:-1] if row.part is None else details.failures[1:]
    parts = [full(row.note, details.traceback, details.output)]
    if before:
        heading = "Earlier attempts:" if row.part is None else "Other items:"
        parts += ["", heading, *(f"  {shorten(line)}" for line in before)]
    lines = "\n".join(parts).split("\n")
    card = Card(row.id, row.app, State.FAILED, row.detail, row.note, lines)
    display(card.bundle(), raw=True)  # type: ignore[no-untyped-call]


def _offered() -> Sequence[str]:
    flow = loaded_flow()
    failed = [] if flow is None else [row for row in tasks(flow).values() if _has_failed(row)]
    return [*dict.fromkeys(row.app for row in failed), *(name_of(row.id) for row in failed)]


COMMANDS = (
    Command(
        "traceback",
        traceback,
        "the whole traceback of failed tasks, by number or by their app's name; without any, of the last one",
        usage="[TASK...]",
        complete=_offered,
    ),
)
