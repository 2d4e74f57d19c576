"""Worker processes as the scheduler has them: start, end, and what to say when one has died."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

from nbflow.core.placement import TRIES
from nbflow.wire import process
from nbflow.wire.channel import Port
from nbflow.wire.messages import ExecutorSpec, FromWorker
from nbflow.wire.outbox import Outbox, make
from nbflow.wire.process import tail

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


class Worker:
    """One worker process: its socket, and what it knows already."""

    def __init__(self, number: int, spec: ExecutorSpec, run_dir: str, path: Sequence[str]) -> None:
        self.number = number
        self.executor = spec.label
        self.ready = False  # it has said Hello
        self.knows: set[bytes] = set()  # digests of functions
        self.calls: set[int] = set()  # tasks called inside its tasks, which it holds
        self.log = os.path.join(run_dir, f"worker-{number}.log")
        # append mode: the worker truncates the file between tasks, and writing goes on at its end
        with open(
            os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab"
        ) as log:
            outbox = make()
            try:
                self.process, sock = process.start(
                    "nbflow.worker.loop", log, path, _environment(spec, number), [outbox]
                )
                self.outbox = Outbox(outbox)
            finally:
                os.close(outbox)
        self.port: Port[FromWorker] = Port(sock, FromWorker)
        self.pidfd = watch_process(self.process.pid)

    def kill(self) -> None:
        """End the process and whatever its task has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def last_messages(self) -> list[FromWorker]:
        """After its end: the answers that it had not sent."""
        return self.port.unpack(self.outbox.content())

    def bury(self) -> str:
        """After its end: clean up; returns how it ended and what it said last."""
        self.kill()
        code = self.process.wait()
        self.port.close()
        self.outbox.close()
        if self.pidfd is not None:
            os.close(self.pidfd)
        words = tail(self.log)
        with contextlib.suppress(OSError):
            os.unlink(self.log)
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return f"worker {self.number} (process {self.process.pid}) {how}" + (
            f"; its last words: {words}" if words else ""
        )


def watch_process(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; None where the system has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _environment(spec: ExecutorSpec, number: int) -> Mapping[str, str]:
    """Numerical libraries get each worker's share of the cores, unless the user has said otherwise."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = str(max(1, cores // spec.workers))
    threads = {name: share for name in _THREADS if name not in os.environ}
    return {
        **threads,
        "MPLBACKEND": "agg",
        "NBFLOW_WORKER": str(number),
        "NBFLOW_EXECUTOR": spec.label,
        **spec.environment,
    }


def cannot_start(executor: str, words: str) -> str:
    """What a task's error says when no worker could be started for it."""
    return f"{TRIES} workers of executor {executor!r} ended in a row before they were ready: {words}"
