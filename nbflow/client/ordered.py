"""The values of many futures in their order, with as many of them under way as wanted: how a pool maps.

Nothing here knows of flows: the futures are made by an iterator as they are asked for, and those that are not wanted
any more are handed to a function.

    calls ──in chunks of `chunks`──> futures ──`in_order`──> values, or chunks of them ──`flat`──> values
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import Any, TypeVar

T = TypeVar("T")
F = TypeVar("F", bound=Future[Any])


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items each, the last one of what is left; as lazy as the items are."""
    left = iter(items)
    return iter(lambda: list(islice(left, size)), [])


def chunked(fn: Callable[..., T], width: int) -> Callable[..., list[T]]:
    """A function of many arguments that calls `fn` with `width` of them after the other; errors show `fn` alone."""

    def chunk(*arguments: Any) -> list[T]:
        return [fn(*arguments[at : at + width]) for at in range(0, len(arguments), width)]

    chunk.__wrapped__ = fn  # type: ignore[attr-defined] # where source and traceback begin
    return chunk


def in_order(
    futures: Iterator[F],
    ahead: int | None,
    timeout: float | None,
    unwanted: Callable[[Iterable[F]], None],
) -> Iterator[Any]:
    """The futures' values in order. The first `ahead` futures are made by this call, all if None.

    One more is made whenever a value is asked for. `timeout` is in seconds from this call on. `unwanted` gets the
    futures whose values are not asked for any more, at the moment when that is certain: in a finalizer, perhaps.

    Raises:
        TimeoutError: from the iterator: the next value was not there in time.
        Exception: from the iterator: the next future's. From both: what making a future raised.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    made: deque[F] = deque()
    try:
        made.extend(islice(futures, ahead))
    except BaseException:
        unwanted(made)
        raise
    return _values(made, futures, deadline, unwanted)


def _values(
    made: deque[F], futures: Iterator[F], deadline: float | None, unwanted: Callable[[Iterable[F]], None]
) -> Iterator[Any]:
    try:
        while made:
            made.extend(islice(futures, 1))
            yield _first(made, deadline)  # not by a name, which would keep the value alive
    finally:
        unwanted(made)


def _first(made: deque[F], deadline: float | None) -> Any:
    value = made[0].result(None if deadline is None else max(0.0, deadline - time.monotonic()))
    made.popleft()
    return value


def flat(lists: Iterator[list[T]]) -> Iterator[T]:
    """The items of lists, which are emptied on the way."""
    for items in lists:
        items.reverse()
        while items:
            yield items.pop()
