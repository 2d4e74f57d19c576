"""How an event loop waits for a future of nbflow. Loaded by the first `await`, for asyncio is slow to import.

Not by a callback of the future, as `asyncio.wrap_future` does it: the user's callbacks share one thread, and one that
blocks would hold up every `await`.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from contextlib import suppress
from typing import Any


async def ended(future: Any) -> None:
    """Wait until a `Promise` has ended. A wait that is cancelled, as by a time limit, withdraws the future's task."""
    loop = asyncio.get_running_loop()
    waiter = _Waiter(loop)
    with future._condition:
        if future.done():
            return
        future._waiters.append(waiter)
    try:
        await waiter.told
    except asyncio.CancelledError:
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
