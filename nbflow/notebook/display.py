"""Futures under a cell: a card while the task goes on, then its value, as if the cell had displayed it.

A card is displayed under its cell once; later it is updated by its display id, whatever cell runs then:

    reader thread ──> queue ──> cards' thread: open the value, format it ──> update of the display
    (only marks)                main thread, at `%nbflow wait`: the same for all that is open

Opening and formatting a value runs code of the user's (`_repr_html_` and the like), so it has no place on the reader
thread. Nor on the main thread: that one is busy while a cell runs, so the cards would wait for the end of the cell, and
a head-less run is over when its last cell is. So the cards have a thread of their own.

Updates go out under the header of the cell that runs at that time: front ends find a display by its id alone, and
nbclient takes in nothing but the messages of the cell that it runs. What went out while none ran is lost to it; this is
why `settle` sends again what has ended since.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from nbflow.client.companion import Companion
from nbflow.client.future import AppFuture
from nbflow.core.states import State
from nbflow.errors import describe
from nbflow.notebook.card import Card
from nbflow.notebook.formats import Bundle, rich
from nbflow.notebook.output import Uncaught
from nbflow.notebook.sweepcards import SweepCards
from nbflow.notebook.telling import described
from nbflow.notebook.tellings import Cell
from nbflow.notebook.traces import blaming, failed_task, root_of
from nbflow.numbers import name_of
from nbflow.values.outcome import OF_THE_VALUE

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbflow.client.flow.feed import Feed
    from nbflow.notebook.errors import TaskErrors
    from nbflow.wire.rows import TaskRow

log = logging.getLogger(__name__)

Promise: TypeAlias = AppFuture | Companion[Any]

PACE = 0.01  # seconds between two updates: notebook servers drop messages above 1000 a second
MOST_SENT_AGAIN = 1000  # cards
LIVE = 1.0  # seconds between two looks at what a task that goes on has written
PATIENCE = 5.0  # seconds that the thread gets to end; a user's `_repr_html_` may hang


@dataclass(eq=False, slots=True)
class Shown:
    """What is displayed of a task, and what stands there now. `live`: it changes while the task goes on."""

    task: AppFuture
    make: Callable[[Shown], Bundle]
    display_id: str
    cell: Cell
    live: bool = False
    bundle: Bundle = ({}, {})
    turn: int = 0  # of those that make it anew: an older picture never comes last


class Cards:
    """The cards of one shell, and the thread that keeps them up to date."""

    def __init__(self, shell: InteractiveShell, errors: TaskErrors) -> None:
        self._shell = shell
        self._displays = Uncaught(shell)
        self._errors = errors
        # held while a card is sent, not while it is made: that runs the user's code
        self._lock = threading.Lock()
        self._turns = itertools.count(1)
        self._open: dict[int, list[Shown]] = {}  # by the number of the task
        self._ended: deque[Shown] = deque(maxlen=MOST_SENT_AGAIN)
        # the same, of tasks that ended without a value, and may be tried again
        self._fruitless: dict[int, list[Shown]] = {}
        self._changed: queue.SimpleQueue[Shown | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._feeds: list[Feed] = []
        self.sweeps = SweepCards(shell)

    def show(self, future: Promise) -> None:
        """Display a future under the cell that runs, and keep the display up to date."""
        self.follow(_task_of(future), lambda shown: self._bundle(shown, future))

    def follow(
        self, task: AppFuture, make: Callable[[Shown], Bundle], *, live: bool = False, at: str = ""
    ) -> str:
        """Display what `make` gives under the cell that runs, and keep it up to date until the task has ended.

        `at`: a display that it takes the place of. `live`: see `Shown`. Returns the display's id.
        """
        goes_on = not task.done()
        shown = Shown(task, make, at or uuid.uuid4().hex, self._errors.tellings.cell, live)
        shown.bundle = make(shown)
        if at:
            self._let_go(at)
        self._publish(shown, update=bool(at))
        # only a kernel's front ends can update a display; a terminal would print it again
        if hasattr(self._shell, "kernel"):
            if goes_on:
                self._follow(shown)
            elif _is_fruitless(task):
                self._await_retry(shown)
        return shown.display_id

    def settle(self) -> None:
        """Bring every card to its present state, within the cell that runs."""
        self.sweeps.settle()
        with self._lock:
            for shown in self._ended:
                self._publish(shown, update=True)
            self._ended.clear()
        for shown in [shown for group in list(self._open.values()) for shown in list(group)]:
            self._refresh(shown)
        with self._lock:
            self._ended.clear()

    def close(self) -> None:
        """Stop following; the cards stay as they are."""
        self.sweeps.close()
        for feed in self._feeds:
            feed.unsubscribe(self)
        self._feeds.clear()
        self._open.clear()
        self._fruitless.clear()
        if self._thread is not None:
            self._changed.put(None)
            self._thread.join(PATIENCE)
            self._thread = None

    # ------------------------------------------------------------ told of changes, on the reader thread

    def tasks_changed(self, rows: Sequence[TaskRow]) -> None:
        """A task may have been started: its card says so."""
        for row in rows:
            for shown in tuple(self._open.get(row.id, ())):
                self._changed.put(shown)
            for shown in tuple(self._fruitless.get(row.id, ())):
                self._changed.put(shown)

    def flow_closed(self) -> None:
        """The futures themselves tell how their tasks ended."""

    # ------------------------------------------------------------ following

    def _let_go(self, display_id: str) -> None:
        """Somebody else's from now on."""
        with self._lock:
            for group in self._open.values():
                group[:] = [shown for shown in group if shown.display_id != display_id]
            kept = [shown for shown in self._ended if shown.display_id != display_id]
            self._ended.clear()
            self._ended.extend(kept)
            for group in self._fruitless.values():
                group[:] = [shown for shown in group if shown.display_id != display_id]

    def _follow(self, shown: Shown) -> None:
        task = shown.task
        self._errors.tellings.expect(task, shown.display_id, shown.cell)
        self._open.setdefault(task.tid, []).append(shown)
        self._listen(task)
        task.add_done_callback(lambda _: self._changed.put(shown))
        self._changed.put(shown)  # for what happened since the bundle was made

    def _await_retry(self, shown: Shown) -> None:
        """Its task had ended without a value before it was shown."""
        with self._lock:
            self._keep_fruitless(shown)
        self._listen(shown.task)
        self._changed.put(shown)  # for what happened since the bundle was made

    def _keep_fruitless(self, shown: Shown) -> None:
        self._fruitless.setdefault(shown.task.tid, []).append(shown)
        if len(self._fruitless) > MOST_SENT_AGAIN:
            del self._fruitless[next(iter(self._fruitless))]

    def _listen(self, task: AppFuture) -> None:
        """Hear of what becomes of the tasks of its flow, and have a thread that shows it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="nbflow-cards", daemon=True)
            self._thread.start()
        if task.flow.feed not in self._feeds:
            self._feeds.append(task.flow.feed)
            task.flow.feed.subscribe(self)
        task.flow.watch()

    def _is_followed(self, shown: Shown) -> bool:
        """Whether it is to be kept up to date: from now on as well if its task, which had failed, is tried again."""
        task = shown.task
        if shown in self._open.get(task.tid, ()):
            return True
        with self._lock:
            group = self._fruitless.get(task.tid, [])
            if shown not in group or (task.done() and _is_fruitless(task)):
                return False
            group.remove(shown)
            self._open.setdefault(task.tid, []).append(shown)
        task.add_done_callback(lambda _: self._changed.put(shown))
        return True

    def _run(self) -> None:
        while True:
            live = [shown for group in list(self._open.values()) for shown in list(group) if shown.live]
            try:
                shown = self._changed.get(timeout=LIVE if live else None)
            except queue.Empty:
                for one in live:
                    self._refresh_safely(one)
                continue
            if shown is None:
                return
            self._refresh_safely(shown)
            time.sleep(PACE)

    def _refresh_safely(self, shown: Shown) -> None:
        """Whatever is wrong with one card, the others go on: to make one runs code of the user's."""
        try:
            self._refresh(shown)
        except BaseException:
            log.exception("the card of task %s could not be brought up to date", name_of(shown.task.tid))

    def _refresh(self, shown: Shown) -> None:
        """Make the bundle anew and send it if it is another one; let go of what has ended."""
        task = shown.task
        turn, before, ended = next(self._turns), shown.bundle, task.done()
        if not self._is_followed(shown):
            return
        bundle = shown.make(shown)
        same = bundle == before
        with self._lock:
            if turn < shown.turn or shown not in self._open.get(task.tid, ()):
                return
            shown.turn = turn
            if not same or shown.bundle is not before:
                shown.bundle = bundle
                self._publish(shown, update=True)
            if ended:
                self._errors.tellings.has_told(task, shown.display_id)
                self._open[task.tid].remove(shown)
                if not self._open[task.tid]:
                    del self._open[task.tid]
                self._ended.append(shown)
                if _is_fruitless(task):
                    self._keep_fruitless(shown)

    def _publish(self, shown: Shown, *, update: bool) -> None:
        self._displays.publish(shown.bundle, shown.display_id, update=update)

    # ------------------------------------------------------------ what is displayed

    def _bundle(self, shown: Shown, future: Promise) -> Bundle:
        task = _task_of(future)
        if (card := self.unvalued(shown, future)) is not None:
            return card.bundle(), {}
        value = future.result(0)
        if value is None:
            return Card(task.tid, future.app_name, State.DONE, remark="None").bundle(), {}
        return self.valued(task, value)

    def unvalued(self, shown: Shown, future: Promise, *, printed: bool = False) -> Card | None:
        """The card of what has no value, or not yet; None of what has one. `printed`: its output stands above."""
        task = _task_of(future)
        if not task.done():
            return _card_of(task, future.app_name)
        if task.cancelled():
            return Card(task.tid, future.app_name, State.CANCELLED)
        error = future.exception(0)
        return None if error is None else self._failed(shown, task, error, printed)

    def valued(self, task: AppFuture, value: object) -> Bundle:
        """A value of a task as its cell would display it; a card where it cannot be."""
        try:
            return rich(self._shell, value)
        except OF_THE_VALUE as found:
            remark = f"its {type(value).__name__} cannot be shown: {describe(found)}"
            return Card(task.tid, task.app_name, State.DONE, remark=remark).bundle(), {}

    def _failed(self, shown: Shown, task: AppFuture, error: BaseException, printed: bool) -> Card:
        state = task.state
        before = self._errors.tellings.before(error, shown.display_id, shown.cell)
        number, app = failed_task(error) or (task.tid, task.app_name)
        blames = blaming(error)
        blame = f"task {name_of(number)} `{app}` failed: " if blames is not None else ""
        if blames is not None and before:
            remark = blame + described(root_of(error))
            return Card(task.tid, task.app_name, state, remark=remark, lines=[f"({before})"])
        about = self._errors.told(error, task.flow, number, app)
        words = [] if printed and number == task.tid else about.words
        if words and about.lines:
            words = ["", "Its last words:", *(f"    {line}" for line in words)]
        return Card(
            task.tid,
            task.app_name,
            state,
            about.arguments if blames is None else "",
            blame + about.error,
            [*about.notes, *about.lines, *words],
            [("full traceback", about.full)] if about.full else [],
        )


def _is_fruitless(task: AppFuture) -> bool:
    """Whether a task that has ended has no value. It may just be tried again: then nothing is to be raised here."""
    return task.state is not State.DONE


def _task_of(future: Promise) -> AppFuture:
    return future.parent if isinstance(future, Companion) else future


def _card_of(task: AppFuture, name: str) -> Card:
    """The card of a task that goes on, as far as the feed knows it."""
    row: TaskRow | None = task.flow.feed.rows.get(task.tid)
    if row is None:
        return Card(task.tid, name, State.WAITING)
    # the feed may be ahead of the future, whose end is what counts here
    return Card(task.tid, name, State.RUNNING if row.state.ended else row.state, row.detail)
