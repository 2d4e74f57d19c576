"""Calls made inside a task: the worker as a client, over its own channel to the scheduler."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nbflow.client.callbacks import Callbacks
from nbflow.client.record import Facts
from nbflow.client.tasks.progress import Saying
from nbflow.client.tasks.waits import Waits
from nbflow.errors import UsageError

_BATCH = 64


class NestedLink:
    """The `Link` of the calls inside tasks.

    `send` sends a frame; `rouse` has what has gathered sent soon; `listen` has the socket read while a task waits.
    """

    def __init__(
        self, send: Callable[[list[Any]], None], listen: Callable[[], None], rouse: Callable[[], None]
    ) -> None:
        self._send = send
        self._listen = listen
        self._rouse = rouse
        self.saying = Saying()
        self._gathered: list[Any] = []
        self._lock = threading.RLock()  # a finalizer that the collector runs with it held may make calls
        self._waits = Waits(self.post)
        self._callbacks = Callbacks()
        self._said = Callbacks("nbflow-log")

    def post(self, *messages: Any, urgent: bool = False) -> None:
        """Gather messages; they go with the end of the task, or before."""
        with self._lock:
            self._gathered += messages
            full = len(self._gathered) >= _BATCH
        if full or urgent:
            self.flush()
        else:
            self._rouse()

    @property
    def gathered(self) -> bool:
        """Whether there is something to be sent."""
        return bool(self._gathered)

    def end(self) -> list[Any]:
        """The task has ended: what has gathered, to be sent before its answer."""
        self._waits.end()
        return self.take() if self._gathered else []

    def take(self) -> list[Any]:
        """What has gathered, to be sent by the caller before anything else."""
        with self._lock:
            batch, self._gathered = self._gathered, []
        return batch

    def flush(self) -> None:
        """Send what has gathered."""
        if batch := self.take():
            self._send(batch)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The task waits for another one: its slot is given up meanwhile."""
        try:
            with self._waits.waiting():
                self.flush()
                self._listen()
                yield
        finally:
            self.flush()

    def read_until(self, done: Callable[[], bool], deadline: float | None) -> None:
        """The attendant reads while a task runs."""

    def call_back(self, callbacks: Callable[[], None]) -> None:
        """Run a future's callbacks on a thread of their own."""
        self._callbacks.put(callbacks)

    def say(self, what: Callable[[], None]) -> None:
        """Call what logs."""
        self._said.put(what)

    def note_progress(self, task: int, fraction: float | None, text: str) -> None:
        """The task says how far it has come; the attendant sends it."""
        self.saying.note(task, fraction, text)

    def facts_of(self, task: int) -> Facts | None:
        """Inside a task only the end of another one is told."""
        return None

    def retry(self, task: int, dependants: bool = False) -> list[int]:
        """Inside a task nothing is tried again: whoever called it may have heard of its end."""
        raise UsageError("inside a task no other one is tried again: call the app anew")
