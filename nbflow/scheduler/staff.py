"""The staff: all workers of all executors, hired and parted with as the machine says.

What workers say is passed on unread; that one has come or gone is an event. What they are told to do is the loop's
business.
"""

from __future__ import annotations

import functools
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from nbflow.core import events as ev
from nbflow.scheduler.figures import Rooms
from nbflow.scheduler.saying import say
from nbflow.scheduler.sockets import Sockets
from nbflow.scheduler.workers import UNKNOWN, End, Worker, WorkerProcess, WorkerThread, cannot_start, lasts
from nbflow.wire import leftovers
from nbflow.wire import messages as msg
from nbflow.wire.channel import ChannelClosed, Port
from nbflow.wire.lifeline import Lifeline

T = TypeVar("T")

GRACE = 0.5  # seconds that workers get to end by themselves
ENDS_KEPT = 1000  # of workers: whoever asks how one has ended asks soon
MOST_SPARE = 512 << 20  # bytes that a worker keeps of what its tasks have freed, see `values.heap`
SPARE_OF_ALL = 8  # all workers together keep one part in so many of the memory
SPARE_OF_LIMIT = 4  # one worker, one part in so many of its `memory_limit`


class Host(Protocol):
    """Whose workers they are."""

    def hear(self, worker: Worker, messages: Sequence[msg.FromWorker]) -> None:
        """Take what a worker has said."""

    def emit(self, event: ev.Event) -> None:
        """Take what has happened."""

    def gone(self, worker: Worker) -> None:
        """A worker has gone, and all that it said has been heard."""


