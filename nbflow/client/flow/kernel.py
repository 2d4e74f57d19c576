"""`DataFlowKernel`: the user's handle of a flow. Which one is loaded, is in `loading`.

It starts the scheduler process, owns the connection to it, and ends both. What a call means is in `calls`, what the
scheduler can be asked in `asking`.
"""

from __future__ import annotations

import atexit
import concurrent.futures
import functools
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from typing import Any

from nbflow import logs
from nbflow.client import current
from nbflow.client.callbacks import Callbacks
from nbflow.client.calls import Calls
from nbflow.client.fetching import directory_of, ways_of
from nbflow.client.flow import forks, parting
from nbflow.client.flow.as_parsl import AsParsl
from nbflow.client.flow.asking import Asking, task_number
from nbflow.client.flow.checkpoints import earlier_checkpoints, memo_spec, memoizer_of
from nbflow.client.flow.connection import Connection
from nbflow.client.flow.feed import Feed
from nbflow.client.flow.host import PATIENCE, SchedulerProcess
from nbflow.client.flow.judge import RetryHandler
from nbflow.client.flow.lifetime import Lifetime
from nbflow.client.flow.places import make_places
from nbflow.client.flow.questions import Questions
from nbflow.client.flow.specs import spec_of
from nbflow.client.flow.warned import warn_from_afar
from nbflow.client.held import HeldValues
from nbflow.client.promise import Promise
from nbflow.client.retries import retries_of
from nbflow.client.signals import undisturbed
from nbflow.client.tasks.threads import Threads
from nbflow.config import Config, checked_executors
from nbflow.core.states import State
from nbflow.errors import ConfigurationError, FlowClosed, SchedulerLost, with_last_words
from nbflow.executors import Executor
from nbflow.limits import memory_available
from nbflow.numbers import first_of
from nbflow.values import segments
from nbflow.values.outcome import one_line
from nbflow.wire import door
from nbflow.wire.messages import (
    AddExecutor,
    Cancel,
    Checkpointed,
    Configure,
    Details,
    Drop,
    Ended,
    ExecutorSpec,
    Export,
    Exported,
    ForThread,
    Freed,
    ImportPath,
    Judge,
    Retrying,
    Rows,
    Saved,
    Settled,
    StartThread,
    Status,
    StopThread,
    Warned,
    Watch,
    Workers,
)
from nbflow.wire.outcomes import Lost, Withdrawn
from nbflow.wire.rows import TaskRow

log = logging.getLogger(__name__)

_NOTHING = nullcontext()
_LAST_WORDS = 1.0  # seconds for which the end of a flow waits for what is to be logged of it
_AGAIN = 0.005  # seconds between two questions whether a task has ended


