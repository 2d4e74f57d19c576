"""The magics `%%app` and `%nbflow`: what they are called, which options they take and what of them is wrong.

What a cell of definitions becomes is `execution`'s subject, how another one runs `running`'s, what the words of
`%nbflow` do `commands`'.
"""

# IPython's decorators and parser carry no types
# mypy: disable-error-code="untyped-decorator, no-untyped-call"

from __future__ import annotations

import argparse
import ast
import keyword
import re
from collections.abc import Callable
from typing import Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from nbflow.client.app import bash_app, join_app, python_app
from nbflow.client.options import Options, options_of
from nbflow.legible import nearest
from nbflow.notebook.cells import CellError, is_definitions, with_magic_as_comment
from nbflow.notebook.commands import COMMANDS, run_command, summary
from nbflow.notebook.errors import point_at
from nbflow.notebook.execution import (
    MAGIC,
    Decorator,
    define_functions,
    define_template,
    file_of_cell,
    parse,
)
from nbflow.notebook.plan import Chosen
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
    """What somebody calls something; IPython leaves quotation marks on it."""
    return text[1:-1] if text[:1] in ("'", '"') and text[-1:] == text[:1] else text


def executor(text: str) -> str:
    """The label of an executor."""
    if not (found := label(text)):
        raise argparse.ArgumentTypeError("the label of an executor is wanted")
    return found


def names(text: str) -> list[str]:
    """Names, with commas between them."""
    found = [name for name in text.replace(",", " ").split() if name]
    for name in found:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise argparse.ArgumentTypeError(f"names with commas between them are allowed, not {name!r}")
    return found


def _meant(refusal: str, parser: argparse.ArgumentParser) -> str:
    """What is said behind an option that there is not."""
    wrong = re.search(r"unrecognized arguments: (--[\w-]+)", refusal)
    near = nearest(wrong[1], parser._option_string_actions) if wrong else ""
    return f"did you mean `{near}`? `%%app?` tells all" if near else "`%%app?` tells what is allowed"


def word(text: str) -> str:
    """What a task is called."""
    found = label(text)
    if not found or not found.isprintable() or any(map(str.isspace, found)):
        raise argparse.ArgumentTypeError(f"a word that can be read is allowed, not {text!r}")
    return found


def _listed(given: list[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(dict.fromkeys(given))


def _arguments(chosen: Any) -> dict[str, Any]:
    """What of the magic's line is said of apps and tasks alike."""
    return {
        "cache": chosen.cache,
        "retries": chosen.retries,
        "walltime": chosen.walltime,
        "executors": chosen.executor or "all",
    }


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
        type=executor,
        action="append",
        metavar="L",
        help="run on the executor labelled L; repeatable",
    )
    @argument(
        "-i", "--inputs", type=names, action="extend", metavar="A,B", help="what a cell that runs reads"
    )
    @argument("-o", "--outputs", type=names, action="extend", metavar="C", help="what a cell that runs binds")
    @argument(
        "--no-infer", action="store_true", help="a cell that runs reads and binds what -i and -o say alone"
    )
    @argument("--name", type=word, metavar="NAME", help="what the task of a cell that runs is called")
    @argument(
        "signature", nargs="*", metavar="NAME(PARAMS)", help="with --bash: the cell is a shell template"
    )
    @cell_magic
    def app(self, line: str, cell: str) -> None:
        """Make an app of each function in the cell, or run the cell as one task in the background.

        A cell that defines a function, and beside it holds nothing but functions, imports, constants (assignments to
        names) and classes, defines apps; functions whose name begins with an underscore stay what they are.

        Any other cell runs as a task. What it reads is sent along as it is now, what it binds are futures at once,
        and the next cell can be run. What is read and bound is inferred; -i and -o say it.

        With --bash NAME(PARAMS) the cell is a shell script: {param} stands for the value of a parameter,
        {param!q} for the value quoted for the shell, a list for its items joined by spaces.
        """
        __tracebackhide__ = True  # an error of the cell shows the cell
        shell, places = self._tools.shell, self._tools.places
        chosen, signature = None, None
        try:
            options, signature = split_signature(line, len(MAGIC))
            chosen = self._chosen(options, signature)
            if signature is not None:
                self._refuse_names(chosen, "is a shell template")
                define_template(shell, cell, signature, self._decorator(chosen))
            elif chosen.bash or chosen.join or is_definitions(self._parsed(line, cell)):
                self._refuse_names(chosen, "only defines apps")
                define_functions(shell, line, cell, self._decorator(chosen))
            else:
                given = Chosen(
                    _listed(chosen.inputs), _listed(chosen.outputs), not chosen.no_infer, chosen.name or ""
                )
                self._tools.cells.run(line, cell, given, self._options(chosen))
        except CellError as error:
            if signature is None and chosen is not None and chosen.bash:
                error = CellError(
                    f"{error.message}. A cell that is a shell script has a name: `%%app --bash NAME()`",
                    *(error.line, error.column, error.end_column),
                )
            name = places.name(file_of_cell(shell))
            raise point_at(error, name, f"{MAGIC}{line}\n{cell}") from None

    def _parsed(self, line: str, cell: str) -> ast.Module:
        text = with_magic_as_comment(line, cell)
        return parse(self._tools.shell, text, file_of_cell(self._tools.shell, text))

    def _refuse_names(self, chosen: Any, what: str) -> None:
        """Options about names mean something for cells that run alone."""
        given = {
            "-i": chosen.inputs,
            "-o": chosen.outputs,
            "--no-infer": chosen.no_infer,
            "--name": chosen.name,
        }
        if found := [option for option, value in given.items() if value]:
            raise UsageError(f"%%app: {found[0]} is for a cell that runs as a task; this one {what}")

    def _chosen(self, options: str, signature: Signature | None) -> Any:
        try:
            chosen = parse_argstring(self.app, options)
        except (ValueError, UsageError) as error:  # an open quotation mark; an option or its value
            raise UsageError(f"%%app: {error} ({_meant(str(error), self.app.parser)})") from None
        if chosen.signature:
            raise UsageError(
                f"%%app takes options and, with --bash, NAME(PARAMS); not {' '.join(chosen.signature)!r}"
            )
        if chosen.bash and chosen.join:
            raise UsageError("%%app takes --bash or --join, not both")
        if signature and not chosen.bash:
            raise UsageError(f"%%app: {signature.name}(...) names a shell template; it needs --bash")
        return chosen

    @staticmethod
    def _decorator(chosen: Any) -> Decorator:
        make = bash_app if chosen.bash else join_app if chosen.join else python_app
        decorator: Decorator = make(**_arguments(chosen))
        return decorator

    @staticmethod
    def _options(chosen: Any) -> Options:
        return options_of("python", **_arguments(chosen))

    @magic_arguments()
    @argument("command", nargs="?", default="status", metavar="COMMAND", help=", ".join(COMMANDS))
    @argument("words", nargs=argparse.REMAINDER, metavar="WORD", help="what the command is about")
    @line_magic
    @described(f"Look at the flow and steer it.\n\n{summary()}")
    def nbflow(self, line: str) -> object:
        try:
            chosen = parse_argstring(self.nbflow, line)
        except ValueError as error:
            raise UsageError(f"%nbflow: {error}") from None
        return run_command(self._tools, chosen.command, chosen.words)
