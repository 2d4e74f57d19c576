"""The calls that one process makes: numbers them, sends them, keeps their futures until they are settled.

The user's process has one such object (in its `DataFlowKernel`), a worker has one as well, for the calls made inside
its tasks. How messages get to the scheduler is the owner's business (`Link`).

    app(a, b) ──> call ──Submit──> link ...... Settled ──> settle ──> future
"""

from __future__ import annotations

import functools
import logging
import operator
import os
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, WeakValueDictionary

from nbflow import numbers
from nbflow.client.arguments import Arguments
from nbflow.client.carriage import Callee, captor_of
from nbflow.client.fetching import Fetcher
from nbflow.client.future import AppFuture
from nbflow.client.keys import key_of_call
from nbflow.client.link import Link
from nbflow.client.options import Options, name_of
from nbflow.client.outside import Outside
from nbflow.client.parameters import parameters_of
from nbflow.client.promise import check_that_it_may_wait
from nbflow.client.record import Facts, TaskRecord, record_of_call
from nbflow.client.routes import Routes
from nbflow.client.special import NOTHING_SPECIAL, SPECIAL_NAMES, automatic_name, complete
from nbflow.errors import FlowClosed, UsageError
from nbflow.files import File
from nbflow.staging import Staging
from nbflow.values import memo, outcome, pickling
from nbflow.values.pickling import settling
from nbflow.values.resolvers import DEEP_DEPENDENCY_RESOLVER, DependencyResolver
from nbflow.values.short import detail
from nbflow.wire.messages import Cancel, Define, Expect, Release, Retries, Settled, Submit, Unreadable
from nbflow.wire.outcomes import Composed, Held, Inline, Stored
from nbflow.wire.rows import Part

if TYPE_CHECKING:  # a worker has none
    from nbflow.client.tasks.threads import Threads

log = logging.getLogger(__name__)
DEBUG = logging.DEBUG
_MANY_RELEASED = 256  # futures that are gone: they are told of without waiting for another message


