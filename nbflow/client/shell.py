"""Commands of bash apps: run by bash, judged by their exit code."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Protocol

from nbflow.errors import BashAppNoReturn, BashExitFailure

LAST_WORDS = 500  # characters of output that an error quotes


class Outlets(Protocol):
    """Where the output of a task goes now."""

    def read(self) -> str:
        """What has been printed up to now."""

    def start(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Start a command whose output goes there, too."""


def run(app: str, command: Any, outlets: Outlets, quote: bool) -> int:
    """Run what the app's function returned; gives 0. Output goes where the worker's goes now.

    Raises:
        BashAppNoReturn: it is not a command.
        BashExitFailure: another exit code than 0. `quote`: it says what the command printed last.
    """
    if not isinstance(command, str) or not command.strip():
        raise BashAppNoReturn(f"bash app {app} must return a command as a string, it returned {command!r}")
    sys.stdout.flush()
    sys.stderr.flush()
    code = outlets.start(["/bin/bash", "-c", command]).wait()
    if code:
        raise BashExitFailure(app, code, outlets.read()[-LAST_WORDS:].strip() if quote else "")
    return 0