class Staff:
    """The workers by their numbers (`workers`), the executors by their labels (`specs`)."""

    def __init__(self, host: Host, setup: msg.Configure, sockets: Sockets, client: Port[Any]) -> None:
        self.workers: dict[int, Worker] = {}
        self.specs: dict[str, msg.ExecutorSpec] = {}
        self._host = host
        self._setup = setup
        self._import_path = setup.sys_path
        self._sockets = sockets
        self._client = client
        self._life: Lifeline | None = None  # of all workers that are processes; made with the first
        self._next = 1
        self._ends: dict[int, End] = {}  # how workers ended, the latest
        #: asked when one has ended, with its exit code: what the figures say of its memory, in words, "" = nothing
        self.memory_of: Callable[[Worker, int], str] = lambda worker, exitcode: ""
        self._no_start = ""  # why the last one that did not start did not
        for spec in setup.executors:
            self.add(spec)

    def add(self, spec: msg.ExecutorSpec) -> None:
        """One more executor."""
        self.specs[spec.label] = spec
        # threads are started when there is work for them: they cost the client's process memory
        self._host.emit(
            ev.ExecutorAdded(spec.label, spec.workers, spec.threads, spec.reserved, spec.tasks_per_worker)
        )
        self._tell_processes(msg.Executors(self.labels))

    def import_from(self, message: msg.ImportPath) -> None:
        """Have all workers look there for modules: those that are there, and those to come."""
        self._import_path = message.entries
        self._tell_processes(message)

    def _tell_processes(self, message: msg.Executors | msg.ImportPath) -> None:
        for worker in self.workers.values():
            if isinstance(worker, WorkerProcess):
                worker.send(message)

    def get(self, number: int) -> Worker | None:
        """A worker that is there."""
        return self.workers.get(number)

    @property
    def labels(self) -> list[str]:
        """The executors that a call may name."""
        return [spec.label for spec in self.specs.values() if not spec.reserved]

    def hire(self, executor: str, successor_of: int = 0) -> None:
        """Start a worker, for the place of another one or none (0); `WorkerJoined` or `HireFailed` follows."""
        number = self._next
        self._next += 1
        spec = self.specs[executor]
        if spec.threads:
            self.workers[number] = WorkerThread(number, spec, self._client)
            return
        predecessor = self.workers.get(successor_of)
        try:
            self._life = self._life or Lifeline()
            worker = WorkerProcess(
                number,
                spec,
                self._setup.run_dir,
                [*map(os.fsdecode, self._import_path)],
                self._life.fd,
                self._free(spec, predecessor, lambda one: one.rank, range(spec.workers)),
                self._free(spec, predecessor, lambda one: one.accelerator, spec.accelerators or [None]),
                self._spare(spec),
            )
        except (OSError, ValueError) as error:  # a value that no process can be given
            self._no_start = f"a process cannot be started: {error}"
            self._host.emit(ev.HireFailed(executor, lasts(error)))
            return
        worker.successor_of = successor_of
        self.workers[number] = worker
        leftovers.take_in_orphans()  # what a worker leaves behind that dies under a task
        self._sockets.add(worker.port, functools.partial(self._read, worker))
        if worker.pidfd is not None:
            self._sockets.listen(worker.pidfd, lambda: self._process_ended(worker))
        worker.send(
            msg.Setup(
                number,
                spec.directory or self._setup.directory,
                self._setup.run_dir,
                self._setup.store_dirs,
                self.labels,
                self._setup.retries,
                self._setup.show_values,
                worker.keeps,
            )
        )

    def _spare(self, spec: msg.ExecutorSpec) -> int:
        """How many bytes a worker may keep for later tasks; 0 where nobody knows what there is."""
        slots = sum(other.workers for other in self.specs.values() if not other.threads)
        there = min((room.total for room in Rooms().all()), default=0)
        limit = spec.memory_limit or there
        return min(MOST_SPARE, there // SPARE_OF_ALL // slots, limit // SPARE_OF_LIMIT)

    def _free(
        self,
        spec: msg.ExecutorSpec,
        predecessor: Worker | None,
        what: Callable[[Worker], T],
        among: Sequence[T],
    ) -> T:
        """That of the predecessor, or the one that fewest have: whose task waits for others may share it meanwhile."""
        if predecessor is not None:
            return what(predecessor)
        taken = Counter(what(one) for one in self.workers.values() if one.executor == spec.label)
        return min(among, key=lambda each: taken[each])

    def ready(self, worker: Worker) -> None:
        """It has said Hello."""
        worker.ready = True
        self._host.emit(ev.WorkerJoined(worker.number, worker.executor, worker.successor_of))

    def leaves(self, worker: Worker, why: str) -> None:
        """It ends by itself, and has begun nothing after what it has answered for; another one takes its place."""
        text = f"worker {worker.number} (process {worker.pid}) ends, another takes its place: {why}"
        say(text)
        worker.accelerator = None  # it is free for the other one
        worker.at_rest = True
        self._host.emit(ev.WorkerLost(worker.number, worker.begun))

    def kill(self, number: int, behind: Sequence[int] = ()) -> None:
        """End a worker, whatever it runs, unless it has begun one of the tasks `behind`; `WorkerLost` follows."""
        if (worker := self.workers.get(number)) is not None:
            worker.kill(behind)

    def dismiss(self, number: int) -> None:
        """End a worker that has no task; `WorkerLost` follows."""
        if (worker := self.workers.get(number)) is not None:
            worker.at_rest = True
            worker.kill()

    def thread_ended(self, number: int, begun: tuple[int, int]) -> None:
        """The client has parted with a thread, which had begun this (task, attempt) last."""
        worker = self.workers.get(number)
        if isinstance(worker, WorkerThread):
            worker.had_begun = begun
            self._lost(worker)

    def end_of(self, number: int) -> End:
        """How a lost worker has ended."""
        return self._ends.get(number, UNKNOWN)

    def executor_of(self, number: int) -> str:
        """Which one a worker is of; "" where it ended long ago."""
        worker = self.workers.get(number)
        return self.end_of(number).executor if worker is None else worker.executor

    def why_none_starts(self, executor: str) -> str:
        """What a task's error says when no worker could be started for it."""
        return cannot_start(executor, self._no_start)

    def end(self) -> None:
        """End all processes; returns when they have ended. The client ends its threads itself."""
        processes = [worker for worker in self.workers.values() if isinstance(worker, WorkerProcess)]
        for worker in processes:
            worker.port.close()
        deadline = time.monotonic() + GRACE
        for worker in processes:
            with suppress(Exception):
                worker.process.wait(max(0.0, deadline - time.monotonic()))
        for worker in processes:
            worker.kill()
            worker.bury()

    def _read(self, worker: WorkerProcess) -> None:
        try:
            messages = worker.port.receive()
        except ChannelClosed:
            self._lost(worker)
        else:
            self._host.hear(worker, messages)

    def _process_ended(self, worker: WorkerProcess) -> None:
        """The process has ended, whoever may still hold its socket: take in what it has said, then let it go."""
        if worker.number in self.workers:
            with suppress(ChannelClosed):
                while messages := worker.port.receive():
                    self._host.hear(worker, messages)
            self._lost(worker)

    def _lost(self, worker: Worker) -> None:
        if self.workers.pop(worker.number, None) is None:
            return
        if isinstance(worker, WorkerProcess):
            self._sockets.drop(worker.port.fileno())
            if worker.pidfd is not None:
                self._sockets.drop(worker.pidfd)
        self._host.hear(worker, worker.last_messages())
        begun = worker.begun
        if output := worker.last_output():
            self._host.hear(worker, [msg.Printed(*begun, output)])
        end = worker.bury()
        if not worker.at_rest:  # also what went into a session of its own
            leftovers.end_all(os.environ.get(leftovers.FLOW, ""), GRACE, worker.number)
            if not worker.threads:  # a thread's orphans do not come here
                leftovers.end_orphans(GRACE, [other.pid for other in self.workers.values()])
        if worker.ready:
            self._ends[worker.number] = end._replace(
                memory=self.memory_of(worker, end.exitcode), executor=worker.executor
            )
            if len(self._ends) > ENDS_KEPT:
                del self._ends[next(iter(self._ends))]
            self._host.emit(ev.WorkerLost(worker.number, begun))
        else:
            self._no_start = end.in_words()
            self._host.emit(ev.HireFailed(worker.executor, end.lasting))
        self._host.gone(worker)
