"""Commands of bash apps: run by bash, judged by their exit code."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from nbflow.errors import BashAppNoReturn, BashExitFailure
from nbflow.worker.capture import Capture

LAST_WORDS = 500  # characters of output that an error quotes


def run(app: str, command: Any, capture: Capture, quote: bool) -> int:
    """Run what the app's function returned; gives 0. Output goes where the worker's goes now.

    Raises:
        BashAppNoReturn: it is not a command.
        BashExitFailure: another exit code than 0. `quote`: it says what the command printed last.
    """
    if not isinstance(command, str) or not command.strip():
        raise BashAppNoReturn(f"bash app {app} must return a command as a string, it returned {command!r}")
    sys.stdout.flush()
    sys.stderr.flush()
    code = subprocess.run(["/bin/bash", "-c", command], stdin=subprocess.DEVNULL, check=False).returncode
    if code:
        raise BashExitFailure(app, code, capture.read()[-LAST_WORDS:].strip() if quote else "")
    return 0