class DataFlowKernel(Asking, AsParsl):
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
        super().__init__()
        started = False
        try:
            with undisturbed:  # an interrupt in between would leave a half of a flow
                self._start(self._prepare(config))
                started = True
        except BaseException:
            if started:  # and nobody will have it: this is the interrupt
                self.cleanup()
            raise

    def _prepare(self, config: Config | None) -> list[ExecutorSpec]:
        """All that has to be there before the scheduler is; the executors as it is told of them."""
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
        self._directory = _current_directory()
        self._places = make_places(self.config, self.run_id)
        self._memo = memo_spec(self.config, self._places.run_dir, earlier)
        self._watching = False
        self._lifetime = Lifetime()
        self._farewell = ""  # why the scheduler ends, if it was asked to
        self._died = ""
        self._callbacks = Callbacks()
        # a thread of its own: a callback may wait for a task that waits for an export
        self._exports = Callbacks("nbflow-exports")
        self._said = Callbacks("nbflow-log")
        self._held = HeldValues(self._places.stores)
        self._threads = Threads(
            self._held,
            self.post,
            self._places.stores,
            self.config.executors,
            self.config.internal_tasks_max_threads,
        )
        self._retry_handler = RetryHandler(self.config.retry_handler, self._record_of, self.post)
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
            directory=self._directory,
            show_values=self.config.show_values,
        )
        self._threads.calls = self._calls
        self._say_where_tasks_run(specs)
        self._questions = Questions(self._send_question, self._calls.refusal)
        self._on = self._handlers()
        return specs

    def _start(self, specs: list[ExecutorSpec]) -> None:
        with ExitStack() as undo:
            undo.callback(self._places.remove)
            self._end_log = self._begin_log()
            undo.callback(self._end_log)
            self._host = SchedulerProcess(self.run_id, self.run_dir, self._places.locks)
            undo.callback(self._host.kill)
            self._connection = Connection(self._host.sock, self._on_messages, self._on_lost)
            undo.pop_all()
        self._connection.extra = self._calls.take_released
        self._connection.busy = lambda: bool(self._calls.pending)
        self._configure(specs)
        memoizer_of(self.config).serve(self.checkpoint, True)
        atexit.register(self._at_exit)
        self._at_fork = forks.Concern(self._connection.hold, self._connection.go_on, self._forked)

    def _say_where_tasks_run(self, specs: Sequence[ExecutorSpec]) -> None:
        """Of these executors; "" = where this process is just then. A new dictionary: another thread may look at it."""
        places = {
            spec.label: "" if spec.threads else os.fsdecode(spec.directory) or self._directory
            for spec in specs
        }
        self._calls.directories = {**self._calls.directories, **places}

    def _handlers(self) -> dict[type, Callable[[Any], None]]:
        """What is done with each message of the scheduler, on the reader thread; `Settled` is handled apart."""
        return {
            Rows: lambda message: self.feed.take(message.rows),
            Workers: lambda message: self.feed.take_workers(message.rows, message.store),
            Details: self._questions.answer,
            Retrying: self._hear_of_retrial,
            Saved: self._questions.answer,
            Status: self._questions.answer,
            Checkpointed: self._questions.answer,
            Warned: lambda message: self.say(functools.partial(warn_from_afar, message.text)),
            Ended: self._hear_farewell,
            StartThread: self._threads.start,
            StopThread: self._threads.stop,
            ForThread: self._threads.tell,
            Export: self._export,
            Drop: self._drop,
            Freed: lambda message: segments.freed(message.files, message.reuse),
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
                self._entries(),
                os.fsencode(self._directory),
                bool(os.environ.get("NBFLOW_VALIDATE")),
                self._retries,
                self.config.retry_handler is not None,
                self._memo,
                self.name,
                self.config.show_values,
                int(self.config.object_store_limit or memory_available() // 2),
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
    def died(self) -> str:
        """Why the flow has ended by itself, for people; "" while it goes on, and where somebody has ended it."""
        return self._died

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
            raise self._calls.refusal()
        specs = [spec_of(executor) for executor in added]
        self._threads.add(added)
        self.executors.update({executor.label: executor for executor in added})
        self.post(*map(AddExecutor, specs))
        self._say_where_tasks_run(specs)
        self._calls.name_executors(list(self.executors))
        self.flush()

    def wait_for_current_tasks(self, timeout: float | None = None) -> None:
        """Wait until every task called up to now from this process has ended, well or not.

        Raises:
            TimeoutError: they have not within `timeout` seconds (None = as long as it takes).
        """
        futures: list[Promise[Any]] = [*self._calls.sweeps.copy(), *self._calls.pending.copy().values()]
        self.flush()
        if concurrent.futures.wait(futures, timeout).not_done:
            raise concurrent.futures.TimeoutError(f"some tasks have not ended in {timeout} s")
        futures.clear()
        self._calls.post_released()  # of those that were held here alone

    def cancel(self, task_id: int, wait: bool = True) -> bool:
        """Withdraw a task, queued or running; True if it was. False if it had ended, or is not known here.

        Without `wait` it returns as soon as it is asked for, and True says only that.

        Raises:
            UsageError: it is no number of a task.
            FlowClosed: the flow has ended.
        """
        task_id = task_number(task_id)
        future = self._calls.pending.get(task_id)
        if future is not None:
            return future.cancel(wait)
        self._calls.cancel(task_id)
        if not wait:
            return True
        while (row := self._inspect(task_id, 5.0)[0]) is not None and not row.state.ended:
            time.sleep(_AGAIN)  # it was called inside a task: its end is told there
        return row is not None and row.state is State.CANCELLED

    def cancel_soon(self, tasks: Sequence[int]) -> None:
        """Ask for tasks to be withdrawn, wherever they were called, and do not wait for it. Raises like `cancel`."""
        self._calls.cancel(*map(task_number, tasks))

    def cancel_all(self) -> int:
        """Withdraw all tasks that have not ended; how many of this process's calls were cancelled by it."""
        sweeps = self._calls.sweeps.copy()
        for sweep in sweeps:
            sweep.cancel(wait=False)
        futures = list(self._calls.pending.copy().values())
        self.post(Cancel([]))
        self.flush()
        concurrent.futures.wait([*futures, *sweeps])
        return sum(future.cancelled() for future in futures)

    def watch(self) -> None:
        """Have the feed kept up to date from now on. The first full picture follows."""
        if not self._watching and not self.closed:
            self._watching = True
            self.post(Watch())
            self.flush()

    def rows(self) -> dict[int, TaskRow]:
        """What is known of each task, in the order of submission, at most some 50 ms old; also once it has ended."""
        self.watch()
        with suppress(FlowClosed, SchedulerLost, concurrent.futures.TimeoutError):
            self.status()  # messages come in order: when this answer is here, so is the first full picture
        return self.feed.rows.copy()

    def cleanup(self) -> None:
        """End the flow: workers, scheduler, files. What has not ended is lost; idempotent.

        Futures that have their values keep them. Takes at most some 5 s, and as long as it takes to write the last
        checkpoint if there is one to be written; an interrupt meanwhile raises when the flow has ended.
        """
        try:
            if self._memo.mode in ("dfk_exit", "periodic"):
                with suppress(FlowClosed):
                    self.checkpoint()
        finally:
            with undisturbed:
                self._cleanup()

    def _cleanup(self) -> None:
        if not self._lifetime.begin_to_end():
            self._lifetime.wait_for_end(2 * PATIENCE)
            self._connection.join(PATIENCE)
            return
        self._calls.close("it has been cleaned up")
        atexit.unregister(self._at_exit)
        self._connection.close(self._calls.keep_values)
        self._host.outlast()
        self._end(
            Lost(
                "FlowClosed",
                "the flow was ended (by clear(), cleanup() or the end of its program) before the task had",
            )
        )

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
        """Send messages to the scheduler, behind the new `sys.path` if it is another one than that of the workers."""
        if sys.path != self._import_path:
            self._connection.post(ImportPath(self._entries()))
        self._connection.post(*messages, urgent=urgent)

    def _entries(self) -> list[bytes]:
        """`sys.path` for workers, which may run in another directory; it is what they have from here on."""
        self._import_path = list(sys.path)
        return [os.fsencode(os.path.abspath(entry)) for entry in self._import_path]

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

    def call_back(self, callbacks: Callable[[], None]) -> None:
        """Run callbacks on a thread of their own: they are the user's code and may wait for other tasks."""
        self._callbacks.put(callbacks)

    def say(self, what: Callable[[], None]) -> None:
        """Call what logs or warns."""
        self._said.put(what)

    def note_progress(self, task: int, fraction: float | None, text: str) -> None:
        """A task on one of this process's threads says how far it has come."""
        self._threads.note_progress(task, fraction, text)

    # ------------------------------------------------------------ on the reader thread

    def _on_messages(self, messages: list[Any]) -> None:
        settle = self._calls.settle
        for message in messages:
            if type(message) is Settled:
                settle(message)
            else:
                self._on[type(message)](message)
        self._calls.post_released()

    def _export(self, message: Export) -> None:
        """Another process needs a value of this one. Pickling runs the user's code, so not on this thread."""
        number = message.number
        self._exports.put(lambda: self.post(Exported(number, self._held.export(number)), urgent=True))

    def _drop(self, message: Drop) -> None:
        """The end of a value may be the user's code as well."""
        self._exports.put(lambda: self._held.drop(message.number))

    def _hear_farewell(self, message: Ended) -> None:
        """The scheduler is about to end, and does not die."""
        self._farewell = message.text

    def _on_lost(self) -> None:
        """The scheduler has died, or was asked to end."""
        if not self._lifetime.begin_to_end():
            return
        if self._farewell:
            self._died = f"The flow {self._farewell}."
            self._calls.close(f"it {self._farewell}")
            self._host.outlast()
            self.say(functools.partial(warn_from_afar, f"flow {self.name!r} {self._farewell}"))
            self._end(Lost("FlowClosed", f"the flow {self._farewell} before the task had"))
            return
        self._calls.close("its scheduler has died")
        self._host.outlast()
        how, words = self._host.in_words(), self._host.last_words()
        text = f"the scheduler process {how} before the task did; load() starts a new one"
        whole = with_last_words(text, words)
        self.say(functools.partial(log.error, "%s", whole, extra=self._about))
        self._died = f"The scheduler {how}: nothing goes on any more. load() starts a new flow."
        self._end(Lost("SchedulerLost", whole))

    def _end(self, outcome: Lost | Withdrawn) -> None:
        """The scheduler is gone: nothing is left pending, and no process or file either."""
        self._calls.settle_all(outcome)
        self._calls.keep_values()
        self._questions.close()
        self._threads.close()
        self.feed.close(one_line(outcome), time.time())
        self._callbacks.close()
        self._exports.close()
        self._retry_handler.close()
        self._said.close(_LAST_WORDS)
        self._host.end_the_rest()
        self._places.remove()
        door.remove_of(self.run_id)
        memoizer_of(self.config).serve(self.checkpoint, False)
        self._at_fork.end()
        log.info("flow %r has ended", self.name, extra=self._about)
        self._end_log()
        self._lifetime.ended()

    # ------------------------------------------------------------ questions

    def _send_question(self, question: Any) -> None:
        if self.closed:
            raise self._calls.refusal()
        self.post(question)
        self.flush()

    # ------------------------------------------------------------ exit and fork

    def _at_exit(self) -> None:
        if not self.closed:
            parting.say(parting.unended(self._calls))
        self.cleanup()

    def _forked(self) -> None:
        """In a forked child: this flow belongs to the parent."""
        atexit.unregister(self._at_exit)
        self._lifetime.ended()
        self._questions.abandon()
        self._calls.abandon()
        self._places.let_go()
        self._connection.abandon()


def _current_directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise ConfigurationError(
            "the current directory, where tasks are to run, has been removed: os.chdir() to another one first"
        ) from None
