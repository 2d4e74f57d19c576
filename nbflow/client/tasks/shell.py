"""Commands of bash apps: run by bash, judged by their exit code."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Protocol

from nbflow.errors import AppBadFormatting, BashAppNoReturn, BashExitFailure, describe

# bytes of a command that goes as an argument: an operating system takes some 128 KiB in one
LONGEST = 100_000


class Outlets(Protocol):
    """Where the output of a task goes now."""

    def run(self, command: list[str]) -> int:
        """Run a command whose output goes there, too, behind what the task itself has printed; gives its exit code."""

    def last_words(self) -> str:
        """The end of what has been printed up to now, best of standard error."""


def run(app: str, make: Callable[[], Any], outlets: Outlets) -> int:
    """Run the command that the app's function makes, without standard input; gives 0. Its output goes to `outlets`.

    Raises:
        AppBadFormatting: making it raised an `IndexError`, as a template without enough values does.
        BashAppNoReturn: it is not a command.
        BashExitFailure: another exit code than 0.
        Exception: what the app's function raised.
    """
    try:
        command = make()
    except IndexError as error:
        raise AppBadFormatting(
            f"the command of bash app {app} cannot be put together: {describe(error)}"
        ).with_traceback(error.__traceback__) from error
    if not isinstance(command, str) or not command.strip():
        shown = repr(command)
        raise BashAppNoReturn(
            f"bash app {app} must return a command as a string, it returned "
            f"{shown if len(shown) < 100 else type(command).__name__}"
        )
    with ExitStack() as stack:
        started = ["/bin/bash", "-c", command]
        if len(command.encode("utf-8", "surrogateescape")) > LONGEST:
            script = stack.enter_context(
                tempfile.NamedTemporaryFile("w", suffix=".sh", errors="surrogateescape")
            )
            script.write(command)
            script.flush()
            started = ["/bin/bash", script.name]
        code = outlets.run(started)
    if code:
        raise BashExitFailure(app, code, outlets.last_words())
    return 0
