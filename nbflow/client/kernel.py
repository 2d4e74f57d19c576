"""`DataFlowKernel`: the user's handle of a flow. Which one is loaded, is in `loading`.

It starts the scheduler process, owns the connection to it, and ends both. What a call means is in `calls`.
"""

from __future__ import annotations

import atexit
import concurrent.futures
import logging
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from typing import Any

from nbflow import logs, private
from nbflow.client import current
from nbflow.client.as_parsl import AsParsl
from nbflow.client.callbacks import Callbacks
from nbflow.client.calls import Calls
from nbflow.client.checkpoints import earlier_checkpoints, memo_spec, memoizer_of
from nbflow.client.connection import Connection
from nbflow.client.feed import Feed
from nbflow.client.fetching import directory_of, ways_of
from nbflow.client.held import HeldValues
from nbflow.client.judge import RetryHandler
from nbflow.client.places import make_places
from nbflow.client.promise import Promise
from nbflow.client.questions import Questions
from nbflow.client.record import Facts, TaskRecord
from nbflow.client.retries import retries_of
from nbflow.client.specs import spec_of
from nbflow.client.threads import Threads
from nbflow.client.warned import warn_from_afar
from nbflow.config import Config, checked_executors
from nbflow.core.states import State
from nbflow.errors import ConfigurationError, FlowClosed, SchedulerLost, UsageError
from nbflow.executors import Executor
from nbflow.memoizers import MODES
from nbflow.numbers import first_of
from nbflow.wire import leftovers, process
from nbflow.wire.messages import (
    AddExecutor,
    Cancel,
    Checkpoint,
    Checkpointed,
    Configure,
    Details,
    Drop,
    ExecutorSpec,
    Export,
    Exported,
    ForThread,
    Inspect,
    Judge,
    Rows,
    Settled,
    StartThread,
    Status,
    StopThread,
    Survey,
    Warned,
    Watch,
    Workers,
)
from nbflow.wire.outcomes import Lost, Withdrawn
from nbflow.wire.process import tail
from nbflow.wire.rows import TaskDetails, WorkerRow

log = logging.getLogger(__name__)

_NOTHING = nullcontext()

LAST_WORDS = 5.0  # seconds that the scheduler gets to end, before it is killed


