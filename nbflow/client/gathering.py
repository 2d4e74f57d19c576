"""Several futures at once: `as_completed` gives them as they end, `gather` their values, in order.

Both take whatever is a `concurrent.futures.Future`: those of tasks, of files and of a sweep's items, sweeps, and those
of other libraries.
"""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Generator, Iterable, Iterator
from typing import Any, NoReturn

from nbflow.legible import shorten
from nbflow.values.pickling import NeededTogether
from nbflow.values.short import short


def as_completed(
    futures: Iterable[concurrent.futures.Future[Any]], timeout: float | None = None
) -> Iterator[Any]:
    """The futures, each as soon as it has ended, well or not; those that have ended already first, in the given order.

    >>> for future in nbflow.as_completed([fit(x) for x in range(10)]):     # doctest: +SKIP
    ...     print(future.result())

    Args:
        futures: any futures, or a sweep, which has one for each item. One that is given twice comes once.
        timeout: seconds from this call on, after which those that have not ended are not waited for; None = no limit.

    Raises:
        TimeoutError: while it is gone through, when the time is over. The tasks go on.
        TypeError: something among them is no `concurrent.futures.Future`.
    """
    given = dict.fromkeys(_checked("as_completed(...)", futures))
    deadline = None if timeout is None else time.monotonic() + timeout
    return _ended_first(given, deadline)


def _ended_first(
    given: dict[concurrent.futures.Future[Any], None], deadline: float | None
) -> Iterator[concurrent.futures.Future[Any]]:
    ended = [future for future in given if future.done()]
    for future in ended:
        del given[future]  # nothing here holds what was handed out
    while ended:
        yield ended.pop(0)
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    waiting = set(given)
    given.clear()
    yield from concurrent.futures.as_completed(waiting, left)


def gather(*futures: concurrent.futures.Future[Any], return_exceptions: bool = False) -> Gathering:
    """The values of several futures, in their order: `await` it, or ask for its `result()`.

    >>> images, labels = await nbflow.gather(load_images(), load_labels())         # doctest: +SKIP
    >>> nbflow.gather(*map(fit, range(10))).result(timeout=60)                       # doctest: +SKIP

    The first failure is raised at once, and the other tasks go on; with `return_exceptions`, all are waited for, and
    errors stand among the values. An `await` of it that is cancelled, as by a time limit, withdraws all tasks that
    have not ended, as an `await` of one future does; a `result()` that is interrupted or takes too long withdraws none.

    Raises:
        TypeError: something is no `concurrent.futures.Future`.
    """
    if len(futures) == 1 and isinstance(futures[0], (list, tuple, set)):
        raise TypeError("gather() takes the futures one by one: gather(*futures)")
    return Gathering(_checked("gather(...)", futures), return_exceptions)


class Gathering(NeededTogether):
    """What `gather` gives: the promise of the list of values. Given to an app it is that list. Made by nobody else."""

    def __init__(self, futures: list[concurrent.futures.Future[Any]], return_exceptions: bool) -> None:
        self.futures = futures
        self._keeps_errors = return_exceptions

    def result(self, timeout: float | None = None) -> list[Any]:
        """The values; waits at most `timeout` seconds (None = as long as it takes).

        Raises:
            TimeoutError: they have not ended in time; they go on.
            Exception: what the first of them that failed has raised, unless errors are to stand among the values.
        """
        for future in as_completed(self.futures, timeout):
            if not self._keeps_errors and _failed(future):
                future.result(0)
        return self._values()

    def done(self) -> bool:
        """Whether all have ended, well or not."""
        return all(future.done() for future in self.futures)

    def __iter__(self) -> NoReturn:
        raise TypeError("what gather() gives cannot be iterated before it is done: use its result()")

    def needed(self) -> list[concurrent.futures.Future[Any]]:
        """For an app that it is given to, or a join app that returns it."""
        if self._keeps_errors:
            raise TypeError(
                "what gather(..., return_exceptions=True) gives stays here: a task whose need fails is not run"
            )
        return self.futures

    def __await__(self) -> Generator[Any, None, list[Any]]:
        from nbflow.client.awaiting import all_ended, value_of  # asyncio is slow to import

        failed = yield from all_ended(self.futures, not self._keeps_errors).__await__()
        if failed is not None:
            yield from value_of(failed).__await__()
        return self._values()

    def _values(self) -> list[Any]:
        if not self._keeps_errors:
            return [future.result(0) for future in self.futures]
        return [_value_or_error(future) for future in self.futures]

    def __repr__(self) -> str:
        ended = sum(future.done() for future in self.futures)
        return f"<gathering of {len(self.futures)} futures, {ended} of them done>"


def _failed(future: concurrent.futures.Future[Any]) -> bool:
    return future.cancelled() or future.exception(0) is not None


def _value_or_error(future: concurrent.futures.Future[Any]) -> Any:
    try:
        error = future.exception(0)
    except concurrent.futures.CancelledError as cancelled:
        return cancelled
    return future.result(0) if error is None else error


def _checked(called: str, futures: Iterable[Any]) -> list[concurrent.futures.Future[Any]]:
    try:
        found = list(futures)
    except TypeError:
        raise TypeError(
            f"{called} takes a list or another iterable of futures, not {short(futures)}"
        ) from None
    for future in found:
        if not isinstance(future, concurrent.futures.Future):
            raise TypeError(f"{called} takes concurrent.futures futures, not {shorten(repr(future))}")
    return found
