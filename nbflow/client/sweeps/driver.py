"""What sends the items of a sweep: a thread that keeps a few chunks under way, and looks after those that went wrong.

    items ──`Batching`──> chunks ──one task each──> workers ──Answer──> states and results of the `Sweep`
                             ├─ an item takes long, while workers are idle: those behind it go again
                             ├─ cannot be pickled, or unpickled there: item by item, each a task of its own
                             ├─ its worker died: the item that ran has the error, the others go again
                             └─ items that raised, and may be tried again: each a task of its own

Arguments are pickled here, which runs the user's code: so not where the socket is read, and not in the user's thread.
"""

from __future__ import annotations

import dataclasses
import heapq
import queue
import threading
import time
from collections import deque
from typing import Any, NamedTuple

import msgspec

from nbflow.client.calls import Calls
from nbflow.client.carriage import Callee
from nbflow.client.future import AppFuture
from nbflow.client.quiet import once_ended
from nbflow.client.signals import undisturbed
from nbflow.client.sweeps.batching import Batching
from nbflow.client.sweeps.chunk import CANCELLED, MOST_TURNS, Answer, Board, Form, of_many, read
from nbflow.client.sweeps.item import LOCK
from nbflow.client.sweeps.sweep import Part, Sweep, end_of
from nbflow.core.instructions import Why
from nbflow.core.states import State
from nbflow.errors import FlowClosed
from nbflow.legible import shorten
from nbflow.values import outcome, pickling
from nbflow.values.functions import Captor
from nbflow.values.short import detail
from nbflow.wire import rows
from nbflow.wire.messages import Define, Retries, Shorten
from nbflow.wire.outcomes import VALUES, Lost, Outcome, Withdrawn

_LOST = {"WorkerLost": Why.LOST, "MemoryLimitExceeded": Why.MEMORY}  # with the item that ran, and no other
LOOK_EVERY = 0.05  # seconds between two looks for an item that takes long; one that is met twice does
TAKES = 0.002  # seconds after which it is seen which items a worker had begun when they were taken
_SENDS = bytes.maketrans(bytes([State.WAITING]), bytes([State.RUNNING]))


class _Sent(NamedTuple):
    """Items that are under way, as one task. `size`: bytes of their arguments; 0 = an item that went alone."""

    start: int
    stop: int
    task: AppFuture
    size: int