class DataFlowKernel(AsParsl):
    """A flow: its scheduler, its workers, and the calls made to it from this process.

    Usually made by `nbflow.load()`. `run_id` is its own among all flows, and what all that it starts has in its
    environment as `NBFLOW_FLOW`. What the end of its block does, when it is used as a context manager, is
    `Config(exit_mode=...)`: it is cleaned up if nothing else is said.

    Raises:
        ConfigurationError: the configuration cannot be used.
        BadCheckpoint: a checkpoint that it names is not there.
        OSError: the scheduler process, or the thread that hears it, cannot be started. Nothing is left of the flow.
    """

    def __init__(self, config: Config | None = None) -> None:
        if config is not None and not isinstance(config, Config):
            raise ConfigurationError(f"a flow is loaded with an nbflow.Config, not {config!r}")
        if "NBFLOW_FAIL_AT" in os.environ:
            from nbflow import faultpoints  # for nbflow's own tests alone

            faultpoints.install("client")
        self.config = config or Config()
        self.name = self.config.name
        self.run_id = os.urandom(8).hex()
        self.feed = Feed()
        self._retries = retries_of(self.config.retries) if self.config.retries else None
        self.executors = {executor.label: executor for executor in self.config.executors}
        specs = [spec_of(executor) for executor in self.config.executors]
        earlier = earlier_checkpoints(self.config)
        self._places = make_places(self.config)
        self._memo = memo_spec(self.config, self._places.run_dir, earlier)
        self._questions = Questions(self._send_question)
        self._watching = False
        self._ending = threading.Lock()
        self._ender = 0  # the thread that ends the flow
        self._ended = threading.Event()
        self._callbacks = Callbacks()
        # a thread of its own: a callback may wait for a task that waits for an export
        self._exports = Callbacks("nbflow-exports")
        self._held = HeldValues(self._places.stores)
        self._threads = Threads(
            self._held,
            self.post,
            self._places.stores,
            self.config.executors,
            self.config.internal_tasks_max_threads,
        )
        self._retry_handler = RetryHandler(self.config.retry_handler, self._record_of, self.post)
        self._on = self._handlers()
        with ExitStack() as undo:
            undo.callback(self._places.remove)
            self._end_log = self._begin_log()
            undo.callback(self._end_log)
            with open(os.path.join(self.run_dir, "scheduler.log"), "wb", opener=private.opener) as file:
                self._process, sock = process.start(
                    "nbflow.scheduler.loop", file, environment={leftovers.FLOW: self.run_id}
                )
            undo.callback(self._outlast_scheduler)
            undo.callback(sock.close)  # before that: the scheduler ends
            self._calls = Calls(
                self,
                first=first_of(0),
                retries=self._retries,
                executors=list(self.executors),
                store_dirs=self._places.stores,
                threads=self._threads,
                resolver=self.config.dependency_resolver,
                autopath=self.config.std_autopath,
                ways=ways_of(self.config.executors),
                staged=directory_of(self.config.executors),
                run_dir=self._places.run_dir,
            )
            self._threads.calls = self._calls
            self._connection = Connection(sock, self._on_messages, self._on_lost)
            undo.pop_all()
        self._connection.extra = self._calls.take_released
        self._connection.busy = lambda: bool(self._calls.pending)
        self._configure(specs)
        memoizer_of(self.config).serve(self.checkpoint, True)
        atexit.register(self._at_exit)
        _flows.add(self)

    def _handlers(self) -> dict[type, Callable[[Any], None]]:
        """What is done with each message of the scheduler, on the reader thread; `Settled` is handled apart."""
        return {
            Rows: lambda message: self.feed.take(message.rows),
            Workers: lambda message: self.feed.take_workers(message.rows),
            Details: self._questions.answer,
            Status: self._questions.answer,
            Checkpointed: self._questions.answer,
            Warned: lambda message: warn_from_afar(message.text),
            StartThread: self._threads.start,
            StopThread: self._threads.stop,
            ForThread: self._threads.tell,
            Export: self._export,
            Drop: self._drop,
            Judge: self._retry_handler.ask,
        }

    def _begin_log(self) -> Callable[[], None]:
        """The flow's own log, in a run directory that is kept."""
        kept = self.run_dir not in self._places.temporary
        end = logs.start(self.config.initialize_logging if kept else False, self.run_dir)
        self._about = logs.about(self.name, self.run_dir)
        # not the configuration: its variables may be secrets
        log.info("flow %r begins in %s, on %s", self.name, self.run_dir, self._on_what(), extra=self._about)
        return end

    def _configure(self, specs: list[ExecutorSpec]) -> None:
        self._connection.post(
            Configure(
                specs,
                self._places.run_dir,
                list(self._places.stores),
                list(self._places.temporary),
                [os.path.abspath(entry) for entry in sys.path],  # workers may run in another directory
                os.getcwd(),
                bool(os.environ.get("NBFLOW_VALIDATE")),
                self._retries,
                self.config.retry_handler is not None,
                self._memo,
            )
        )

    # ------------------------------------------------------------ for the user

    @property
    def calls(self) -> Calls:
        """The calls made to this flow from this process."""
        return self._calls

    @property
    def closed(self) -> bool:
        """Whether the flow has ended."""
        return self._calls.closed

    @property
    def run_dir(self) -> str:
        """Where files of the flow are kept."""
        return self._places.run_dir

    rundir = run_dir  # an older name in Parsl

    def add_executors(self, executors: Sequence[Executor]) -> None:
        """Add executors to the flow while it runs; `executors`, a dict by label, has them from then on.

        Raises:
            ConfigurationError: they are no list of executors; a label is taken; or the flow has only threads so far,
                whose calls were not made to travel to processes.
            FlowClosed: the flow has ended.
        """
        added = checked_executors("add_executors(...)", executors)
        known = tuple(self.executors.values())
        checked_executors("add_executors(...), with those of the flow,", known + added)
        if self.closed:
            raise FlowClosed("the flow has ended")
        specs = [spec_of(executor) for executor in added]
        self._threads.add(added)
        self.executors.update({executor.label: executor for executor in added})
        self.post(*map(AddExecutor, specs))
        self._calls.name_executors(list(self.executors))
        self.flush()

    def wait_for_current_tasks(self, timeout: float | None = None) -> None:
        """Wait until every task called up to now from this process has ended, well or not.

        Raises:
            TimeoutError: they have not within `timeout` seconds (None = as long as it takes).
        """
        futures = list(self._calls.pending.copy().values())
        self.flush()
        if concurrent.futures.wait(futures, timeout).not_done:
            raise concurrent.futures.TimeoutError(f"some tasks have not ended in {timeout} s")

    def cancel(self, task_id: int) -> bool:
        """Withdraw a task, queued or running; True if it was. False if it had ended, or is not known here."""
        future = self._calls.pending.get(task_id)
        if future is not None:
            return future.cancel()
        self._calls.cancel(task_id)
        row, _ = self._inspect(task_id, 5.0)
        return row is not None and row.state is State.CANCELLED

    def cancel_all(self) -> int:
        """Withdraw all tasks that have not ended; how many of this process's calls were cancelled by it."""
        futures = list(self._calls.pending.copy().values())
        self.post(Cancel([]))
        self.flush()
        concurrent.futures.wait(futures)
        return sum(future.cancelled() for future in futures)

    def watch(self) -> None:
        """Have the feed kept up to date from now on. The first full picture follows."""
        if not self._watching and not self.closed:
            self._watching = True
            self.post(Watch())
            self.flush()

    def details(self, task_id: int, timeout: float = 5.0) -> TaskDetails:
        """What is known of one task beyond its row. Waits for the scheduler's answer at most `timeout` seconds.

        Raises:
            KeyError: there is no such task.
            TimeoutError: no answer in time.
            FlowClosed: the flow has ended.
        """
        _, details = self._inspect(task_id, timeout)
        if details is None:
            raise KeyError(f"there is no task {task_id}")
        return details

    def status(self, timeout: float = 5.0) -> Status:
        """Counts by state, and the workers, as the scheduler has them now. Raises like `details`."""
        answer: Status = self._questions.ask(Survey(), timeout)
        return answer

    def counts(self) -> dict[State, int]:
        """How many tasks are in each state now."""
        return dict(zip(State, self.status().counts, strict=True))

    @property
    def task_count(self) -> int:
        """How many tasks the flow has had, those called inside tasks included. Raises like `details`."""
        return sum(self.status().counts)

    def workers(self) -> list[WorkerRow]:
        """The worker processes now."""
        return self.status().workers

    def checkpoint(self) -> str:
        """Write what cached calls have given up to now and is not written yet; returns when that is done.

        Returns:
            the directory of this run's checkpoint.

        Raises:
            UsageError: this flow keeps no checkpoints.
            FlowClosed: the flow has ended.
        """
        if not self._memo.mode:
            raise UsageError(
                "this flow keeps no checkpoints: load it with Config(memoizer=BasicMemoizer(checkpoint_mode=...)), "
                f"a mode of {', '.join(mode for mode in MODES if mode)}"
            )
        self._questions.ask(Checkpoint(), None)
        return self._memo.directory

    def cleanup(self) -> None:
        """End the flow: workers, scheduler, files. What has not ended is lost; idempotent.

        Takes at most some 5 s, and as long as it takes to write the last checkpoint if there is one to be written.
        """
        if self._memo.mode in ("dfk_exit", "periodic"):
            with suppress(FlowClosed):
                self.checkpoint()
        if not self._begin_to_end():
            if self._ender != threading.get_ident():
                self._ended.wait(2 * LAST_WORDS)  # else a program that ends now would leave files behind
            return
        atexit.unregister(self._at_exit)
        self._connection.close()
        self._outlast_scheduler()
        self._end(Lost("FlowClosed", "the flow was cleaned up before the task ended"))

    def _begin_to_end(self) -> bool:
        """Whether it is for the caller to end the flow; else another thread is at it, or has done it."""
        with self._ending:
            if not self.closed:
                self._calls.closed = True
                self._ender = threading.get_ident()
                return True
        return False

    def _outlast_scheduler(self) -> int:
        """Wait for the scheduler's end, and bring it about if it takes too long; gives its exit code."""
        try:
            return self._process.wait(LAST_WORDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            return self._process.wait()

    def __enter__(self) -> DataFlowKernel:
        if current.get_current() is None:
            current.set_current(self._calls)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        mode = self.config.exit_mode
        if mode == "skip":
            return
        try:
            if mode == "wait" and kind is None:
                self.wait_for_current_tasks()
        finally:
            self.cleanup()
        if current.get_current() is self._calls:
            current.set_current(None)

    def __repr__(self) -> str:
        return f"<DataFlowKernel {self.name!r} ({self._on_what()}){' closed' if self.closed else ''}>"

    def _on_what(self) -> str:
        return ", ".join(f"{e.label}: {e.workers} workers" for e in self.executors.values())

    # ------------------------------------------------------------ the calls' link to the scheduler

    def post(self, *messages: Any, urgent: bool = False) -> None:
        """Send messages to the scheduler."""
        self._connection.post(*messages, urgent=urgent)

    def flush(self) -> None:
        """Send what waits to be sent."""
        self._connection.flush()

    def waiting(self) -> AbstractContextManager[None]:
        """A thread of the user's waits for a task, and another one reads. One that runs a task gives its slot up."""
        return _NOTHING if self._threads.task_here is None else self._threads.waiting()

    def read_until(self, done: Callable[[], bool], deadline: float | None) -> None:
        """Somebody waits: what was gathered goes out, and what comes is read in this thread, if no other one does."""
        self._connection.flush()
        if self._threads.task_here is None:
            self._connection.read_until(done, deadline)

    def call_back(self, future: Promise[Any]) -> None:
        """Run callbacks on a thread of their own: they are the user's code and may wait for other tasks."""
        self._callbacks.put(future.run_callbacks)

    def facts_of(self, task: int) -> Facts | None:
        """What the scheduler knows of a task; None once nobody can tell."""
        with suppress(FlowClosed, SchedulerLost, concurrent.futures.TimeoutError):
            row, details = self._inspect(task, 5.0)
            if row is not None and details is not None:
                return Facts(row, details)
        return None

    def _record_of(self, task: int) -> TaskRecord:
        """What is known of a task that has not ended, wherever it was called."""
        future = self._calls.pending.get(task)
        return TaskRecord({}, lambda: self.facts_of(task)) if future is None else future.task_record

    # ------------------------------------------------------------ on the reader thread

    def _on_messages(self, messages: list[Any]) -> None:
        settle = self._calls.settle
        for message in messages:
            if type(message) is Settled:
                settle(message)
            else:
                self._on[type(message)](message)

    def _export(self, message: Export) -> None:
        """Another process needs a value of this one. Pickling runs the user's code, so not on this thread."""
        number = message.number
        self._exports.put(lambda: self.post(Exported(number, self._held.export(number)), urgent=True))

    def _drop(self, message: Drop) -> None:
        """The end of a value may be the user's code as well."""
        self._exports.put(lambda: self._held.drop(message.number))

    def _on_lost(self) -> None:
        """The scheduler has died."""
        if not self._begin_to_end():
            return
        code = self._outlast_scheduler()
        words = tail(os.path.join(self._places.run_dir, "scheduler.log"))
        text = (
            f"the scheduler process ended with exit code {code} before the task did; load() starts a new one"
        )
        log.error("%s%s", text, f"; its last words: {words}" if words else "", extra=self._about)
        self._end(Lost("SchedulerLost", f"{text}; its last words: {words}" if words else text))

    def _end(self, outcome: Lost | Withdrawn) -> None:
        """The scheduler is gone: nothing is left pending, and no file either."""
        self._calls.settle_all(outcome)
        self._questions.close()
        self._threads.close()
        self.feed.close()
        self._callbacks.close()
        self._exports.close()
        self._retry_handler.close()
        self._places.remove()
        memoizer_of(self.config).serve(self.checkpoint, False)
        _flows.discard(self)
        log.info("flow %r has ended", self.name, extra=self._about)
        self._end_log()
        self._ended.set()

    # ------------------------------------------------------------ questions

    def _send_question(self, question: Any) -> None:
        if self.closed:
            raise FlowClosed("the flow has ended")
        self.post(question)
        self.flush()

    def _inspect(self, task: int, timeout: float) -> tuple[Any, TaskDetails | None]:
        answer: Details = self._questions.ask(Inspect(task), timeout)
        return answer.row, answer.details

    # ------------------------------------------------------------ exit and fork

    def _at_exit(self) -> None:
        unended = len(self._calls.pending)
        if unended and not self.closed:
            print(f"nbflow: the program ends while {unended} tasks have not; they are lost", file=sys.stderr)
        self.cleanup()

    def _forked(self) -> None:
        """In a forked child: this flow belongs to the parent."""
        atexit.unregister(self._at_exit)
        self._ended.set()  # there is nothing to end
        self._calls.abandon()
        self._connection.abandon()


_flows: weakref.WeakSet[DataFlowKernel] = weakref.WeakSet()


def _after_fork() -> None:
    for flow in tuple(_flows):
        flow._forked()


os.register_at_fork(after_in_child=_after_fork)
