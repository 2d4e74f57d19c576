"""Workers as the scheduler has them, processes and threads of the client's: start, end, and how one has ended."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

from nbflow import private
from nbflow.errors import exit_in_words, with_last_words
from nbflow.limits import cores_available
from nbflow.scheduler.figures import GONE
from nbflow.values import heap
from nbflow.wire import leftovers, process
from nbflow.wire.channel import ChannelClosed, Port
from nbflow.wire.messages import ExecutorSpec, ForThread, FromWorker, StartThread, StopThread, TakeBack
from nbflow.wire.outbox import Outbox, make
from nbflow.wire.printed import Log
from nbflow.wire.process import tail

LAST_STEPS = 0.1  # seconds between the end of a process's connection and its own, if it is ending

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

_OWN_DOING = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGSYS)
# what a machine gives again once others have given it back
_PASSING = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EINTR)

_ACCELERATORS = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")  # NVIDIA, AMD, Intel


class Verdict(NamedTuple):
    """Why a worker is ended for its memory. Bytes."""

    words: str
    used: int
    limit: int


class End(NamedTuple):
    """How a worker has ended."""

    worker: str  # which one, in words
    how: str
    pid: int = 0
    exitcode: int = 0  # -n: ended by signal n
    output: str = ""  # the last lines of what its task had printed
    memory: str = ""  # what the figures say where it is likely to have run out of memory
    verdict: Verdict | None = None  # it was ended for its memory
    executor: str = ""  # which one it was of

    @property
    def lasting(self) -> bool:
        """Whether the next one, started in the same way, is likely to end so too: nothing from outside has ended it."""
        return self.exitcode >= 0 or -self.exitcode in _OWN_DOING

    def in_words(self, meanwhile: str = "") -> str:
        """One sentence, its last words at the end. `meanwhile`: what it was at, as in "while it ran task 3"."""
        told = [f"{self.worker} {self.how}{meanwhile and f' {meanwhile}'}", self.memory]
        return with_last_words("; ".join(filter(None, told)), self.output)


UNKNOWN = End("its worker", "is gone")


class Worker(ABC):
    """One worker: what it has been told, and what it answers for."""

    pid: int
    threads = False  #: it is a thread of the client's process
    crew = GONE  #: its processes as last looked at; a thread has none
    memory_limit = 0  #: bytes that they may have together; 0 = no limit
    weigh_at = 0.0  #: they are not to be weighed exactly before
    verdict: Verdict | None = None  #: it is being ended for its memory
    responding = True  #: False: it is halted, and does not answer
    rank = 0  #: its place among those of its executor, from 0
    accelerator: str | None = None  #: the one that it sees; None = what the machine has
    successor_of = 0  #: the worker whose place it takes; 0 = nobody's

    def __init__(self, number: int, executor: str) -> None:
        self.number = number
        self.executor = executor
        self.ready = False  # it has said Hello
        self.at_rest = False  # it ends without a task, and so without what a task has started
        self.knows: set[bytes] = set()  # digests of functions
        self.calls: set[int] = set()  # tasks called inside its tasks, which it holds
        self.promises: set[int] = set()  # of them, those whose value it is to deliver
        self.asked = 0  # how many times it was asked for tasks back, and has not answered

    @abstractmethod
    def send(self, message: Any) -> None:
        """Say something, with what else goes out in this round of the loop."""

    def take_back(self, tasks: list[int]) -> None:
        """Ask for those of these tasks that it has not begun; `Returned` is the answer."""
        self.asked += 1
        self.send(TakeBack(tasks))

    @abstractmethod
    def kill(self, behind: Sequence[int] = ()) -> None:
        """End it, whatever it runs, unless it has begun one of the tasks `behind`. That it has ended is told later."""

    @property
    @abstractmethod
    def begun(self) -> tuple[int, int]:
        """After its end: the last (task, attempt) that it has begun; (0, 0) = none."""

    def trim_log(self) -> int:
        """See that what its task prints fills no disk; returns by how many bytes it has grown since the last time."""
        return 0

    def last_output(self) -> str:
        """After its end: what the task that it ran has printed."""
        return ""

    def last_messages(self) -> list[FromWorker]:
        """After its end: the answers that it had not sent."""
        return []

    @abstractmethod
    def bury(self) -> End:
        """After its end: clean up; returns how it ended and what it said last."""


class WorkerThread(Worker):
    """A thread of the client's process; the client passes on what it is told and what it says."""

    threads = True

    def __init__(self, number: int, spec: ExecutorSpec, client: Port[Any]) -> None:
        super().__init__(number, spec.label)
        self.pid = os.getppid()
        self.had_begun = (0, 0)  # the client tells it at its end
        self._client = client
        client.outgoing.append(StartThread(number, spec.label))

    def send(self, message: Any) -> None:
        self._client.outgoing.append(ForThread(self.number, message))

    def kill(self, behind: Sequence[int] = ()) -> None:
        self._client.outgoing.append(StopThread(self.number, list(behind)))

    @property
    def begun(self) -> tuple[int, int]:
        return self.had_begun

    def bury(self) -> End:
        return End(f"worker {self.number} (a thread of executor {self.executor!r})", "was stopped", self.pid)