class Driver:
    """Sends the items of one sweep. `form`: what an item is; `board`: of as many as there are.

    Raises:
        CannotPickle: the function refers to something that cannot travel.
    """

    def __init__(
        self,
        sweep: Sweep,
        callee: Callee,
        items: list[Any],
        form: Form,
        board: Board,
        batching: Batching,
    ) -> None:
        self._sweep = sweep
        self._calls: Calls = sweep.owner
        self._parent = self._calls.task_here
        self._items = items
        self._form = form
        self._board = board
        self._batching = batching
        self._options = callee.options
        self._policy = self._calls.policy_of(callee.options)
        # as it is now, for all items: what is redefined later is for later sweeps
        define = callee.capture()
        self._define = of_many(define)
        fixed = callee._replace(captor=_Captured(callee.captor.function, define))
        self._alone = fixed
        self._again = fixed if self._policy is None else _once_less(fixed, self._policy)
        self._ranges: deque[tuple[int, int]] = deque([(0, len(items))])  # to be sent
        self._left = len(items)  # items in these
        self.under_way: dict[int, _Sent] = {}  #: by the number of the task
        self._chunks = 0  # of these
        self._later: list[tuple[float, int]] = []  # (when, item): a heap
        self._look_at: float | None = None  # when to look for items that take long
        self._at: dict[int, int | None] = {}  # task -> the item that it was at when last looked at
        self._taking: dict[int, int] = {}  # task -> the item from which on others are being taken
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._stopped = False

    def start(self) -> None:
        """Begin, on a thread of its own."""
        with undisturbed:  # an interrupt in the midst of it would leave `threading` confused
            threading.Thread(target=self._run, name="nbflow-sweep", daemon=True).start()

    def stop(self) -> None:
        """Withdraw all that has not ended."""
        self._stopped = True
        self._ended.put(None)

    def skip(self, item: int) -> None:
        """Have an item not run that has been sent, or is about to be, if it has not begun."""
        self._board.skip[item] = CANCELLED
        self._ended.put(_Skip(item))

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        sweep = self._sweep
        try:
            while not sweep.done():
                self._send_more()
                self._calls.flow.flush()
                self._hear(self._next())
        except BaseException as error:
            sweep.fail(0, len(sweep), error)
        finally:
            sweep.begin(None)
            self._board.remove()
            self._items.clear()

    def _next(self) -> Any:
        """What has happened next; None if it is only that a time has come."""
        if self._sweep.done():
            return None
        times = [at for at in (self._later[0][0] if self._later else None, self._look_at) if at is not None]
        pause = max(0.0, min(times) - time.monotonic()) if times else None
        try:
            return self._ended.get(timeout=pause)
        except queue.Empty:
            return None

    def _hear(self, what: Any) -> None:
        if self._stopped:
            self._withdraw()
        if isinstance(what, _Skip):
            self._skip(what.item)
        elif what is not None and (sent := self.under_way.pop(what, None)) is not None:
            self._at.pop(what, None)
            self._taking.pop(what, None)
            self._take(sent)

    def _send_more(self) -> None:
        while self._later and self._later[0][0] <= time.monotonic():
            _, item = heapq.heappop(self._later)
            self._send_alone(item, self._again)
        while self._ranges and self._chunks < self._batching.most_under_way and not self._stopped:
            start, stop = self._ranges.popleft()
            size = min(stop - start, self._batching.next_size(self._left))
            if start + size < stop:
                self._ranges.appendleft((start + size, stop))
            self._left -= size
            states = self._sweep.states_of(start, start + size)
            if State.WAITING in states:  # else all were cancelled before they were sent
                self._sweep.end(start, states.translate(_SENDS))
                self._send(start, start + size)
        self._see_to_those_that_wait(time.monotonic())

    # ------------------------------------------------------------ sending

    def _send(self, start: int, stop: int) -> None:
        """Items as one task."""
        retry_on = b"" if self._policy is None else self._policy.on
        items = self._items[start:stop]
        if self._calls.takes_apart(items):
            self._send_each(start, stop)
            return
        try:
            pickled = pickling.dumps(
                (
                    (
                        items,
                        int(self._form),
                        self._board.path,
                        len(self._sweep),
                        start,
                        retry_on,
                        self._calls.show_values,
                        self._board.turn(start, stop),
                    ),
                    {},
                )
            )
            payload = None if pickled.needs else outcome.store(pickled, self._calls.store_dirs)
        except BaseException:  # the items' own code runs here
            payload = None
        if payload is None:  # one of them may travel even so, or waits for a task: for each on its own
            self._send_each(start, stop)
            return
        size = len(pickled.data) + sum(buffer.raw().nbytes for buffer in pickled.buffers)
        part = rows.Part(self._sweep.number, start, stop - start, len(self._sweep))
        self._sweep.called += 1
        task = self._calls.call_many(
            self._options, self._define, payload, self._text(start, stop), self._parent, part
        )
        self._sweep.number = self._sweep.number or task.tid
        self._chunks += 1
        self._await(_Sent(start, stop, task, size))

    def _text(self, start: int, stop: int) -> str:
        if stop - start > 1:
            return f"items {start} to {stop - 1}"
        if not self._calls.show_values:
            return f"item {start}"
        args, kwargs = self._form.given(self._items[start])
        return shorten(f"item {start}: {detail(args, kwargs, ())}")

    def _send_each(self, start: int, stop: int) -> None:
        for item in range(start, stop):
            self._send_alone(item, self._alone)

    def _send_alone(self, item: int, callee: Callee) -> None:
        """An item as a task of its own, with all that a task has."""
        if self._sweep.state_of(item) != State.RUNNING:
            return
        if self._board.skip[item] == CANCELLED or self._stopped:
            self._sweep.end(item, bytes([State.CANCELLED]))
            return
        args, kwargs = self._form.given(self._items[item])
        self._sweep.called += 1
        try:
            task = self._calls.call(callee, args, kwargs)
        except FlowClosed:
            raise
        except BaseException as error:
            self._sweep.fail(item, item + 1, error)
            return
        self._sweep.take_task(item, task)
        self._await(_Sent(item, item + 1, task, 0))

    def _await(self, sent: _Sent) -> None:
        task = sent.task
        self.under_way[task.tid] = sent
        ended = self._ended  # and not the driver: the task may be kept for long
        once_ended(task, lambda task: ended.put(task.tid))

    # ------------------------------------------------------------ what comes of it

    def _take(self, sent: _Sent) -> None:
        """A task has ended."""
        if not sent.size:
            self._sweep.end(sent.start, bytes([end_of(sent.task)]))
            return
        self._chunks -= 1
        found: Outcome | None = sent.task._outcome
        if isinstance(found, VALUES):
            self._answered(sent)
        elif isinstance(found, Withdrawn):
            self._sweep.end(sent.start, bytes([State.CANCELLED]) * (sent.stop - sent.start))
        elif isinstance(found, Lost):
            self._lost(sent, found)
        else:  # an item cannot be unpickled there, or there is no room for all results: they are told apart
            self._send_each(sent.start, sent.stop)

    def _answered(self, sent: _Sent) -> None:
        start = sent.start
        try:
            answer, packed = read(sent.task.result(0))
        except BaseException as error:  # its file is gone
            self._sweep.fail(start, sent.stop, error)
            return
        stop = start + answer.ran
        if answer.ran:
            self._batching.ended(answer.ran, answer.took, max(answer.size, sent.size))
            if not answer.faults:  # else some may be tried again
                self._items[start:stop] = [None] * answer.ran
            part = Part(start, stop, sent.task.tid, packed, answer.faults, answer.took)
            self._sweep.take(part, self._states(answer, start, answer.ran))
        if stop < sent.stop:
            self._send_again(stop, sent.stop)

    def _states(self, answer: Answer, start: int, count: int) -> bytes:
        """How the items stand after the answer; those that are tried again are put in line for it."""
        if not answer.faults and not answer.skipped:
            return bytes([State.DONE]) * count
        states = bytearray([State.DONE]) * count
        for item in answer.skipped:
            states[item] = State.CANCELLED
        for fault in answer.faults:
            again = fault.may_retry and self._tries_again(start + fault.item, Why.ATTEMPT)
            states[fault.item] = State.RUNNING if again else State.FAILED
        return bytes(states)

    def _tries_again(self, item: int, why: Why) -> bool:
        """Whether an item has another attempt, which is then due after its pause."""
        terms = None if self._policy is None else self._policy.terms
        if terms is None or terms.times < 1 or not terms.covers(why):
            return False
        heapq.heappush(self._later, (time.monotonic() + terms.pause(1), item))
        return True

    def _lost(self, sent: _Sent, found: Lost) -> None:
        """A chunk's worker has died, or nobody is left to run it."""
        start, stop = sent.start, sent.stop
        why = _LOST.get(found.kind)
        if why is None:
            self._sweep.fail(start, stop, _error_of(sent.task))
            return
        guilty = self._board.item_at_work(start, stop)
        if guilty is None:  # it was not while an item ran
            self._send_each(start, stop)
            return
        if not self._tries_again(guilty, why):
            named = msgspec.structs.replace(found, text=f"{found.text}, at item {guilty} of its sweep")
            error = outcome.unpack_error(named, sent.task.tid, self._options.name)
            self._sweep.fail(guilty, guilty + 1, error)
        for some in ((guilty + 1, stop), (start, guilty)):
            if some[0] < some[1]:
                self._send_again(*some)

    def _send_again(self, start: int, stop: int) -> None:
        """These are to be sent, next of all, and have not begun."""
        states = self._sweep.states_of(start, stop)
        if self._stopped:
            self._sweep.end(start, states.replace(_RUNNING, _CANCELLED))
            return
        self._board.forget_begun(start, stop)
        self._sweep.end(start, states.replace(_RUNNING, _WAITING))
        self._ranges.appendleft((start, stop))
        self._left += stop - start

    # ------------------------------------------------------------ items that take long

    def _see_to_those_that_wait(self, now: float) -> None:
        """Where workers have nothing to do, take what waits behind an item that takes long from its chunk."""
        idle = not self._ranges and 0 < self._chunks < self._batching.workers
        if self._stopped or not (idle or self._taking):
            self._look_at = None
            self._at.clear()
            return
        if self._look_at is None:
            self._look_at = now + LOOK_EVERY
        if now < self._look_at:
            return
        for number, sent in tuple(self.under_way.items()):
            if number in self._taking:
                self._send_what_was_taken(number, sent)
            elif idle and sent.size and sent.stop - sent.start > 1:
                self._look(number, sent)
        self._look_at = now + (TAKES if self._taking else LOOK_EVERY)

    def _look(self, number: int, sent: _Sent) -> None:
        """Say that the items behind the one that a chunk is at are taken, if it was there the last time."""
        at = self._board.item_at_work(sent.start, sent.stop)
        if at is None or at + 1 == sent.stop or self._at.get(number) != at:
            self._at[number] = at
            return
        with LOCK:  # nobody cancels an item meanwhile
            turn = self._board.turn(sent.start, sent.stop)
            if turn < MOST_TURNS:
                self._board.take(at + 1, sent.stop, turn)
                self._taking[number] = at + 1

    def _send_what_was_taken(self, number: int, sent: _Sent) -> None:
        """What no worker had begun when it was said so goes again; the chunk is the shorter for it."""
        first = self._board.first_not_begun(self._taking.pop(number), sent.stop)
        if first < sent.stop:
            self.under_way[number] = sent._replace(stop=first)
            self._calls.flow.post(Shorten(number, first - sent.start))
            self._send_again(first, sent.stop)

    # ------------------------------------------------------------ cancelling

    def _withdraw(self) -> None:
        """The whole sweep was cancelled: what is not sent is marked so already."""
        self._calls.cancel(*self.under_way)
        for _, item in self._later:
            self._sweep.end(item, bytes([State.CANCELLED]))
        for start, stop in self._ranges:
            states = self._sweep.states_of(start, stop).replace(_WAITING, _CANCELLED)
            self._sweep.end(start, states)
        self._later.clear()
        self._ranges.clear()
        self._left = 0

    def _skip(self, item: int) -> None:
        """One item was cancelled: it is passed over where it waits among others; alone, it is withdrawn."""
        if any(waits == item for _, waits in self._later):
            self._later = [entry for entry in self._later if entry[1] != item]
            heapq.heapify(self._later)
            self._sweep.end(item, bytes([State.CANCELLED]))
        for sent in tuple(self.under_way.values()):
            if (sent.start, sent.stop) == (item, item + 1):
                sent.task.cancel(wait=False)


class _Skip(NamedTuple):
    """An item is not wanted any more."""

    item: int


_WAITING, _RUNNING, _CANCELLED = (bytes([s]) for s in (State.WAITING, State.RUNNING, State.CANCELLED))


class _Captured(Captor):
    """A function as it was when the sweep was made."""

    def __init__(self, function: Any, define: Define) -> None:
        super().__init__(function)
        self._define = define

    def capture(self) -> Define:
        """As it was."""
        return self._define


def _error_of(task: AppFuture) -> BaseException:
    error = task.exception(0)
    assert error is not None
    return error


def _once_less(callee: Callee, policy: Retries) -> Callee:
    """An app whose first attempt is over: what is left of its retries."""
    terms = policy.terms
    left = msgspec.structs.replace(
        terms, times=max(0, terms.times - 1), delay=min(terms.longest, terms.delay * terms.factor)
    )
    return callee._replace(options=dataclasses.replace(callee.options, policy=Retries(left, policy.on)))
