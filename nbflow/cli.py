"""The command `nbflow`: what stands on its command line, and its exit code. What the demo does is in demo.py."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from nbflow import __version__, demo


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
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0 done, 1 the notebook failed, 2 it could not start, 130 stopped."""
    options = parser().parse_args(arguments)
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
