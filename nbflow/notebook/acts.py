"""What can be done about a task, as the buttons of its panel. Pure: rows and details in, records out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nbflow.core.states import State
from nbflow.legible import shorten
from nbflow.notebook.verbs import Verb
from nbflow.numbers import name_of
from nbflow.wire.rows import TaskDetails, TaskRow

_LONGEST = 24  # characters of an app's name on a button


class Act(msgspec.Struct, frozen=True):
    """A button: what the page says (see `verbs`) of which tasks, or `line`: what it gives people to run in a cell.

    `main`: what most people want here.
    """

    label: str
    verb: str = ""
    tasks: list[int] = []
    main: bool = False
    line: str = ""


def acts(row: TaskRow, rows: Sequence[TaskRow], details: TaskDetails | None) -> list[Act]:
    """What can be done about the task `row`, among all `rows`; what most people want comes first."""
    if not row.state.ended:
        return [Act("Cancel", Verb.CANCEL, [row.id])]
    if row.state is State.DONE or details is None or not details.kept:
        return []
    root = None if row.root is None else next((other for other in rows if other.id == row.root), None)
    if root is not None and root.state.ended and root.state is not State.DONE:
        first = Act(
            f"Retry {shorten(root.app, _LONGEST)} and dependants", Verb.RETRY_ALL, [root.id], main=True
        )
        joined = row.state is State.FAILED  # by what it had called; its body can run again
        return [first, Act("Retry this one", Verb.RETRY, [row.id])] if joined else [first]
    found = [Act("Retry", Verb.RETRY, [row.id], main=True)]
    if any(other.root == row.id for other in rows):
        found.append(Act("Retry with dependants", Verb.RETRY_ALL, [row.id]))
    if row.state is State.FAILED:
        # a click cannot open a debugger's prompt: that belongs to a cell
        found.append(Act("Run here with debugger", line=f"%nbflow debug {name_of(row.id)}"))
    return found


def kept_no_more(row: TaskRow, details: TaskDetails | None) -> str:
    """Why a task that gave no value can not be tried again; empty for every other."""
    if row.state <= State.DONE or details is None or details.kept:
        return ""
    if row.part is not None:
        return "no: it runs items of a sweep, call those anew"
    return f"no: nobody holds the future of task {name_of(row.id)} any more"