class WorkerProcess(Worker):
    """A process of its own: its socket, its log, its outbox. `spare`: bytes that it may keep of what its tasks free."""

    def __init__(
        self,
        number: int,
        spec: ExecutorSpec,
        run_dir: str,
        path: Sequence[str],
        life: int,
        rank: int = 0,
        accelerator: str | None = None,
        spare: int = 0,
    ) -> None:
        super().__init__(number, spec.label)
        self.rank = rank
        self.accelerator = accelerator
        self.memory_limit = spec.memory_limit
        self._had_begun: tuple[int, int] | None = None  # when it was to be killed
        self.log = os.path.join(run_dir, f"worker-{number}.log")
        with _log(self.log) as log:
            outbox = make()
            try:
                environment = _environment(spec, number, rank, accelerator)
                kept = heap.settings(spare, {**os.environ, **environment})
                self.keeps = bool(kept)
                self.process, sock = process.start(
                    "nbflow.worker.loop", log, path, {**environment, **kept}, [outbox, life]
                )
                self.outbox = Outbox(outbox)
            finally:
                os.close(outbox)
            printed = os.dup(log.fileno())
            self._printed = Log(printed)
        if not os.path.exists(self.log):
            self.log = f"/proc/self/fd/{printed}"
        self.port: Port[FromWorker] = Port(sock, FromWorker)
        self.pid = self.process.pid
        self.pidfd = watch_process(self.pid)

    def send(self, message: Any) -> None:
        self.port.outgoing.append(message)

    def kill(self, behind: Sequence[int] = ()) -> None:
        """End the process and whatever its task has started."""
        self.outbox.hold(True)  # what it runs by now is what it will have run
        begun = self.outbox.begun
        if begun[0] in behind:
            self.outbox.hold(False)
            self.verdict = None
            return
        self._had_begun = begun
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    @property
    def begun(self) -> tuple[int, int]:
        return self._had_begun or self.outbox.begun

    def trim_log(self) -> int:
        return self._printed.trim()

    def last_output(self) -> str:
        return self._printed.text()

    def last_messages(self) -> list[FromWorker]:
        try:
            return self.port.unpack(self.outbox.frame())
        except ChannelClosed:  # the task has written over it
            return []

    def bury(self) -> End:
        cut_off = self._is_cut_off()
        self.kill()
        code = self.process.wait()
        self.port.close()
        self.outbox.close()
        if self.pidfd is not None:
            os.close(self.pidfd)
        output = tail(self.log)
        self._printed.close()
        with contextlib.suppress(OSError):
            os.unlink(self.log)
        how = exit_in_words(code) if code < 0 else f"ended with exit code {code}"  # it was no command
        if (cut_off and code == -signal.SIGKILL) or code == process.CUT_OFF:
            how = "was ended: its task has closed its connection to the scheduler, or has written into it"
        return End(
            f"worker {self.number} (process {self.pid})", how, self.pid, code, output, verdict=self.verdict
        )

    def _is_cut_off(self) -> bool:
        """Whether the connection has ended and the process goes on, which nobody has wanted to end."""
        if self._had_begun is not None:
            return False
        try:
            self.process.wait(LAST_STEPS)
        except subprocess.TimeoutExpired:
            return True
        return False


def _log(path: str) -> BinaryIO:
    """A worker's log, in memory where the disk is full: then too workers are to start.

    In append mode: the worker truncates it between tasks, and writing goes on at its end.

    Raises:
        OSError: it can be neither here nor there.
    """
    try:
        return open(path, "a+b", opener=private.opener)
    except OSError:
        if not hasattr(os, "memfd_create"):
            raise
        fd = os.memfd_create("nbflow-log")
        fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
        return open(fd, "a+b")


def watch_process(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; None where the system has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _environment(spec: ExecutorSpec, number: int, rank: int, accelerator: str | None) -> Mapping[str, str]:
    """Numerical libraries get each worker's share of the cores, unless the user has said otherwise.

    Programs written for Parsl find there what its workers have: all are in one pool and one block.
    """
    share = str(max(1, cores_available() // spec.workers))
    threads = {name: share for name in _THREADS if name not in os.environ}
    return {
        **threads,
        **(dict.fromkeys(_ACCELERATORS, accelerator) if accelerator is not None else {}),
        "MPLBACKEND": "agg",
        leftovers.WORKER: str(number),
        "NBFLOW_EXECUTOR": spec.label,
        "PARSL_WORKER_RANK": str(rank),
        "PARSL_WORKER_COUNT": str(spec.workers),
        "PARSL_WORKER_POOL_ID": spec.label,
        "PARSL_WORKER_BLOCK_ID": "0",
        **spec.environment,
    }


def lasts(error: OSError | ValueError) -> bool:
    """Whether an error that kept a process from being started is likely to come again."""
    return not isinstance(error, OSError) or error.errno not in _PASSING


def cannot_start(executor: str, words: str) -> str:
    """What a task's error says when no worker could be started for it."""
    return f"no worker of executor {executor!r} can be started. Of the last one: {words}"
