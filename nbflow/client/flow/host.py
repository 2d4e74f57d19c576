"""The scheduler's process as its client has it: started, waited for, and ended with all it had if it does not end.

What is said to it goes by the connection; nothing here knows of it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from nbflow import private
from nbflow.errors import exit_in_words
from nbflow.wire import leftovers, process

PATIENCE = 3.5  # seconds that the scheduler gets to end: with what else there is to do, a flow ends within 5
REST = 1.0  # seconds for ending what a scheduler has left that was killed


class SchedulerProcess:
    """One process; `sock` is the socket to it. `inherit`: descriptors that it is to hold as well.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, run_id: str, run_dir: str, inherit: Sequence[int] = ()) -> None:
        self._run_id = run_id
        self._log = os.path.join(run_dir, "scheduler.log")
        with open(self._log, "wb", opener=private.opener) as log:
            self._process, self.sock = process.start(
                "nbflow.scheduler.loop", log, environment={leftovers.FLOW: run_id}, inherit=inherit
            )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def outlast(self) -> int:
        """Wait for its end, and bring it about if it takes too long; gives its exit code."""
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            return self._process.wait()

    def kill(self) -> None:
        """End it before anything was said to it."""
        self.sock.close()
        self._process.kill()
        self._process.wait()

    def end_the_rest(self) -> None:
        """After its end: nobody else ends what it had, if it could not do so itself."""
        if self._process.returncode:
            leftovers.end_all(self._run_id, REST)

    def in_words(self) -> str:
        """After its end: how it came."""
        return exit_in_words(self._process.returncode)

    def last_words(self) -> str:
        """What it wrote last into its log; "" if it wrote nothing."""
        return process.tail(self._log)
