"""A peer in a process of its own, as the one who measures sees it: started, asked, ended with all that it has started.

All its processes carry `NBFLOW_BENCH=<its own mark>` in their environment, and so are found whoever their parent is
by then: Ray's and Parsl's are daemons in sessions of their own.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from benchmarks.results import Figures

ROOT = Path(__file__).parent.parent
START = 120.0  # seconds until a peer must have its first result
END = 20.0  # seconds that a peer may take to end by itself
MARK = "NBFLOW_BENCH"


class PeerFailed(Exception):
    """The peer did not start, ended, or did not answer in time. It is of no further use."""


class Skipped(Exception):
    """The peer has nothing of the kind, or gave an error; the text says which."""


class PeerProcess:
    """A peer that is ready: `first_result` seconds after its interpreter was started, as `version`.

    Raises PeerFailed: it did not start.
    """

    def __init__(self, name: str, python: str) -> None:
        self.name = name
        self.left_behind = 0  # processes that had to be killed in the end
        self._mark = uuid.uuid4().hex
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 # close()
        self._heard = b""
        # PATH: Parsl finds its own programs there
        path = os.pathsep.join([os.path.dirname(python), os.environ.get("PATH", os.defpath)])
        environment = {**os.environ, MARK: self._mark, "PYTHONPATH": str(ROOT), "PATH": path}
        begin = time.perf_counter()
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.peers.serve", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            cwd=ROOT,
            start_new_session=True,
        )
        try:
            self._hear(START)
            self.first_result = time.perf_counter() - begin
            self.version: str = self._hear(START)["version"]
        except BaseException:
            self.close()
            raise

    def ask(self, work: str, sizes: Mapping[str, Any], patience: float) -> Figures:
        """Have a piece of work done within `patience` seconds.

        Raises Skipped, and PeerFailed after which the peer must be closed.
        """
        assert self._process.stdin is not None
        question = json.dumps({"work": work, "with": dict(sizes)}) + "\n"
        try:
            self._process.stdin.write(question.encode())
            self._process.stdin.flush()
        except OSError:
            raise PeerFailed(self._last_words()) from None
        answer = self._hear(patience)
        if "figures" not in answer:
            raise Skipped(answer.get("skipped") or answer["failed"])
        figures: Figures = answer["figures"]
        return figures

    def memory(self) -> float:
        """MB of all its processes; what several share is counted once (PSS)."""
        total = 0
        for process in self._alive():
            with suppress(psutil.Error):
                total += process.memory_full_info().pss
        return total / 1e6

    def close(self) -> None:
        """End it, and see that nothing of it is left."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(END)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()
        deadline = time.monotonic() + 5.0
        while (left := self._alive()) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.left_behind = len(left)
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, 5.0)

    def __enter__(self) -> PeerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _alive(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == self._mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def _hear(self, patience: float) -> dict[str, Any]:
        """The next line that it says."""
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        deadline = time.monotonic() + patience
        while b"\n" not in self._heard:
            if not select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise PeerFailed(f"no answer within {patience:.0f} s")
            more = os.read(fd, 65536)
            if not more:
                raise PeerFailed(self._last_words())
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\n")
        heard: dict[str, Any] = json.loads(line)
        return heard

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return f"it ended: {lines[-1][:300] if lines else 'without a word'}"
