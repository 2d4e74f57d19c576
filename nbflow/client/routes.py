"""Where a call may run, and how it gets there: to another process, or to a thread of this one.

What it is turned into for either is `carriage`'s subject.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nbflow.client.arguments import Arguments
from nbflow.client.carriage import Callee, Parcel, captor_of, kept, packed
from nbflow.client.future import AppFuture
from nbflow.client.options import Options
from nbflow.errors import CannotPickle, UsageError
from nbflow.values import outcome, pickling
from nbflow.values.pickling import settling
from nbflow.values.resolvers import (
    DEEP_DEPENDENCY_RESOLVER,
    SHALLOW_DEPENDENCY_RESOLVER,
    DependencyResolver,
)
from nbflow.wire.outcomes import Held

if TYPE_CHECKING:  # a worker has none
    from nbflow.client.tasks.threads import Threads


class Routes:
    """Of the calls of one process to the `executors` of a flow. `call` makes a task of a call."""

    def __init__(
        self,
        executors: Sequence[str],
        threads: Threads | None,
        resolver: DependencyResolver,
        arguments: Arguments,
        store_dirs: Sequence[str],
        call: Callable[[Callee, tuple[Any, ...], dict[str, Any]], AppFuture],
    ) -> None:
        self._executors = tuple(executors)
        self._threads = threads
        self._resolver = resolver
        self._arguments = arguments
        self._store_dirs = store_dirs
        self._call = call

    def name_executors(self, labels: Sequence[str]) -> None:
        """The executors that calls may name from now on."""
        self._executors = tuple(labels)

    def allowed(self, options: Options) -> tuple[str, ...]:
        """The executors that an app with these options names, () for any. Raises `UsageError` for an unknown one."""
        unknown = [label for label in options.executors if label not in self._executors]
        if unknown and not (self._threads is not None and self._threads.knows(unknown)):
            known = ", ".join(self._executors)
            raise UsageError(f"`{options.name}` wants executor {unknown[0]!r}; this flow has: {known}")
        return options.executors

    def of_the_value(self, future: AppFuture) -> tuple[str, ...]:
        """The executors for what only looks at a future's value: it is to be read where it is, as far as that is known.

        A value of a thread stays here, and need not be one that can travel.
        """
        threads = self._threads
        if threads is None or threads.alone_serve(()):
            return ()
        future = settling(future)
        asked = future._options.executors
        stays = type(future._outcome) is Held or (asked and not future.done() and threads.alone_serve(asked))
        return (threads.of_the_flow(),) if stays else ()

    def take_many(self, options: Options) -> bool:
        """Whether calls of an app with these options may travel many at a time: to other processes only."""
        if self._resolver is not DEEP_DEPENDENCY_RESOLVER:
            return False
        threads = self._threads
        return threads is None or not threads.may_serve(options.executors or self._executors)

    def parcel(
        self, callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any], executors: tuple[str, ...]
    ) -> tuple[Parcel, tuple[str, ...]]:
        """The call as it travels, and where it may run; what cannot travel may be able to stay here."""
        threads = self._threads
        if threads is not None and threads.alone_serve(executors):
            return kept(callee, args, kwargs, threads.held, self._resolver), executors
        try:
            if threads is not None and self._resolver is not DEEP_DEPENDENCY_RESOLVER:
                return self._resolved(callee, args, kwargs, threads), executors
            return packed(callee, args, kwargs, self._arguments), executors
        except CannotPickle:
            if threads is None or executors or callee.options.kind != "join":
                raise
        # a join app's body only makes calls: it can run here as well
        return kept(callee, args, kwargs, threads.held, self._resolver), (threads.of_the_flow(),)

    def _resolved(
        self, callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any], threads: Threads
    ) -> Parcel:
        """A call for another process whose futures are found, and their values put in, by the user's resolver."""
        futures = self._resolver.gather(args, kwargs)
        if self._resolver is SHALLOW_DEPENDENCY_RESOLVER:
            parcel = packed(callee, args, kwargs, self._arguments)
            if len(parcel.needs) > len({id(settling(future)) for future in futures}):
                raise UsageError(
                    f"`{callee.name}` was given a future inside a container: the SHALLOW_DEPENDENCY_RESOLVER of this "
                    "flow's configuration looks at arguments and the elements of inputs only"
                )
            return parcel
        if not futures:
            args, kwargs = self._resolver.unwrap(args, kwargs)
            return packed(callee, args, kwargs, self._arguments)
        parcel = packed(callee, (), {}, self._arguments)  # before a task is made that may not be needed
        # the resolver is the user's code and runs here, when all is done; what it gives goes to the call as a value
        both = self._call(
            Callee(Options("resolve", executors=(threads.of_the_flow(),)), captor_of(_both)), args, kwargs
        )
        return parcel._replace(payload=outcome.store(pickling.dumps(both), self._store_dirs), needs=[both])


def _both(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments, resolved on the way."""
    return args, kwargs
