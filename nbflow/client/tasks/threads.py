"""Threads of the user's process that work for executors: each is a worker, as the scheduler sees it.

    scheduler ──ForThread(worker, Run)──> reader thread ──> the thread's queue ──> Runner ──FromThread──> scheduler

What a thread gets and gives stays in this process. A thread cannot be killed: one that is to stop gets `TaskEnded`
raised in it, a command that runs for it is killed, nothing that it still says is heard, and another one takes its
place. Inside long-running C code it goes on unheard until that returns.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbflow.client import current
from nbflow.client.held import HeldValues
from nbflow.client.tasks.progress import Teller
from nbflow.errors import ConfigurationError
from nbflow.executors import Executor, ThreadExecutor
from nbflow.wire.messages import (
    AddExecutor,
    ExecutorSpec,
    ForThread,
    FromThread,
    Reported,
    StartThread,
    StopThread,
    ThreadEnded,
)

if TYPE_CHECKING:
    from nbflow.client.tasks.bars import Bar
    from nbflow.client.tasks.thread import WorkerThread


class Threads:
    """All threads of one client that work for its flow. `post` sends messages to the scheduler.

    Besides the executors of threads that the user has configured there are, once they are asked for, at most `own`
    threads of the flow itself: for what must run in this process whatever the configuration says.
    """

    def __init__(
        self,
        held: HeldValues,
        post: Callable[..., None],
        store_dirs: Sequence[str],
        executors: Sequence[Executor],
        own: int,
    ) -> None:
        self.held = held
        #: what calls made inside the threads' tasks go through; set before there is any
        self.calls: Any = None
        self._post = post
        self._store_dirs = store_dirs
        # labels of executors of threads -> how their threads are called
        self._names = {e.label: e.thread_name_prefix for e in executors if isinstance(e, ThreadExecutor)}
        self._others = {e.label for e in executors} - self._names.keys()
        self._own = own
        self._own_label = ""  # until they are asked for
        self._asking = threading.Lock()
        self._threads: dict[int, WorkerThread] = {}
        self._mine = threading.local()  # .thread: the `WorkerThread` that runs here
        self.began = False  #: whether any has ever been started
        self._restore_streams: Callable[[], None] = lambda: None
        self._teller = Teller(self._tell_progress)
        self._late = False  # a thread was wanted when none could begin any more

    @property
    def task_here(self) -> int | None:
        """The task that the calling thread runs."""
        thread: WorkerThread | None = getattr(self._mine, "thread", None) if self.began else None
        return None if thread is None else thread.task

    # ------------------------------------------------------------ which executors are of threads

    def add(self, executors: Sequence[Executor]) -> None:
        """More executors of the flow.

        Raises:
            ConfigurationError: the flow's own threads have such a label; or there were only threads up to now, whose
                calls were not made to travel to processes. Nothing has changed.
        """
        threads = {e.label: e.thread_name_prefix for e in executors if isinstance(e, ThreadExecutor)}
        others = {e.label for e in executors} - threads.keys()
        if self._own_label in threads.keys() | others:
            raise ConfigurationError(
                f"the label {self._own_label!r} is taken by threads of the flow itself: choose another one"
            )
        if others and not self._others:
            raise ConfigurationError("a flow that has only threads takes further threads, no processes")
        self._names.update(threads)
        self._others |= others

    def alone_serve(self, executors: Sequence[str]) -> bool:
        """Whether a call for these executors ([] = any) can only run on threads."""
        return all(label in self._names for label in executors) if executors else not self._others

    def may_serve(self, executors: Sequence[str]) -> bool:
        """Whether a call for these executors may run on a thread."""
        return any(label in self._names for label in executors)

    def knows(self, executors: Sequence[str]) -> bool:
        """Whether all of these are the flow's own threads."""
        return list(executors) == [self._own_label]

    def of_the_flow(self) -> str:
        """The label of the flow's own threads."""
        with self._asking:
            if not self._own_label:
                label = "client"
                while label in self._names or label in self._others:
                    label += "-"
                self._post(AddExecutor(ExecutorSpec(label, self._own, {}, True, True)))
                self._names[label] = "nbflow-client"
                self._own_label = label
        return self._own_label

    # ------------------------------------------------------------ what the scheduler says

    def start(self, message: StartThread) -> None:
        """One more thread is wanted."""
        from nbflow.client.tasks import (
            streams,  # these two are 7 ms of start-up, and most programs have no threads
        )
        from nbflow.client.tasks.thread import ThreadRunner, WorkerThread

        if not self.began:
            self.began = True
            self._restore_streams = streams.install()
        name = self._names.get(message.executor) or f"nbflow-{message.executor}"
        calls = self.calls
        worker = message.worker
        runner = ThreadRunner(
            self.held, self._store_dirs, calls.need, calls.show_values, calls.flow.run_id, worker
        )
        thread = WorkerThread(worker, name, runner, self._enter, self._say, self._note_bar)
        self._threads[worker] = thread
        try:
            thread.start()
        except RuntimeError as error:  # Python 3.12 lets no thread begin once the program's end has
            if not self._late:
                print(f"nbflow: {error}: tasks that have not begun are lost", file=sys.stderr)
            self._late = True
            del self._threads[worker]
            self._post(ThreadEnded(worker), urgent=True)

    def stop(self, message: StopThread) -> None:
        """A thread is to end, whatever it runs."""
        thread = self._threads.get(message.worker)
        if thread is None or thread.stop(message.behind):
            self._threads.pop(message.worker, None)
            begun = (0, 0) if thread is None else thread.begun
            self._post(ThreadEnded(message.worker, *begun), urgent=True)

    def tell(self, message: ForThread) -> None:
        """Something is said to a thread."""
        thread = self._threads.get(message.worker)
        if thread is not None:
            thread.take(message.message)

    def close(self) -> None:
        """The flow has ended: part with all threads. Those that run something end when they can."""
        while self._threads:
            _, thread = self._threads.popitem()
            thread.stop()
        self._teller.close()
        if self.began:
            self.began = False
            self._restore_streams()

    def _enter(self, thread: WorkerThread) -> None:
        """A thread begins."""
        self._mine.thread = thread
        current.set_here(self.calls)

    def _say(self, worker: int, *messages: Any) -> None:
        if worker in self._threads:  # else nothing that it says counts any more
            self._post(*(FromThread(worker, message) for message in messages), urgent=True)

    # ------------------------------------------------------------ how far their tasks have come

    def note_progress(self, task: int, fraction: float | None, text: str) -> None:
        """The task of the calling thread says so."""
        thread: WorkerThread | None = getattr(self._mine, "thread", None)
        if thread is not None:
            thread.saying.note(task, fraction, text)
            self._teller.wake()

    def _note_bar(self, thread: WorkerThread, bar: Bar) -> None:
        thread.saying.note_bar(thread.begun[0], *bar)
        self._teller.wake()

    def _tell_progress(self) -> None:
        for worker, thread in tuple(self._threads.items()):
            task, attempt = thread.begun
            if (progress := thread.saying.take(task)) is not None:
                self._say(worker, Reported(task, attempt, progress))

    # ------------------------------------------------------------ for tasks that wait

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Entered while the task of the calling thread waits for another one: its slot is given up meanwhile."""
        thread: WorkerThread = self._mine.thread
        with thread.waits.waiting():
            yield
