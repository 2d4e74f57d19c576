"""One thread of the user's process that runs tasks, as a worker does: its queue, and what it runs them with.

What it gets and gives stays in this process. Loaded when a first thread is wanted.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import CodeType
from typing import Any

from nbflow.client import quiet
from nbflow.client.future import AppFuture
from nbflow.client.held import HeldCall, HeldValues
from nbflow.client.tasks import streams
from nbflow.client.tasks.bars import Bar
from nbflow.client.tasks.progress import Saying
from nbflow.client.tasks.running import Runner, code_of, returned_a_future
from nbflow.client.tasks.streams import TaskEnded
from nbflow.client.tasks.waits import Waits
from nbflow.values import outcome
from nbflow.values.pickling import NeededTogether
from nbflow.wire.messages import Define, Hello, Returned, Run, TakeBack
from nbflow.wire.outcomes import Held, Inline, Stored


class WorkerThread:
    """One thread and its queue."""

    def __init__(
        self,
        worker: int,
        name: str,
        runner: ThreadRunner,
        enter: Callable[[WorkerThread], None],
        say: Callable[..., None],
        on_bar: Callable[[WorkerThread, Bar], None],
    ) -> None:
        self.worker = worker
        self.task: int | None = None
        self.begun = (0, 0)  #: (task, attempt) that it has begun last
        self.saying = Saying()
        runner.capture.on_bar = functools.partial(on_bar, self)
        self._runner = runner
        self._enter = enter
        self._say = say
        self.waits = Waits(lambda message: say(worker, message))
        self._queue: dict[int, Run] = {}
        self._changed = threading.Condition()
        self._stopped = False
        # a daemon: a program that ends does not wait for a task that cannot be stopped
        self._thread = threading.Thread(target=self._work, name=f"{name}-{worker}", daemon=True)

    def start(self) -> None:
        """Begin to work; from now on it is heard."""
        self._thread.start()

    def take(self, message: Any) -> None:
        """A message for this worker."""
        if isinstance(message, Run):
            with self._changed:
                self._queue[message.id] = message
                self._changed.notify()
        elif isinstance(message, Define):
            self._runner.define(message)
        elif isinstance(message, TakeBack):
            with self._changed:
                back = [number for number in message.ids if self._queue.pop(number, None) is not None]
            kept = [number for number in message.ids if number not in back]
            self._say(self.worker, Returned(back, kept))

    def stop(self, behind: Sequence[int] = ()) -> bool:
        """End the thread: at once where it waits, as soon as can be where it runs something.

        False if it has begun one of the tasks `behind`, and goes on.
        """
        with self._changed:
            if self.begun[0] in behind:
                return False
            self._stopped = True
            self._queue.clear()
            self._changed.notify()
            if self.task is not None:
                self._runner.capture.stop()
                thread = self._thread.ident or 0
                raises = ctypes.pythonapi.PyThreadState_SetAsyncExc
                at_once = functools.partial(raises, ctypes.c_ulong(thread), ctypes.py_object(TaskEnded))
                quiet.end(thread, TaskEnded, at_once)
            return True

    def _work(self) -> None:
        self._enter(self)
        try:
            self._say(self.worker, Hello(os.getpid()))
            while (run := self._next()) is not None:
                answer = self._runner.run(run)
                self.waits.end()
                self._say(self.worker, answer)
                self._runner.joined = None
                del run, answer  # nothing of a task outlives it here
        except TaskEnded:
            pass  # it came late, when the task had ended
        finally:
            streams.leave()

    def _next(self) -> Run | None:
        with self._changed:
            self.task = None
            self._changed.wait_for(lambda: self._queue or self._stopped)
            if self._stopped:
                return None
            run = self._queue.pop(next(iter(self._queue)))
            self.task = run.id
            self.begun = run.id, run.attempt
            return run


class ThreadRunner(Runner):
    """Runs tasks whose function, arguments and value stay in this process."""

    capture: streams.ThreadCapture

    def __init__(
        self,
        held: HeldValues,
        store_dirs: Sequence[str],
        adopt: Callable[..., AppFuture],
        show_values: bool,
        run_id: str,
        worker: int,
    ) -> None:
        super().__init__(store_dirs, streams.ThreadCapture(run_id, worker), adopt, show_values)
        self._held = held

    def _function(self, run: Run) -> tuple[Callable[..., Any], CodeType | None]:
        if not isinstance(run.payload, Held):  # a call made inside a task of another process
            return super()._function(run)
        call: HeldCall = self._held[run.payload.number]
        return call.function, code_of(call.function)

    def _arguments(self, run: Run) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if isinstance(run.payload, Held):
            call: HeldCall = self._held[run.payload.number]
            return call.arguments()
        # nothing is sent ahead to a thread behind what it needs
        needs = [outcome.load(value, held=self._held) for value in run.values]  # type: ignore[arg-type]
        args, kwargs = outcome.load(run.payload, needs)
        return args, kwargs

    def _pack(self, value: Any, run: Run) -> Inline | Stored | Held:
        if issubclass(type(value), (Future, NeededTogether)):  # one inside of a value is what it is here
            raise returned_a_future(run.app)
        return self._held.put(value)
