"""The command that says whether cells get a live line: progress."""

from __future__ import annotations

from collections.abc import Sequence

from IPython.core.error import UsageError

from nbflow.notebook.commands.command import Command
from nbflow.notebook.lines import MODES
from nbflow.notebook.tools import Tools

_MEANS = {
    "on": "each cell that submits tasks gets a line that tells how they stand",
    "off": "no cell gets a line of its own",
    "auto": "a cell gets a line where a page may show it, if its tasks take longer than half a second",
}


def progress(tools: Tools, words: Sequence[str]) -> None:
    """Say whether cells that submit tasks get a live line, or how that stands."""
    if len(words) > 1 or (words and words[0] not in MODES):
        raise UsageError(
            f"%nbflow progress takes {', '.join(MODES[:-1])} or {MODES[-1]}; not {' '.join(words)!r}"
        )
    if words:
        tools.lines.mode = words[0]
    print(f"Progress is {tools.lines.mode}: {_MEANS[tools.lines.mode]}.")


COMMANDS = (
    Command(
        "progress",
        progress,
        "whether a cell that submits tasks gets a live line",
        usage="[on|off|auto]",
        complete=lambda: MODES,
    ),
)
