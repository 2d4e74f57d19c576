"""The magics `%%app` and `%nbflow`: what they are called, which options they take and what of them is wrong.

What an `%%app` cell becomes is `execution`'s subject, what the words of `%nbflow` do is `commands`'.
"""

# IPython's decorators and parser carry no types
# mypy: disable-error-code="untyped-decorator, no-untyped-call"

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from nbflow.client.app import bash_app, join_app, python_app
from nbflow.notebook.cells import CellError
from nbflow.notebook.commands import COMMANDS, run_command, summary
from nbflow.notebook.errors import point_at
from nbflow.notebook.execution import MAGIC, Decorator, define_functions, define_template, file_of_cell
from nbflow.notebook.templates import Signature, split_signature
from nbflow.notebook.tools import Tools


def tries(text: str) -> int:
    """A number of retries: 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a whole number from 0 is allowed, not {text!r}")
    return int(text)


def duration(text: str) -> float:
    """A time in seconds, more than 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"a number of seconds above 0 is allowed, not {text!r}")
    return seconds


def label(text: str) -> str:
    """The label of an executor; IPython leaves quotation marks on it."""
    return text[1:-1] if text[:1] in ("'", '"') and text[-1:] == text[:1] else text


Function = TypeVar("Function", bound=Callable[..., object])


def described(text: str) -> Callable[[Function], Function]:
    """Give a function a docstring that is put together."""

    def describe(function: Function) -> Function:
        function.__doc__ = text
        return function

    return describe


@magics_class
class FlowMagics(Magics):
    """nbflow's magics in one shell."""

    def __init__(self, tools: Tools) -> None:
        super().__init__(tools.shell)
        self._tools = tools

    @no_var_expand  # `$name` and `{name}` are for the cell, not for IPython
    @magic_arguments()
    @argument("--bash", action="store_true", help="the functions return shell commands; or see NAME(PARAMS)")
    @argument("--join", action="store_true", help="the functions call apps and return their futures")
    @argument("--cache", action="store_true", help="a call that was made before is recalled, not run again")
    @argument("--retries", type=tries, metavar="N", help="run a failed task up to N times more")
    @argument("--walltime", type=duration, metavar="S", help="end a task that runs longer than S seconds")
    @argument(
        "--executor",
        type=label,
        action="append",
        metavar="L",
        help="run on the executor labelled L; repeatable",
    )
    @argument(
        "signature", nargs="*", metavar="NAME(PARAMS)", help="with --bash: the cell is a shell template"
    )
    @cell_magic
    def app(self, line: str, cell: str) -> None:
        """Make an app of each function in the cell.

        Imports, constants (assignments to names), classes and functions whose name begins with an underscore
        stay what they are; anything else is refused.

        With --bash NAME(PARAMS) the cell is a shell script: {param} stands for the value of a parameter,
        {param!q} for the value quoted for the shell, a list for its items joined by spaces.
        """
        __tracebackhide__ = True  # an error of the cell shows the cell
        try:
            options, signature = split_signature(line, len(MAGIC))
            decorator = self._decorator(options, signature)
            if signature is None:
                define_functions(self._tools.shell, line, cell, decorator)
            else:
                define_template(self._tools.shell, cell, signature, decorator)
        except CellError as error:
            name = self._tools.places.name(file_of_cell(self._tools.shell))
            raise point_at(error, name, f"{MAGIC}{line}\n{cell}") from None

    def _decorator(self, options: str, signature: Signature | None) -> Decorator:
        try:
            chosen = parse_argstring(self.app, options)
        except (ValueError, UsageError) as error:  # an open quotation mark; an option or its value
            raise UsageError(f"%%app: {error} (`%%app?` tells what is allowed)") from None
        if chosen.signature:
            raise UsageError(
                f"%%app takes options and, with --bash, NAME(PARAMS); not {' '.join(chosen.signature)!r}"
            )
        if chosen.bash and chosen.join:
            raise UsageError("%%app takes --bash or --join, not both")
        if signature and not chosen.bash:
            raise UsageError(f"%%app: {signature.name}(...) names a shell template; it needs --bash")
        given: dict[str, Any] = {
            "cache": chosen.cache,
            "retries": chosen.retries,
            "walltime": chosen.walltime,
            "executors": chosen.executor or "all",
        }
        make = bash_app if chosen.bash else join_app if chosen.join else python_app
        decorator: Decorator = make(**given)
        return decorator

    @no_var_expand
    @magic_arguments()
    @argument("command", nargs="?", default="status", metavar="COMMAND", help=", ".join(COMMANDS))
    @argument("words", nargs=argparse.REMAINDER, metavar="WORD", help="what the command is about")
    @line_magic
    @described(f"Look at the flow and steer it.\n\n{summary()}")
    def nbflow(self, line: str) -> None:
        try:
            chosen = parse_argstring(self.nbflow, line)
        except ValueError as error:
            raise UsageError(f"%nbflow: {error}") from None
        run_command(self._tools, chosen.command, chosen.words)
