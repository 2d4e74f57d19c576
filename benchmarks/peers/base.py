"""What a workload asks of a peer, and the least that makes a graph of an executor that knows no dependencies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

WORKERS = 2

Call = Callable[..., Any]


class Unsupported(Exception):
    """The peer has nothing of the kind; the text says what is missing."""


class Peer:
    """A way to run functions in the background: made ready by its constructor, ended by `close`."""

    def calls(self, function: Call) -> Call:
        """What to call in order to run `function` on arguments that are plain values; gives a future."""
        raise NotImplementedError

    def links(self, function: Call) -> Call:
        """The same, where arguments may be futures of this peer, which are waited for in the background."""
        return self.calls(function)

    def result(self, future: Any) -> Any:
        """Wait for one value."""
        return future.result()

    def results(self, futures: Sequence[Any]) -> list[Any]:
        """Wait for all values."""
        return [future.result() for future in futures]

    def map(self, function: Call, items: Iterable[Any]) -> list[Any]:
        """All values of a function by the peer's own way for many short calls."""
        raise Unsupported("has no map of its own")

    def close(self) -> None:
        """End it, and all its processes."""


class OnExecutor(Peer):
    """A `concurrent.futures.Executor`; its futures are made a graph by callbacks that submit."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    def calls(self, function: Call) -> Call:
        return partial(self.executor.submit, function)

    def links(self, function: Call) -> Call:
        return partial(self._when_ready, function)

    def _when_ready(self, function: Call, *args: Any) -> Future[Any]:
        needs = [arg for arg in args if isinstance(arg, Future)]
        if not needs:
            return self.executor.submit(function, *args)
        promise: Future[Any] = Future()
        left = len(needs)
        lock = threading.Lock()

        def settled(_: Future[Any]) -> None:
            nonlocal left
            with lock:
                left -= 1
                if left:
                    return
            values = [arg.result() if isinstance(arg, Future) else arg for arg in args]
            self.executor.submit(function, *values).add_done_callback(hand_on)

        def hand_on(done: Future[Any]) -> None:
            error = done.exception()
            if error is None:
                promise.set_result(done.result())
            else:
                promise.set_exception(error)

        for need in needs:
            need.add_done_callback(settled)
        return promise

    def close(self) -> None:
        self.executor.shutdown()
