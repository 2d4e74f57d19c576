"""`NbflowPoolExecutor`: a `concurrent.futures.Executor` whose tasks are tasks of a flow.

    with NbflowPoolExecutor(Config()) as pool:
        print(list(pool.map(pow, range(5), range(5))))        # [1, 1, 4, 27, 256]

What the standard library says of executors holds here, with these differences:

- a call that cannot be made (arguments that do not fit or cannot travel) is refused by `submit` or `map` itself;
- `future.cancel()` ends a running task as well; `shutdown(cancel_futures=True)` and `map` leave running ones alone;
- the keywords `inputs`, `outputs`, `stdout`, `stderr` and `walltime` mean what they mean for apps;
- a lost worker costs the tasks that it ran, never the pool: there is no `BrokenExecutor`;
- there is no `initializer`: what is to be made once in a worker is kept there by a module, with `functools.lru_cache`
  for instance.

What a pool that is let go, or the iterator of `map`, still has to do is done by a thread (`_errands`): finalizers may
take no lock.
"""

from __future__ import annotations

import concurrent.futures
import functools
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Literal, NoReturn, TypeVar

from nbflow.checking import at_least_one
from nbflow.client import current
from nbflow.client.app import App, python_app
from nbflow.client.carriage import Callee
from nbflow.client.errands import Errands
from nbflow.client.flow.kernel import DataFlowKernel
from nbflow.client.future import AppFuture
from nbflow.client.options import LABELS, Options, labels_of, name_of
from nbflow.client.ordered import chunked, chunks, flat, in_order
from nbflow.config import Config
from nbflow.errors import ConfigurationError, FlowClosed, UsageError
from nbflow.values.functions import Captor
from nbflow.values.short import short

T = TypeVar("T")

MOST_APPS = 64  # functions that a pool keeps as apps; the least recently used one goes first