class Calls:
    """All calls of one process to one flow. Calls may be made in any thread.

    `directory`: where the process was when the flow was loaded, or its worker began; `threads`: those of this process
    that run tasks, if it may have any; `resolver`: where futures are looked for;
    `autopath`: the configuration's `std_autopath`; `ways`: of bringing files in, None = nbflow's own; `staged`: where
    they go, None = the run directory; `show_values`: whether short texts of arguments and results are made.
    """

    def __init__(
        self,
        link: Link,
        *,
        first: int,
        retries: Retries | None,
        executors: Sequence[str],
        store_dirs: Sequence[str],
        run_dir: str,
        directory: str,
        threads: Threads | None = None,
        resolver: DependencyResolver | None = None,
        autopath: Callable[[TaskRecord, str], Any] | None = None,
        ways: Sequence[Staging] | None = None,
        staged: str | None = None,
        show_values: bool = True,
    ) -> None:
        self.closed = False  #: no calls any more
        self.elsewhere = False  #: this is a forked child, and the flow belongs to the parent
        self.flow = link
        self.parent: int | None = None  # the task inside which calls are made now
        self.pending: dict[int, AppFuture] = {}
        self.sweeps: set[Any] = set()  #: those that have not ended
        self._link = link
        self._end = first + numbers.MOST
        self._numbers = iter(range(first, self._end))
        self._retries = retries
        self._store_dirs = list(store_dirs)
        tells = () if threads is None else (self.take_released,)  # a task's are told with its answer
        self._arguments = Arguments(self._store_dirs, link.post, *tells)
        self._routes = Routes(
            executors,
            threads,
            resolver or DEEP_DEPENDENCY_RESOLVER,
            self._arguments,
            self._store_dirs,
            self.call,
        )
        self._run_dir = run_dir
        self._directory = directory
        #: where tasks run, by executors; of others it is `directory`
        self.directories: Mapping[str, str] = {}
        self._autopath = autopath
        self.show_values = show_values
        self._threads = threads
        self._fetcher = Fetcher(link, self.call_function, staged or run_dir, ways)
        self._outside = Outside(self._adopted, self._keep, link.post, show_values)
        self.held: Mapping[int, Any] = {} if threads is None else threads.held
        self._defined: set[bytes] = set()
        self._released: deque[int] = deque()  # filled by futures as they go, in any thread at any moment
        self._unread: WeakSet[AppFuture] = WeakSet()  # futures whose value lies in files of the flow
        self._fruitless: WeakValueDictionary[int, AppFuture] = WeakValueDictionary()  # that ended without one
        self._why_closed = "it has been cleaned up"

    # ------------------------------------------------------------ making calls

    def call(self, callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any]) -> AppFuture:
        """Make a task of a call; returns its future at once.

        Raises:
            FlowClosed: this flow takes no calls any more.
            CannotPickle: an argument, or what the app refers to, cannot travel; the text names it.
            UsageError: a special keyword has a value that is not allowed.
        """
        if self.closed:
            self._check_open()
        number = next(self._numbers)
        options = callee.options
        special = NOTHING_SPECIAL
        if callee.parameters.read or (kwargs and not SPECIAL_NAMES.isdisjoint(kwargs)):
            name_stream = functools.partial(self._name_stream, options, number, args, kwargs)
            special = complete(callee.parameters, args, kwargs, name_stream)
            args, kwargs = special.args, special.kwargs
        executors = self._routes.allowed(options) if options.executors else ()
        if File.any_remote or self._fetcher.offered:
            args, kwargs = self._fetcher.replace(
                options.name,
                executors[0] if executors else "",
                (args, kwargs),
                (special.outputs, *special.asked),
            )
        parcel, executors = self._routes.parcel(callee, args, kwargs, executors)
        define = parcel.define
        needs = [self.need(future) for future in parcel.needs] if parcel.needs else []
        by_value = type(parcel.payload) is not Held
        key = b""
        places: tuple[str, ...] = ()
        if options.cache:
            directories = self._places_of(executors)
            key = key_of_call(callee, by_value, args, kwargs, special, self.need, directories)
            if special.paths:  # the scheduler does not follow where this process goes
                places = tuple(map(os.path.abspath, directories))
        future = AppFuture(self, number, options)
        if key:
            future._key = key
        if type(parcel.payload) is Stored:
            future.sent = parcel.payload.size
        if special is not NOTHING_SPECIAL:
            future.will_write(special.outputs, *special.asked)
        submit = Submit(
            number,
            options.name,
            options.kind,
            define.digest,
            parcel.payload,
            tuple([need.tid for need in needs]) if needs else (),
            detail(args, kwargs, callee.parameters.positional) if self.show_values else "",
            self.task_here,
            executors,
            self.policy_of(options),
            special.walltime or options.walltime,
            key,
            special.streams,
            special.paths,
            special.priority,
            places=places,
        )
        self._send(future, define, submit)
        if log.isEnabledFor(DEBUG):
            self._log(future, f"submitted, needs {[numbers.name_of(need.tid) for need in needs]}")
        return future

    def _send(self, future: AppFuture, define: Define, submit: Submit) -> None:
        known = define.digest in self._defined
        urgent = not self.pending  # nothing is under way: workers wait for this very call
        try:
            self.pending[submit.id] = future
            self._link.post(*(submit,) if known else (define, submit), urgent=urgent)
            if self.closed:
                # meanwhile: perhaps too late for the end of all that was pending to include this one
                self._check_open()
        except BaseException:  # interrupted: nobody will hold the future
            self.pending.pop(submit.id, None)
            raise
        if define.reusable and not known:
            self._defined.add(define.digest)

    def call_many(
        self,
        options: Options,
        define: Define,
        payload: Inline | Stored,
        text: str,
        parent: int | None,
        part: Part,
    ) -> AppFuture:
        """Make a task of a call for many items that is packed already, see `nbflow.client.sweeps.driver`.

        `part.sweep` is 0 for the first one of a sweep.
        """
        self._check_open()
        number = next(self._numbers)
        future = AppFuture(self, number, options)
        submit = Submit(
            number,
            options.name,
            "map",
            define.digest,
            payload,
            (),
            text,
            parent,
            self._routes.allowed(options) if options.executors else (),
            None,
            None,
            b"",
            (),
            (),
            None,
            part if part.sweep else Part(number, part.first, part.count, part.total),
        )
        self._send(future, define, submit)
        return future

    def takes_many(self, options: Options) -> bool:
        """Whether calls of an app with these options may travel many at a time."""
        return self._routes.take_many(options)

    def takes_apart(self, items: Any) -> bool:
        """Whether there is something in these items that has to be brought in, for which each is to be a call."""
        return (File.any_remote or self._fetcher.offered) and self._fetcher.finds_any(items)

    @property
    def next_number(self) -> int:
        """The number that this process's next task will have; to ask costs the calls nothing."""
        return self._end - operator.length_hint(self._numbers)

    @property
    def task_here(self) -> int | None:
        """The task inside which the calling thread makes calls."""
        threads = self._threads
        return self.parent if threads is None or not threads.began else threads.task_here

    def policy_of(self, options: Options) -> Retries | None:
        """How a call is tried again."""
        return self._retries if options.policy is None else options.policy

    @property
    def store_dirs(self) -> Sequence[str]:
        """Where big values go, the first that has room."""
        return self._store_dirs

    def call_function(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> AppFuture:
        """Make a task of a function of nbflow's own, or of whoever extends it."""
        return self.call(
            Callee(Options(name_of(function)), captor_of(function), parameters_of(function)), args, kwargs
        )

    def _places_of(self, executors: Sequence[str]) -> Sequence[str]:
        """The directories in which a task may run, which may use these executors, or all of them."""
        known = self.directories
        return sorted({known.get(label, self._directory) for label in executors or known}) or (
            self._directory,
        )

    def _name_stream(
        self, options: Options, number: int, args: Any, kwargs: Any, stream: str, label: Any
    ) -> Any:
        """Where `AUTO_LOGNAME` leads: as the user's configuration says, or below the run directory."""
        if self._autopath is None:
            return automatic_name(self._run_dir, numbers.name_of(number), options.name, stream, label)
        return self._autopath(record_of_call(number, options, args, kwargs, self._link), stream)

    def lift(self, function: Callable[[Any, Any], Any], future: AppFuture, argument: Any) -> AppFuture:
        """Make a task of `function(value of the future, argument)`."""
        name = (
            f".{argument}"
            if function.__name__ == "getattr"
            else f"[{argument!r}]"[:40]
            if self.show_values
            else "[…]"
        )
        options = Options(name, executors=self._routes.of_the_value(future))
        lifted = self.call(Callee(options, captor_of(function)), (future, argument), {})
        if future._key:
            lifted._key = memo.key_of_part(future._key, function.__name__, argument)
        return lifted

    def close(self, why: str) -> None:
        """No calls are taken any more; `why`: "it has ..."."""
        self._why_closed = why
        self.closed = True
        self._arguments.close()

    def abandon(self) -> None:
        """This is a forked child of the process that made the calls: no more can be made, and none be waited for."""
        self.closed = self.elsewhere = True

    def refusal(self) -> FlowClosed:
        """Why no calls are taken."""
        if self.elsewhere:
            return FlowClosed(
                "the flow belongs to the process that loaded it, and this is a forked child of it: load() one here"
            )
        return FlowClosed(f"the flow takes no calls any more, {self._why_closed}: load() a new one")

    def check_not_abandoned(self) -> None:
        """Make sure that this is not a forked child. Raises `FlowClosed` if it is."""
        if self.elsewhere:
            raise self.refusal()

    def _check_open(self) -> None:
        if self.closed:
            raise self.refusal()

    def need(self, future: Future[Any]) -> AppFuture:
        """The future of this flow that ends as any given one does."""
        future = settling(future)
        if isinstance(future, AppFuture):
            if future.owner is self:
                return future
            future.check_that_it_ends()
        return self._outside.adopt(future)

    def _adopted(self, name: str) -> AppFuture:
        """A future of this flow for one that is none."""
        number = next(self._numbers)
        future = self.pending[number] = AppFuture(self, number, Options(name))
        self._link.post(Expect(number, name, self.task_here))
        if self.closed:  # as in `_send`
            self.pending.pop(number, None)
            raise self.refusal()
        return future

    def _keep(self, value: Any) -> Inline | Stored | Held:
        """A value from outside, to be delivered: by reference where it can be asked for later."""
        if self._threads is not None:
            return self._threads.held.put(value)
        return outcome.store(pickling.dumps(value), self._store_dirs)

    def name_executors(self, labels: Sequence[str]) -> None:
        """The executors that calls may name from now on."""
        self._routes.name_executors(labels)

    # ------------------------------------------------------------ what comes of them

    def settle(self, message: Settled) -> None:
        """A task has ended."""
        future = self.pending.pop(message.id, None)
        if future is not None:
            outcome = message.outcome
            future.settle(outcome)
            kind = type(outcome)
            if kind is Stored or kind is Composed:
                self._unread.add(future)
                if self._threads is not None:
                    future.tether = self._arguments.tether()
            elif kind is not Inline and kind is not Held:
                self._fruitless[message.id] = future
            if log.isEnabledFor(DEBUG):
                self._link.say(functools.partial(self._log, future, future.state.label))

    def reopen(self, tasks: Sequence[int]) -> None:
        """These tasks, which had ended without a value, are tried again: whoever has their futures waits anew.

        Called where the socket is read, so that nothing that comes of them is heard before.
        """
        for task in tasks:
            if (future := self._fruitless.pop(task, None)) is not None:  # else nobody holds it any more
                self.pending[task] = future
                future.reopen()

    @staticmethod
    def _log(future: AppFuture, what: str) -> None:
        """A record that handlers can take apart: it has the attributes `task` and `app`."""
        about = {"task": future.tid, "app": future.app_name}
        try:
            log.debug("task %s `%s`: %s", numbers.name_of(future.tid), future.app_name, what, extra=about)
        except (Exception, SystemExit):  # of a handler of the user's: the call has been made all the same
            traceback.print_exc()

    def settle_all(self, outcome: Any) -> None:
        """No answer will come any more: every future ends with this outcome."""
        for task in tuple(self.pending):
            if (future := self.pending.pop(task, None)) is not None:
                future.settle(outcome)

    def keep_values(self) -> None:
        """The files of the flow are about to go: whoever holds a future that has its value keeps it."""
        for future in tuple(self._unread):
            future.keep()

    # ------------------------------------------------------------ for futures

    def waiting(self, task: int | None = None) -> AbstractContextManager[None]:
        """Entered while a thread waits for a task's future, or for several.

        Raises:
            UsageError: that task is the one that the thread runs.
        """
        if self.elsewhere:
            raise self.refusal()
        if task is not None and self._threads is not None and self._threads.task_here == task:
            raise UsageError(f"task {numbers.name_of(task)} waits for its own future, which would never end")
        return self._link.waiting()

    def read_until(self, done: Callable[[], bool], deadline: float | None) -> None:
        """Read what comes in this thread until `done`, where that is possible; may return early."""
        if self.elsewhere:
            raise self.refusal()
        check_that_it_may_wait()
        self._link.read_until(done, deadline)

    def cancel(self, *tasks: int) -> None:
        """Ask for tasks to be withdrawn."""
        self.check_not_abandoned()
        if tasks:  # else it would be all
            self._link.post(Cancel(list(tasks)))
            self._link.flush()

    def withdraw(self, tasks: Sequence[int]) -> None:
        """Ask for these tasks to be withdrawn where they have not begun; the others go on."""
        if tasks and not self.closed:
            self._link.post(Cancel(list(tasks), True), urgent=True)

    def release(self, task: int) -> None:
        """A future has gone: its value may go as well. Takes no lock, for it runs wherever a future is collected."""
        self._released.append(task)

    def unreadable(self, key: bytes, app: str, why: str) -> None:
        """A value cannot be rebuilt here: it is not to be recalled again."""
        if not self.closed:
            self._link.post(Unreadable(key, app, why))

    def take_released(self) -> Release | None:
        """The releases since the last call, to be sent with whatever is sent next."""
        if not self._released:
            return None
        ids: list[int] = []
        with suppress(IndexError):  # another thread may take them at the same time: a look tells nothing
            while True:
                ids.append(self._released.popleft())
        return Release(ids) if ids else None

    def post_released(self) -> None:
        """Send the releases without waiting for another message, where they have become many."""
        if len(self._released) >= _MANY_RELEASED and (released := self.take_released()) is not None:
            self._link.post(released)

    def call_back(self, callbacks: Callable[[], None]) -> None:
        """Run a future's callbacks."""
        self._link.call_back(callbacks)

    def retry(self, task: int, dependants: bool) -> None:
        """Have a task tried again that ended without a value."""
        self.check_not_abandoned()
        self._link.retry(task, dependants)

    def facts_of(self, task: int) -> Facts | None:
        """What the scheduler knows of a task; None if nobody can tell."""
        return self._link.facts_of(task)
