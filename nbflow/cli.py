"""The command `nbflow`: what stands on its command line, and its exit code.

What the demo does is in `demo`, what is said of flows in `listing`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from nbflow import __version__, demo, listing

RULES = Path(__file__).parent / "notebook" / "static" / "nbval.cfg"
"""For nbval: what of nbflow's output differs from run to run."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="nbflow",
        description="A Jupyter workflow kit: task graphs from plain calls, with a live picture.",
    )
    top.add_argument("--version", action="version", version=f"nbflow {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    show = commands.add_parser(
        "demo",
        help="run the demo notebook: a sweep of some 80 tasks over handwritten digits",
        description="Run the demo notebook without a browser, show in a line how far it is, and write it out "
        "twice: as a notebook and as a page, both with the finished task graph in them.",
    )
    show.add_argument("--lab", action="store_true", help="open it in JupyterLab instead of running it here")
    show.add_argument(
        "--output",
        type=Path,
        default=Path("demo-output"),
        metavar="DIR",
        help="where to write (default: %(default)s)",
    )
    show.add_argument(
        "--timeout",
        type=_seconds,
        default=600.0,
        metavar="S",
        help="give up after so many seconds (default: %(default)g)",
    )
    flows = commands.add_parser(
        "flows",
        help="list the flows of yours that are running on this machine",
        description="List the flows of yours that are running on this machine: the process that has loaded each, "
        "how long it has been there, its workers, and how its tasks stand.",
    )
    flows.add_argument("--json", action="store_true", help="as JSON, with all that is known of each")
    end = commands.add_parser(
        "end",
        help="cancel all tasks of a flow and end it",
        description="Cancel all tasks of a running flow of yours and end it. The process that has loaded it goes on.",
    )
    end.add_argument(
        "flow", metavar="FLOW|PROCESS", help="as `nbflow flows` shows it; an id may be cut short"
    )
    commands.add_parser(
        "nbval",
        help="print where the rules are with which nbval compares notebooks that use nbflow",
        description="Print the path of a file that says what differs from run to run in what nbflow shows: times, "
        'processes, ids. pytest --nbval --nbval-sanitize-with "$(nbflow nbval)" NOTEBOOK compares all else.',
    )
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0 done, 1 it failed, 2 it could not start, 130 stopped."""
    options = parser().parse_args(arguments)
    if options.command == "flows":
        return listing.list_flows(options.json)
    if options.command == "end":
        return listing.end_flow(options.flow)
    if options.command == "nbval":
        print(RULES)
        return 0
    try:
        if options.lab:
            demo.open_lab(options.output)
        return demo.run(options.output, options.timeout)
    except demo.CannotStart as error:
        print(f"nbflow: {error}", file=sys.stderr)
        return 2


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds
