"""`Sweep`: a function over many items, as one future of all results and as a sequence of futures, one for each item.

How each item stands is one byte, and its result lies in the answer of the chunk that it travelled in, still pickled;
the futures of items are made when somebody asks for them. What sends the chunks is `driver`.
"""

from __future__ import annotations

import bisect
import concurrent.futures
import functools
import itertools
from collections.abc import Iterator
from concurrent.futures._base import CANCELLED_AND_NOTIFIED, FINISHED, PENDING, RUNNING
from typing import TYPE_CHECKING, Any, NamedTuple, overload
from weakref import WeakValueDictionary

from nbflow.client.quiet import once_ended
from nbflow.client.signals import is_of_a_handler, undisturbed
from nbflow.client.sweeps.chunk import Fault, results_of
from nbflow.client.sweeps.item import ENDS, LOCK, Awaited, Item
from nbflow.core.states import State
from nbflow.errors import describe
from nbflow.legible import shorten
from nbflow.values import outcome
from nbflow.values.short import detail

if TYPE_CHECKING:
    from pandas import DataFrame

    from nbflow.client.calls import Calls
    from nbflow.client.future import AppFuture
    from nbflow.client.sweeps.driver import Driver
    from nbflow.client.sweeps.points import Points

_UNKNOWN = float("nan")
STATES = (State.WAITING, State.RUNNING, State.DONE, State.FAILED, State.CANCELLED)


class Part:
    """The answer of a chunk: the results of the items from `start` on, packed until somebody asks."""

    def __init__(
        self,
        start: int,
        stop: int,
        task: int,
        packed: tuple[Any, ...],
        faults: list[Fault],
        took: float,
    ) -> None:
        self.start = start
        self.stop = stop
        self.took = took  #: seconds, for all of them
        self.faults = {start + fault.item: fault for fault in faults}
        self._task = task
        self._packed: tuple[Any, ...] = packed
        self._errors: dict[int, BaseException] = {}

    def values(self, app: str) -> list[Any]:
        """The results, None in the place of those that are none. Raises `DeserializationError`."""
        found: list[Any] | None = self.__dict__.get("_values")
        if found is None:
            packed = self._packed
            if packed:
                try:
                    made = results_of(packed)
                except outcome.OF_THE_VALUE as error:
                    if is_of_a_handler(error):
                        raise
                    raise outcome.unreadable(error, self._task, app) from error
                self.__dict__.setdefault("_values", made)  # the first of several threads wins
            found = self.__dict__["_values"]
            self._packed = ()
        return found

    def error(self, item: int, app: str) -> BaseException:
        """What an item raised."""
        fault = self.faults[item]
        error = outcome.unpack_error(fault.failure, self._task, app, item, fault.arguments)
        return self._errors.setdefault(item, error)


class Told(NamedTuple):
    """How the items of a sweep stand, one after the other; the sweep goes on meanwhile."""

    states: bytes
    values: list[Any]  # None where there is none
    errors: list[BaseException | None]
    seconds: list[float]  # that each took; nan where it is not known


