"""What a call is remembered by: the keys of the memo, in the process that makes the call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from nbflow.client.carriage import Callee
from nbflow.client.datafuture import DataFuture
from nbflow.client.future import AppFuture
from nbflow.client.special import Special
from nbflow.values import memo
from nbflow.values.pickling import Needed


def key_of_call(
    callee: Callee,
    by_value: bool,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    special: Special,
    need: Callable[[Future[Any]], AppFuture],
    directories: Sequence[str],
) -> bytes:
    """The key of a call; b"" if it cannot be remembered.

    `by_value`: the app was captured, rather than mentioned; `need`: gives the flow's own future for any one;
    `directories`: in which it may run.
    """
    if not (function := callee.captor.fingerprint(callee.name, captured=by_value)):
        return b""

    def counts_as(future: Future[Any]) -> bytes:
        """What a future counts by: one that is not of this flow by its call, if that has a lasting key."""
        here = need(future)
        if isinstance(future, Needed):
            name = future.counts_as()
            if future.settles_with() is here or memo.lasts(name):
                return name
        return memo.key_of_part(here.counts_as(), future.filepath if isinstance(future, DataFuture) else None)

    call = memo.Call(
        callee.name,
        callee.options.kind,
        function,
        callee.parameters.signature,
        args,
        kwargs,
        special.counted,
        callee.options.ignore_for_cache,
        directories,
    )
    return memo.key_of(call, counts_as)