class NbflowPoolExecutor(concurrent.futures.Executor):
    """An executor on a flow of its own, or on one that is there. Its futures are `AppFuture`s: apps take them as needs.

    Args:
        config: start a flow of the pool's own, whatever else is loaded. It ends with the pool, once all its tasks have.
            While nothing else is loaded, apps use it too.
        dfk: use this flow and leave it running at the end.
        executors: "all", or the labels of the flow's executors on which the pool's tasks may run.

    Raises:
        ValueError: both of `config` and `dfk` are given, or none.
        ConfigurationError: one of them cannot be used.
    """

    def __init__(
        self,
        config: Config | None = None,
        dfk: DataFlowKernel | None = None,
        executors: Literal["all"] | Iterable[str] = "all",
    ) -> None:
        if (config is None) == (dfk is None):
            given = "neither was" if config is None else "both were"
            raise ValueError(f"a pool takes one of config= and dfk=, and {given} given")
        if dfk is not None and not isinstance(dfk, DataFlowKernel):
            raise ConfigurationError(f"a pool's dfk= is a DataFlowKernel, as load() gives it, not {dfk!r}")
        labels = labels_of(executors)
        if labels is None:
            raise ConfigurationError(f"a pool's executors= is {LABELS}, not {executors!r}")
        there = [executor.label for executor in config.executors] if config is not None else []
        there += dfk.executors if dfk is not None else []
        if unknown := [label for label in labels if label not in there]:
            raise ConfigurationError(
                f"a pool's executors= names {unknown[0]!r}; its flow has: {', '.join(there)}"
            )
        self._labels = labels
        self._lock = threading.Lock()  # never held while a call is made: that may run the user's code
        self._closed = ""  # why it takes no more calls
        self._apps: OrderedDict[Any, App | Callee] = OrderedDict()
        # reference to a function -> its app, for as long as the app, or a future of its calls, is held
        self._lent: weakref.WeakValueDictionary[weakref.ref[Any], App] = weakref.WeakValueDictionary()
        self._futures = _Futures()
        self._owns = dfk is None
        self._dfk = DataFlowKernel(config) if dfk is None else dfk
        if self._owns:
            if (used := current.get_current()) is None or used.closed:
                current.set_current(self._dfk.calls)
            self._abandoned = weakref.finalize(self, _errands.put, functools.partial(_end_later, self._dfk))
            self._abandoned.atexit = False
        _pools.add(self)
        _errands.start()

    # ------------------------------------------------------------ what a Parsl user knows

    @property
    def dfk(self) -> DataFlowKernel:
        """The flow that runs the tasks."""
        return self._dfk

    @property
    def executors(self) -> Literal["all"] | list[str]:
        """ "all", or the labels of the executors that the pool's tasks may use."""
        return list(self._labels) or "all"

    @property
    def app_count(self) -> int:
        """How many functions the pool keeps as apps now, at most `MOST_APPS`; none that carries an object."""
        with self._lock:
            return len({fn for fn, _ in self._apps})

    def get_app(self, fn: Callable[..., Any]) -> App:
        """The app that a function is to this pool; the same one each time while the pool keeps it.

        Raises:
            UsageError: it is an app already.
        """
        app: App = self._kept(
            fn, 0, lambda: python_app(data_flow_kernel=self._dfk, executors=self.executors)(fn)
        )
        return app

    # ------------------------------------------------------------ what an executor does

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> AppFuture:
        """Make a task of `fn(*args, **kwargs)`; returns its future at once.

        Futures among the arguments, of apps or of any library, are waited for and replaced by their values.

        Raises:
            RuntimeError: the pool was shut down, or its flow has ended.
            TypeError: `fn` would not take these arguments.
            CannotPickle: an argument, or what `fn` refers to, cannot travel to another process.
        """
        self._check_open()
        app = self.get_app(fn)
        return self._call(app, lambda: app(*args, **kwargs))

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """The values of `fn` called with an item of each iterable, in their order, as far as the shortest one goes.

        When the iterator is closed, raises or is let go before its end, the tasks that have not begun are withdrawn.

        Args:
            fn: the function.
            iterables: where its arguments come from.
            timeout: seconds from this call on within which values are waited for; None = no limit.
            chunksize: how many calls make one task.
            buffersize: how many tasks to be ahead of the values that were taken, so that the iterables may be endless
                and values are not piled up; None = make all tasks at once.

        Raises:
            TimeoutError: from the iterator: the next value was not there in time.
            Exception: from the iterator: what a call raised.
            ValueError: `chunksize` or `buffersize` is less than 1.
            RuntimeError: the pool was shut down, or its flow has ended.
        """
        chunksize = at_least_one("map(chunksize=...)", chunksize)
        if buffersize is not None:
            buffersize = at_least_one("map(buffersize=...)", buffersize)
        calls = zip(*iterables)  # noqa: B905 - as far as the shortest one goes
        # not the pool: the iterator does not keep it alive
        unwanted = functools.partial(_withdraw, self._dfk)
        futures: Iterator[AppFuture]
        if chunksize == 1:
            futures = (self.submit(fn, *args) for args in calls)
            return in_order(futures, buffersize, timeout, unwanted)
        futures = self._submit_chunks(fn, chunks(calls, chunksize))
        return flat(in_order(futures, buffersize, timeout, unwanted))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls. May be called again.

        Args:
            wait: return when the pool's tasks have ended, and its own flow with them; otherwise return at once, and
                the flow ends after the last task.
            cancel_futures: withdraw the pool's tasks that have not begun.
        """
        with self._lock:
            self._closed = self._closed or "was shut down"
            self._apps.clear()
        if cancel_futures:
            self._dfk.calls.withdraw([future.tid for future in self._futures.alive() if not future.done()])
        if self._owns:
            self._abandoned.detach()
            (_end if wait else _end_later)(self._dfk)
        elif wait:
            self._dfk.flush()
            concurrent.futures.wait(self._futures.alive())

    # ------------------------------------------------------------ calls

    def _call(self, called: App | Callee, make: Callable[[], AppFuture]) -> AppFuture:
        try:
            future = make()
        except FlowClosed as error:
            raise RuntimeError(f"the pool takes no more calls: {error}") from error
        future.called = called
        try:
            with self._lock:
                self._check_open()
                self._futures.add(future)
        except RuntimeError:  # it was shut down while the call was made: nobody waits for it
            self._dfk.calls.withdraw([future.tid])
            raise
        return future

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError(f"the pool {self._closed}: it takes no more calls")

    def _submit_chunks(
        self, fn: Callable[..., Any], chunked_calls: Iterable[list[tuple[Any, ...]]]
    ) -> Iterator[AppFuture]:
        """A task of each list of calls. Their arguments stand side by side: so futures among them are direct ones."""
        callee: Callee | None = None
        for calls in chunked_calls:
            self._check_open()
            if callee is None:
                width = len(calls[0])
                callee = self._kept(fn, width, functools.partial(self._chunk, fn, width))
            arguments = tuple(chain.from_iterable(calls))
            yield self._call(callee, functools.partial(self._dfk.calls.call, callee, arguments, {}))

    def _chunk(self, fn: Callable[..., Any], width: int) -> Callee:
        return Callee(Options(name_of(fn), executors=self._labels), Captor(chunked(fn, width)))

    def _kept(self, fn: Callable[..., Any], width: int, make: Callable[[], Any]) -> Any:
        """What was made of a function before. Of callables that carry an object it is not kept here, lest that be so.

        A function with a closure or defaults is one app for as long as a future of its calls is held; another callable
        is made an app by each call.
        """
        if isinstance(fn, App):
            raise UsageError(
                f"a pool takes plain functions, not {fn!r}: call an app, it gives a future itself"
            )
        if not callable(fn):
            raise TypeError(f"a pool takes functions, not {short(fn)}")
        if not isinstance(fn, (FunctionType, type)) and not (
            isinstance(fn, BuiltinFunctionType) and isinstance(fn.__self__, ModuleType)
        ):
            return make()
        if isinstance(fn, FunctionType) and _carries(fn):
            return make() if width else self._borrowed(fn, make)
        with self._lock:
            found = self._apps.get((fn, width))
        if found is None:
            found = make()  # may be made twice; the first one counts
        with self._lock:
            found = self._apps.setdefault((fn, width), found)
            self._apps.move_to_end((fn, width))
            if len(self._apps) > MOST_APPS:
                self._apps.popitem(last=False)
            return found

    def _borrowed(self, fn: FunctionType, make: Callable[[], App]) -> App:
        reference = weakref.ref(fn)
        with self._lock:
            found = self._lent.get(reference)
        if found is None:
            found = make()
            with self._lock:
                found = self._lent.setdefault(reference, found)
        return found

    def __reduce__(self) -> NoReturn:
        raise TypeError("a pool stays in the process that made it: inside a task, call apps instead")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self._dfk!r}{', closed' if self._closed else ''}>"

    def _forked(self) -> None:
        """In a forked child: nothing of the pool is here, and nothing is to be waited for."""
        self._closed = "belongs to the process that this one was forked from"
        self._lock = threading.Lock()  # whoever held it does not exist here
        self._futures = _Futures()
        if self._owns:
            self._abandoned.detach()
            self._owns = False


def _carries(fn: FunctionType) -> bool:
    """Whether a function keeps something alive beside its module."""
    return bool(fn.__closure__ or fn.__defaults__ or fn.__kwdefaults__ or fn.__dict__)


class _Futures:
    """The futures that a pool has given out, as far as somebody holds them or they have not ended."""

    def __init__(self) -> None:
        self._references: list[weakref.ref[AppFuture]] = []
        self._look_at = 1000  # how many there are when it pays to look which are still alive

    def add(self, future: AppFuture) -> None:
        self._references.append(weakref.ref(future))
        if len(self._references) >= self._look_at:
            self._references = [reference for reference in self._references if reference() is not None]
            self._look_at = max(1000, 2 * len(self._references))

    def alive(self) -> list[AppFuture]:
        return [future for reference in tuple(self._references) if (future := reference()) is not None]


def _withdraw(flow: DataFlowKernel, futures: Iterable[AppFuture]) -> None:
    """Have the tasks withdrawn soon that have not begun. Takes no lock."""
    if tasks := [future.tid for future in futures if not future.done()]:
        _errands.put(functools.partial(flow.calls.withdraw, tasks))


# ---------------------------------------------------------------- the end


def _end(flow: DataFlowKernel) -> None:
    """End a pool's own flow after its last task."""
    while flow.calls.pending:
        flow.wait_for_current_tasks()
    flow.cleanup()


def _end_later(flow: DataFlowKernel) -> None:
    """The same on a thread of its own, for which the program's end waits."""
    if not flow.closed:
        thread = threading.Thread(target=_end, args=(flow,), name="nbflow-pool-end", daemon=False)
        try:
            thread.start()
        except RuntimeError:  # Python 3.12 lets no thread begin once the program's end has
            _end(flow)


_errands = Errands()
_pools: weakref.WeakSet[NbflowPoolExecutor] = weakref.WeakSet()


def _at_exit() -> None:
    """As with the standard library's pools, the program ends when their tasks have."""
    for pool in tuple(_pools):
        pool.shutdown()
    _errands.finish()


def _after_fork() -> None:
    global _errands
    _errands = Errands()
    for pool in tuple(_pools):
        pool._forked()


os.register_at_fork(after_in_child=_after_fork)
# atexit would be too late: no thread can be started then, and those of a flow start when they are needed
threading._register_atexit(_at_exit)  # type: ignore[attr-defined] # what the standard library's executors use
