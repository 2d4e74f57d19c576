"""Futures of other libraries, and of other flows, as tasks of this one: whatever waits for them is in the graph.

Each is adopted once, and delivered when it is done, on whatever thread says so.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from nbflow.client.future import AppFuture
from nbflow.client.promise import Promise
from nbflow.errors import CannotPickle, describe
from nbflow.values import outcome
from nbflow.values.short import short
from nbflow.wire.messages import Deliver
from nbflow.wire.outcomes import Failure, Held, Inline, Stored, Withdrawn


class Outside:
    """The adopted futures of one process. `make` makes a future of this flow, of a name, and says so to the scheduler;
    `keep` makes something that can be delivered of a value; `post` sends it."""

    def __init__(
        self,
        make: Callable[[str], AppFuture],
        keep: Callable[[Any], Inline | Stored | Held],
        post: Callable[..., None],
        show_values: bool = True,
    ) -> None:
        self._make = make
        self._keep = keep
        self._post = post
        self._show_values = show_values
        self._adopted: dict[int, tuple[weakref.ref[Future[Any]], AppFuture]] = {}  # by identity
        self._lock = threading.RLock()  # a finalizer may come by

    def adopt(self, future: Future[Any]) -> AppFuture:
        """The future of this flow that ends as that one does."""
        number = id(future)  # what equality is, may be the user's code
        name: str = getattr(future, "app_name", "future") if isinstance(future, Promise) else "future"
        gone = weakref.ref(future, lambda _: self._adopted.pop(number, None))
        with self._lock:
            if number in self._adopted:
                return self._adopted[number][1]
            known = self._make(name)
            self._adopted[number] = gone, known
        # without the lock: one that is done is delivered at once, and its value may do anything while it is pickled
        future.add_done_callback(functools.partial(self._deliver, known.tid))
        return known

    def _deliver(self, number: int, future: Future[Any]) -> None:
        self._post(Deliver(number, *self._outcome(future)), urgent=True)

    def _outcome(self, future: Future[Any]) -> tuple[Inline | Stored | Held | Failure | Withdrawn, str]:
        if future.cancelled():
            return Withdrawn(), ""
        error = future.exception()
        if error is not None:
            return outcome.pack_error(error), ""
        value = future.result()
        try:
            return self._keep(value), short(value) if self._show_values else ""
        except BaseException as failure:  # the value's own code runs here
            kind, why = type(value).__name__, describe(failure)
            cannot = CannotPickle(f"what a future of another library gave ({kind}) cannot travel: {why}")
            return outcome.pack_error(cannot), ""