class Sweep(Awaited):
    """A function over many items: what `nbflow.map` gives at once.

    As a future it is that of the list of all results: `result()`, `exception()`, `done()`, `cancel()`, `await`; given
    to an app, it is the list. As a sequence it has a future for each item, in order: `sweep[3]`, `sweep[:10]`,
    `for future in sweep`, `len(sweep)`. They are `concurrent.futures` futures, and may be given to apps too.

    `points` are the combinations of arguments that a `grid` goes through, else None; `frame()` is a table of all.
    """

    _driver: Driver | None = None

    def __init__(self, calls: Calls, name: str, count: int, points: Points | None = None) -> None:
        # not that of the base class, as in `Item`
        self._calls = calls
        self.points = points
        self.app_name = name  #: of the app
        self.number = 0  #: of the first task that many items travel in; 0 = there is none yet
        self.called = 0  #: how many tasks were called for its items, or are about to be
        self._states = bytearray(count)  # of the items
        self._left = count
        self._over = not count
        self._parts: list[Part] = []
        self._starts: list[int] = []  # of the parts
        self._tasks: dict[int, AppFuture] = {}  # of items that were sent alone
        # (from, to): those left there have this error
        self._failed: list[tuple[int, int, BaseException]] = []
        self._given: WeakValueDictionary[int, Item] = WeakValueDictionary()
        self._held: dict[int, Item] = {}  # of these, those that have callbacks

    @property
    def left(self) -> int:
        """How many items have not ended."""
        return self._left

    @property
    def tasks(self) -> set[int]:
        """The numbers of the tasks, ended or not, that items are in now."""
        chunks = set() if self._driver is None else set(self._driver.under_way.copy())
        return chunks | self.alone

    @property
    def by_chunks(self) -> bool:
        """Whether many items travel as one task, as long as it goes on; else each is a call of its own."""
        return self._driver is not None

    @property
    def alone(self) -> set[int]:
        """The numbers of the tasks of items that were sent alone."""
        return {task.tid for task in self._tasks.copy().values()}

    # ------------------------------------------------------------ the sequence

    def __len__(self) -> int:
        return len(self._states)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            return [self._item(i) for i in range(*index.indices(len(self)))]
        try:
            return self._item(range(len(self))[index])
        except IndexError:
            raise IndexError(f"{self!r} has no item {index}") from None

    def __iter__(self) -> Iterator[Item]:
        return map(self._item, range(len(self)))

    def _item(self, index: int) -> Item:
        with LOCK:
            found = self._given.get(index)
            if found is None:
                found = self._given[index] = Item(self, index)
            return found

    def _hold(self, item: Item) -> None:
        with LOCK:
            if not item.done():
                self._held[item.index] = item

    # ------------------------------------------------------------ the future

    @property
    def _state(self) -> str:  # type: ignore[override] # what the standard library's waiting looks at
        if not self._over:
            return RUNNING if self._states.count(State.RUNNING) else PENDING
        first = self._first_without_value()
        cancelled = first is not None and self._states[first] == State.CANCELLED
        return CANCELLED_AND_NOTIFIED if cancelled else FINISHED

    def result(self, timeout: float | None = None, *, return_exceptions: bool = False) -> list[Any]:
        """All results in order; waits at most `timeout` seconds (None = as long as it takes).

        Args:
            timeout: in seconds.
            return_exceptions: give the errors of items in their places, instead of raising the first one.

        Raises:
            TimeoutError: some items have not ended in time.
            CancelledError: the first item without a result was cancelled.
            Exception: what the function raised for the first item without a result; its cause tells the item.
        """
        self._wait(timeout)
        try:
            if not return_exceptions and (first := self._first_without_value()) is not None:
                raise self._error(first)
            return self._results(raising=not return_exceptions)
        finally:
            del self  # as in `Item`

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What `result()` would raise, or None. Waits and raises like it."""
        self._wait(timeout)
        first = self._first_without_value()
        if first is None:
            try:
                self._results(raising=True)
            except outcome.OF_THE_VALUE as error:  # a result cannot be rebuilt here
                if is_of_a_handler(error):
                    raise
                return error
            return None
        if self._states[first] == State.CANCELLED:
            raise self._error(first)
        return self._error(first)

    def errors(self) -> dict[int, BaseException]:
        """The errors of the items that have ended without a result up to now, by their indices."""
        states = bytes(self._states)
        found = {i for state in (State.FAILED, State.CANCELLED) for i in _places(states, state)}
        return {index: self._error(index) for index in sorted(found)}

    def failures(self, most: int) -> list[str]:
        """A line for each of the first `most` items that have failed up to now: `item 7 (C=10): ValueError: no`."""
        states = bytes(self._states)
        return [self._line(i) for i in itertools.islice(_places(states, State.FAILED), most)]

    def cancel(self, wait: bool = True) -> bool:
        """Withdraw all items that have not ended: those that run are killed with their workers.

        Args:
            wait: return when it is certain; otherwise as soon as it is asked for.

        Returns:
            True if some item will never give a value for it, or for an earlier `cancel`; without `wait`, also if some
            had not ended.
        """
        with undisturbed, LOCK:
            left = self._left
            self._end(0, self._states.translate(_CANCELS_WAITING))
        if left and self._driver is not None:
            self._driver.stop()
        elif left:
            self._calls.cancel(*(task.tid for task in self._tasks.copy().values() if not task.done()))
        if wait:
            self._wait(None)
        elif left:
            return True
        return bool(self._states.count(State.CANCELLED))

    def cancelled(self) -> bool:
        """Whether `result()` raises `CancelledError`."""
        return bool(self._state == CANCELLED_AND_NOTIFIED)

    def running(self) -> bool:
        """Whether items are on their way to workers, or there."""
        return bool(self._state == RUNNING)

    def counts(self) -> dict[State, int]:
        """How many items are in each state now: WAITING is not sent yet, RUNNING on its way to a worker, or there."""
        states = bytes(self._states)
        return {state: states.count(state) for state in STATES}

    def frame(self) -> DataFrame:
        """A pandas DataFrame with a row for each item, now: of those that have not ended, results are missing.

        Its columns are the parameters that a `grid` varies; `result`, or, where each result is a dict, a named tuple or
        a dataclass, its fields (`result_NAME` where there is such a column already); `state`, in a word; `error`, in a
        line; `seconds`: how long the item took, for those that travelled together the mean. The index counts the items.

        Raises:
            ImportError: pandas is not installed.
        """
        from nbflow.client.sweeps.frame import frame_of  # most sweeps need none, and it needs sweeps

        return frame_of(self)

    def __repr__(self) -> str:
        told = ", ".join(f"{count:,} {state.label}" for state, count in self.counts().items() if count)
        items = "item" if len(self) == 1 else "items"
        return f"<Sweep of {len(self):,} {items} over {self.app_name}{': ' if told else ''}{told}>"

    # ------------------------------------------------------------ values

    def told(self) -> Told:
        """How all items stand, with what they gave."""
        states = bytes(self._states)  # first: what is done by now has its value in what is read below
        found, seconds = self._results(raising=False), self._seconds()
        values, errors, took = [], [], []
        for state, value, each in zip(states, found, seconds, strict=True):
            values.append(value if state == State.DONE else None)
            errors.append(value if state in (State.FAILED, State.CANCELLED) else None)
            took.append(each if state in (State.DONE, State.FAILED) else _UNKNOWN)
        return Told(states, values, errors, took)

    def _seconds(self) -> list[float]:
        """How long each item took, as far as it is known; of those that travelled together, the mean."""
        found = [_UNKNOWN] * len(self)
        for part in self._parts.copy():
            count = part.stop - part.start
            found[part.start : part.stop] = [part.took / count] * count
        flow = self._calls.flow
        rows = flow.rows() if self._tasks and hasattr(flow, "rows") else {}  # inside a task nobody tells
        for index, task in self._tasks.copy().items():
            row = rows.get(task.tid)
            if row is not None and row.started and row.ended:
                found[index] = row.ended - row.started
        return found

    def _first_without_value(self) -> int | None:
        found = [
            place for state in (State.FAILED, State.CANCELLED) if (place := self._states.find(state)) >= 0
        ]
        return min(found, default=None)

    def _results(self, raising: bool) -> list[Any]:
        """With the errors of those that have none. `raising`: what cannot be rebuilt here raises instead."""
        found: list[Any] = [None] * len(self)
        for part in self._parts.copy():
            try:
                found[part.start : part.stop] = part.values(self.app_name)
            except outcome.OF_THE_VALUE as error:
                if raising or is_of_a_handler(error):
                    raise
                found[part.start : part.stop] = [error] * (part.stop - part.start)
        for index, task in self._tasks.copy().items():
            if self._states[index] == State.DONE:
                failed = None if raising else task.exception(0)
                found[index] = task.result(0) if failed is None else failed
        return self._with_errors(found)

    def _with_errors(self, found: list[Any]) -> list[Any]:
        for index, error in self.errors().items():
            found[index] = error
        return found

    def _value(self, index: int) -> Any:
        if self._states[index] != State.DONE:
            raise self._error(index)
        task = self._tasks.get(index)
        if task is not None:
            return task.result(0)
        part = self._part_of(index)
        assert part is not None
        return part.values(self.app_name)[index - part.start]

    def _error(self, index: int) -> BaseException:
        """Why an item has no value; without the places that have asked for it before."""
        if self._states[index] == State.CANCELLED:
            text = f"item {index} of the sweep over `{self.app_name}` was cancelled"
            return concurrent.futures.CancelledError(text)
        if (task := self._tasks.get(index)) is not None:
            try:
                found = task.exception(0)
            except concurrent.futures.CancelledError as cancelled:
                found = cancelled
            assert found is not None
            return found.with_traceback(None)
        if (part := self._part_of(index)) is not None and index in part.faults:
            return part.error(index, self.app_name).with_traceback(None)
        return next(error for start, stop, error in self._failed if start <= index < stop)

    def _line(self, index: int) -> str:
        """An item and its error, which is not rebuilt for that, in a line."""
        part, task = self._part_of(index), self._tasks.get(index)
        arguments = ""
        if self.points is not None and self._calls.show_values:
            arguments = detail((), self.points[index], ())
        if task is not None and task._outcome is not None:
            why = outcome.one_line(task._outcome)
        elif part is not None and index in part.faults:
            why = outcome.one_line(part.faults[index].failure)
            arguments = arguments or part.faults[index].arguments
        else:
            why = describe(self._error(index))
        return shorten(f"item {index}{f' ({arguments})' if arguments else ''}: {why}")

    def _part_of(self, index: int) -> Part | None:
        """The answer in which an item's result is; None if there is none."""
        place = bisect.bisect_right(self._starts, index) - 1
        part = self._parts[place] if place >= 0 else None
        return part if part is not None and index < part.stop else None

    # ------------------------------------------------------------ for the driver

    def begin(self, driver: Driver | None) -> None:
        """It is under way; None = it has been."""
        self._driver = driver
        if driver is not None:
            self._calls.sweeps.add(self)

    def watch(self) -> None:
        """Each item is a task of its own, or has failed: from now on its state is that of the task."""
        if self._left:
            self._calls.sweeps.add(self)
        for index, task in self._tasks.items():
            once_ended(task, functools.partial(self._task_ended, index))

    def _task_ended(self, index: int, task: AppFuture) -> None:
        self.end(index, bytes([end_of(task)]))

    def take(self, part: Part, states: bytes) -> None:
        """A chunk has given its answer; see `end` for `states`."""
        with LOCK:
            place = bisect.bisect(self._starts, part.start)
            self._starts.insert(place, part.start)
            self._parts.insert(place, part)
            self._end(part.start, states)

    def take_task(self, index: int, task: AppFuture) -> None:
        """An item is a task of its own."""
        with LOCK:
            self._tasks[index] = task
            self._end(index, bytes([State.RUNNING]))

    def fail(self, start: int, stop: int, error: BaseException) -> None:
        """The items in between end with an error, as far as they have not ended."""
        with LOCK:
            self._failed.append((start, stop, error))
            self._end(start, bytes([State.FAILED]) * (stop - start))

    def end(self, start: int, states: bytes) -> None:
        """How the items from `start` on stand now; those that have ended stay as they are."""
        with LOCK:
            self._end(start, states)

    def state_of(self, index: int) -> int:
        """How an item stands."""
        return self._states[index]

    def states_of(self, start: int, stop: int) -> bytes:
        """How items stand."""
        return bytes(self._states[start:stop])

    def _end(self, start: int, states: bytes | bytearray) -> None:
        stop = start + len(states)
        old = bytes(self._states[start:stop])
        if any(old.count(state) for state in ENDS):
            states = bytes(was if was in ENDS else now for was, now in zip(old, states, strict=True))
        self._states[start:stop] = states
        self._left -= _ended(states) - _ended(old)
        if self._given:
            for item in self._given_among(start, stop):
                if not item.done() and states[item.index - start] in ENDS:
                    item.conclude(State(states[item.index - start]))
                    self._held.pop(item.index, None)
        if not self._left and _ended(old) < len(old):
            self._finish()

    def _given_among(self, start: int, stop: int) -> list[Item]:
        """The futures of these items that somebody has."""
        given = self._given
        if stop - start < len(given):
            found = [given.get(index) for index in range(start, stop)]
            return [item for item in found if item is not None]
        return [item for item in list(given.values()) if start <= item.index < stop]

    def _finish(self) -> None:
        first = self._first_without_value()
        self.conclude(State.DONE if first is None else State(self._states[first]))
        self._calls.sweeps.discard(self)

    def _cancel_item(self, index: int) -> None:
        self._calls.check_not_abandoned()
        with undisturbed, LOCK:
            state, task, driver = self._states[index], self._tasks.get(index), self._driver
            if state in ENDS:
                return
            if driver is not None:  # first: it may be sent with others from now on
                driver.skip(index)
            if state == State.WAITING:
                self._end(index, bytes([State.CANCELLED]))
        if task is not None:
            task.cancel(wait=False)


def end_of(task: AppFuture) -> State:
    """How an item ends whose task has ended."""
    state = task.state
    return state if state in (State.DONE, State.CANCELLED) else State.FAILED


def _ended(states: bytes | bytearray) -> int:
    return sum(states.count(state) for state in ENDS)


def _places(states: bytes, state: int) -> Iterator[int]:
    """Where a byte is, without a look at each."""
    place = states.find(state)
    while place >= 0:
        yield place
        place = states.find(state, place + 1)


_CANCELS_WAITING = bytes(
    State.CANCELLED if state == State.WAITING else state for state in range(len(State))
) + bytes(range(len(State), 256))
