"""The commands about cells that run as tasks: cells, run."""

from __future__ import annotations

from collections.abc import Sequence

from IPython.core.error import UsageError
from IPython.display import display

from nbflow.errors import NbflowError, describe
from nbflow.notebook.commands.command import Command
from nbflow.notebook.staleness import Standing, standings
from nbflow.notebook.status import many
from nbflow.notebook.table import CellTable
from nbflow.notebook.tools import Tools

NONE = "No cell has run as a task yet: `%%app` above a cell that is not only definitions runs it as one."


def cells(tools: Tools, words: Sequence[str]) -> None:
    """Show how each cell stands."""
    found = _standings(tools)
    if not found:
        print(NONE)
        return
    display(CellTable(sorted(found, key=lambda one: one.run.sent.number)))  # type: ignore[no-untyped-call]


def run(tools: Tools, words: Sequence[str]) -> None:
    """Run the cells again that are not up to date."""
    if list(words) != ["--stale"]:
        raise UsageError("%nbflow run takes --stale: the cells that are not up to date, see `%nbflow cells`")
    found = _standings(tools)
    if not found:
        print(NONE)
        return
    due = [one for one in found if one.due]
    begun, refused = [], []
    for one in due:  # behind those it needs: it is given their new futures, and waits for them
        try:
            tools.cells.again(one.run)
            begun.append(one.run.sent.label)
        except (NbflowError, UsageError) as error:
            refused.append(f"{one.run.sent.label} cannot be run again: {describe(error)}")
    if not due:
        print("All cells are up to date.")
    if begun:
        print(f"{many(len(begun), 'cell')} again: {', '.join(begun)}.")
    for line in refused:
        print(line)


def _standings(tools: Tools) -> list[Standing]:
    return standings(tools.cells.runs, tools.shell.user_ns)


COMMANDS = (
    Command("cells", cells, "which cells that ran as tasks are up to date, and why not"),
    Command(
        "run",
        run,
        "run the cells again that are not up to date, or failed",
        usage="--stale",
        complete=lambda: ["--stale"],
    ),
)
