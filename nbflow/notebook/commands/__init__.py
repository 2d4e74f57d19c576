"""The words of `%nbflow`: all of them, and how one is carried out."""

from __future__ import annotations

from collections.abc import Sequence

from IPython.core.error import UsageError

from nbflow.legible import nearest
from nbflow.notebook.commands import again, cells, failures, here, progress, steering, sweeping
from nbflow.notebook.commands.command import Command
from nbflow.notebook.flows import NoFlow
from nbflow.notebook.tools import Tools

NO_FLOW = "No flow is loaded: the first call of an app starts one, and so does `%nbflow start`."
GROUPS = (
    steering.COMMANDS,
    again.COMMANDS,
    here.COMMANDS,
    failures.COMMANDS,
    sweeping.COMMANDS,
    cells.COMMANDS,
    progress.COMMANDS,
)
COMMANDS: dict[str, Command] = {command.name: command for group in GROUPS for command in group}


def run_command(tools: Tools, name: str, words: Sequence[str]) -> object:
    """Carry out `%nbflow NAME WORDS`; gives back what becomes the cell's value, mostly nothing.

    Raises UsageError where the name or a word is not known.
    """
    command = COMMANDS.get(name)
    if command is None:
        near = nearest(name, COMMANDS)
        hint = f"; did you mean `%nbflow {near}`?" if near else f"; it knows {', '.join(COMMANDS)}"
        raise UsageError(f"%nbflow does not know {name!r}{hint}")
    if words and not command.usage:
        raise UsageError(f"%nbflow {name} stands alone; {' '.join(words)!r} is too much")
    try:
        return command.act(tools, words)
    except NoFlow:
        print(NO_FLOW)
        return None


def summary() -> str:
    """A line for each command: what it takes, what it does."""
    heads = [f"%nbflow {command.name} {command.usage}".rstrip() for command in COMMANDS.values()]
    room = max(map(len, heads)) + 2
    return "\n".join(
        f"{head:{room}}{command.help}" for head, command in zip(heads, COMMANDS.values(), strict=True)
    )
