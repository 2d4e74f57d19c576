"""How an event loop waits for futures. Loaded by the first `await`, for asyncio is slow to import.

Not by a callback of the future, as `asyncio.wrap_future` does it: the user's callbacks share one thread, and one that
blocks would hold up every `await`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, cast

from nbflow.client.promise import Promise

_interrupted: Callable[[], bool] = bool


class WaitingInterrupted(asyncio.CancelledError):
    """An interrupt has cancelled the coroutine that waited; what it waited for goes on."""


def tell_interrupts_by(interrupted: Callable[[], bool]) -> None:
    """From now on, `interrupted` says of a wait that is cancelled whether it is by an interrupt; `bool`: never."""
    global _interrupted
    _interrupted = interrupted


async def ended(future: Any) -> None:
    """Wait until a `Promise` has ended.

    A wait that is cancelled, as by a time limit, withdraws the future's task; one that is interrupted does not.
    """
    loop = asyncio.get_running_loop()
    waiter = _Waiter(loop)
    with future._condition:
        if future.done():
            return
        future._waiters.append(waiter)
    try:
        await waiter.told
    except asyncio.CancelledError:
        if _interrupted():
            raise WaitingInterrupted from None
        future.cancel(wait=False)  # other coroutines are not to stand still meanwhile
        raise
    finally:
        with future._condition:
            future._waiters.remove(waiter)


class _Waiter:
    """What `concurrent.futures.wait` puts into futures, too: it is told of their end where the socket is read."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.told: asyncio.Future[None] = loop.create_future()
        self._loop = loop

    def add_result(self, _: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._tell)

    add_exception = add_cancelled = add_result

    def _tell(self) -> None:
        if not self.told.done():
            self.told.set_result(None)


async def all_ended(futures: Sequence[Future[Any]], until_failure: bool) -> Future[Any] | None:
    """Wait until all have ended, or the first has failed: that one.

    A wait that is cancelled withdraws the others; one that is interrupted does not.
    """
    waiter = _Counter(asyncio.get_running_loop(), until_failure)
    entered: list[Any] = []
    try:
        future: Any  # what only its waiters see of it is not in its type
        for future in dict.fromkeys(futures):
            with future._condition:
                if not future.done():
                    waiter.left += 1
                    future._waiters.append(waiter)
                    entered.append(future)
                    continue
            if until_failure and (future.cancelled() or future.exception(0) is not None):
                return cast("Future[Any]", future)
        return await waiter.told if entered else None
    except asyncio.CancelledError:
        if _interrupted():
            raise WaitingInterrupted from None
        for future in entered:
            _withdraw(future)
        raise
    finally:
        for future in entered:
            with future._condition:
                future._waiters.remove(waiter)


async def value_of(future: Future[Any]) -> Any:
    """What an ended future gives to whoever awaits it."""
    return await (future if isinstance(future, Promise) else asyncio.wrap_future(future))


def _withdraw(future: Any) -> None:
    if isinstance(future, Promise):
        future.cancel(wait=False)  # type: ignore[call-arg] # as all of ours can
    else:
        future.cancel()


class _Counter:
    """A waiter of several futures, which end in any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, until_failure: bool) -> None:
        self.told: asyncio.Future[Future[Any] | None] = loop.create_future()
        self.left = 0  # the loop's own thread counts
        self._loop = loop
        self._until_failure = until_failure

    def add_result(self, _: Future[Any]) -> None:
        self._ended(None)

    def add_exception(self, future: Future[Any]) -> None:
        self._ended(future if self._until_failure else None)

    add_cancelled = add_exception

    def _ended(self, failed: Future[Any] | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._count, failed)

    def _count(self, failed: Future[Any] | None) -> None:
        self.left -= 1
        if not self.told.done() and (failed is not None or not self.left):
            self.told.set_result(failed)
