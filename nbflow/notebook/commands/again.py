"""The command that has tasks tried again which ended without a value: retry."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from IPython.core.error import UsageError

from nbflow.core.states import State
from nbflow.notebook.commands.choosing import MOST_TOLD, chosen, listed
from nbflow.notebook.commands.command import Command
from nbflow.notebook.flows import loaded_flow, tasks, the_flow
from nbflow.notebook.status import many
from nbflow.notebook.tools import Tools
from nbflow.wire.rows import TaskRow

DEPENDANTS = "--dependants"
_BY_THEMSELVES = (State.FAILED, State.SKIPPED)
_WITHOUT_VALUE = (*_BY_THEMSELVES, State.CANCELLED)


def retry(tools: Tools, words: Sequence[str]) -> None:
    """Try the named tasks again; without names, all that failed or were skipped."""
    flow = the_flow()
    named = [word for word in words if word != DEPENDANTS]
    if wrong := [word for word in named if word.startswith("-")]:
        raise UsageError(f"%nbflow retry takes tasks and {DEPENDANTS}; not {wrong[0]!r}")
    rows = tasks(flow)
    known = {number: row.app for number, row in rows.items()}
    if named:
        numbers = chosen(known, without_value(rows), named)
        retrial = flow.retry_all(numbers, DEPENDANTS in words)
    else:
        retrial = flow.retry_all(_wanted(rows, tools.cells.withdrawn))
    if retrial.tasks:
        print(f"Tried again: {listed(retrial.tasks, known)}.")
    refused = list(retrial.refused.values()) if named else []
    for reason in refused[:MOST_TOLD]:
        print(f"Not tried again: {reason}.")
    if len(refused) > MOST_TOLD:
        print(f"Not tried again either: {len(refused) - MOST_TOLD} more.")
    if not retrial.tasks and not refused:
        print("None of them has failed, was skipped or cancelled." if named else "No task has failed.")
        if not named and (items := sum(row.failed for row in rows.values())):
            print(
                f"{many(items, 'item')} of sweeps did: map over them anew, sweep.errors() has them by index."
            )


def _wanted(rows: dict[int, TaskRow], withdrawn: Collection[int]) -> list[int] | None:
    """All that failed or were skipped, None, but for runs of cells that were run again since."""
    failed = [number for number, row in rows.items() if row.state in _BY_THEMSELVES and row.part is None]
    wanted = [number for number in failed if number not in withdrawn]
    return wanted if len(wanted) < len(failed) else None


def without_value(rows: dict[int, TaskRow]) -> dict[int, str]:
    """The tasks that ended without a value, by number, with their apps."""
    return {number: row.app for number, row in rows.items() if row.state in _WITHOUT_VALUE}


def _offered() -> Sequence[str]:
    flow = loaded_flow()
    failed = {} if flow is None else without_value(tasks(flow))
    return [*dict.fromkeys(failed.values()), *map(str, failed), DEPENDANTS]


COMMANDS = (
    Command(
        "retry",
        retry,
        "try tasks again that ended without a value, with what was skipped for them; without any, all that failed",
        usage=f"[TASK...] [{DEPENDANTS}]",
        complete=_offered,
    ),
)
