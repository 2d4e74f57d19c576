"""Keeps a page up to date: one thread for each graph, between the flow's feed and the page.

    reader thread ── changed tasks, workers ┐
    a click (any thread) ── what it says ───┤──> this thread: rows, layout, panel, picture ──> page
    freeze() (any thread) ──────────────────┘

Others only leave a note and wake the thread, so neither the client's reader nor the user's cell waits for a layout or
for the scheduler. The first change is published at once, further ones at most ten times a second and never so often
that this takes more than a tenth of a core; the last one always is. Nothing changed, nothing sent. How tasks stand,
the structure and the workers' strip each keep a pace of their own: where a structure takes long to draw, the states
of its tasks go on changing ten times a second.

What a page is, is not known here (`Page`): the widget is one, tests have another.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from nbflow.client.callbacks import Callbacks
from nbflow.client.flow.asking import Retrial
from nbflow.client.flow.feed import Feed
from nbflow.legible import shorten
from nbflow.notebook import earlier
from nbflow.notebook.board import Board
from nbflow.notebook.estimate import Left
from nbflow.notebook.exporting import KINDS
from nbflow.notebook.fold import AUTO
from nbflow.notebook.freezing import Freezing
from nbflow.notebook.inspection import Inspection
from nbflow.notebook.panel import Panel
from nbflow.notebook.results import Shown, refused, shown
from nbflow.notebook.scenes import Scenes
from nbflow.notebook.still import Still
from nbflow.notebook.timeline import Timeline, timeline
from nbflow.notebook.twins import Told, Twins
from nbflow.notebook.verbs import SHOWS, WITH_TASKS, Said, Verb
from nbflow.notebook.view import Scene
from nbflow.wire.rows import TaskDetails, TaskRow, WorkerRow

Made = TypeVar("Made")
log = logging.getLogger(__name__)

SHORTEST = 0.1
"""Seconds between two publications, at least."""
# What cost t seconds of the processor is followed by a pause of so many times t: at most 1/20 + 1/40 + 1/50 of a core.
_STATE_PAUSE, _STRIP_PAUSE, _SCENE_PAUSE = 20, 50, 40
_STRIP_EVERY = 0.5  # seconds between two drawings of the workers' strip
_FEED_LAG = 0.05  # seconds between two looks whether the last rows have come
MOST_SAID = 100
"""What a page says beyond so much that waits to be acted on is not heard: no person clicks that fast."""


class Flow(Protocol):
    """What is needed of a `DataFlowKernel`."""

    @property
    def name(self) -> str: ...
    @property
    def feed(self) -> Feed: ...
    @property
    def closed(self) -> bool: ...
    @property
    def died(self) -> str: ...
    def watch(self) -> None: ...
    def details(self, task_id: int, timeout: float = ...) -> TaskDetails: ...
    def cancel_soon(self, tasks: Sequence[int]) -> None: ...
    def value_of(self, task_id: int) -> Any: ...
    def retry_soon(
        self, tasks: Sequence[int] | None, dependants: bool, told: Callable[[Retrial], None]
    ) -> None: ...


class Page(Protocol):
    """What is published to. Called on the publisher's thread only."""

    def show(
        self,
        *,
        scene: Scene | None = None,
        board: Board | None = None,
        elapsed: float = 0.0,
        left: Left | None = None,
        strip: Timeline | None = None,
        panel: Panel | None = None,
        no_panel: bool = False,
        notice: str = "",
        layout: tuple[str, str] | None = None,
        told: Told | None = None,
    ) -> None:
        """Send what is given, as one message. A `notice` is about the whole flow, and stays.

        `layout`: which was asked for, and what is to be said of what was drawn.
        """

    def acknowledge(self, key: str) -> None:
        """Say that a message of the page's has arrived."""

    def found(self, text: str, tasks: Sequence[int]) -> None:
        """Tell which tasks, by their place in the scene, have `text` among their arguments."""

    def deliver(self, kind: str, name: str, text: str) -> None:
        """Hand the page a file to be downloaded: its kind (`exporting.KINDS`), its flow's name, what stands in it."""

    def answer(self, text: str) -> None:
        """Say why something that the page asked for is not done."""

    def give(self, task: int, result: Shown) -> None:
        """Show the value of a task to whoever has asked for it."""

    def replace(self, picture: Still) -> None:
        """Put the still picture in the place of every live view."""


class Publisher:
    """Publishes one flow to one page until `stop`, or until the flow is closed."""

    def __init__(
        self,
        flow: Flow,
        page: Page,
        *,
        layout: str = AUTO,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        spent: Callable[[], float] = time.thread_time,
    ) -> None:
        """`layout`: one of `fold.LAYOUTS`. The clocks are in seconds; `spent`: of the processor, by this thread."""
        self._flow = flow
        self._page = page
        self._clock = clock
        self._wall = wall
        self._spent = spent
        self._wake = threading.Condition()
        self._dirty: dict[int, None] = {}  # ids of changed tasks, in the order in which they were told
        self._crew: Sequence[WorkerRow] | None = None  # the workers, as told last and not taken over yet
        self._notes: deque[Callable[[], None]] = deque()
        self._said = 0  # of the notes, those of the page
        self._closing = False  # the flow is closed
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="nbflow-graph", daemon=True)
        self.first = threading.Event()  #: set once the first picture has been published
        # From here on: the thread's own.
        self._last_step = False  # a step was made since the flow was closed
        self._wanted: list[tuple[float, threading.Event]] = []  # who waits for a freeze, and until when
        self._board = Board()
        self._scenes = Scenes(flow.name, layout)
        self._unsent = False  # the page's scene is older than ours
        self._changed = self._strip_stale = False  # the page's state, its strip, are older than the board
        self._next = self._next_strip = self._next_scene = 0.0
        self._inspection = Inspection(flow.details)
        self._twins = Twins(self._board, earlier.recall, earlier.remember, clock, wall, spent)
        self._results = Callbacks("nbflow-result")
        self.freezing = Freezing()

    # ---------------------------------------------------------------- from any thread

    def start(self) -> None:
        """Subscribe to the flow and begin."""
        self._flow.feed.subscribe(self)
        self._closing = self._flow.closed
        self._thread.start()

    def stop(self) -> None:
        """End the thread; nothing more is published."""
        self._flow.feed.unsubscribe(self)
        self._results.close()
        with self._wake:
            self._ended = True
            self._wake.notify()

    def tasks_changed(self, rows: Sequence[TaskRow]) -> None:
        """Note that these tasks changed."""
        # Only the ids: two threads may bring rows, and the feed alone knows which is the newest.
        with self._wake:
            self._dirty.update((row.id, None) for row in rows)
            self._wake.notify()

    def workers_changed(self, rows: Sequence[WorkerRow]) -> None:
        """Note how the workers stand."""
        with self._wake:
            self._crew = rows
            self._wake.notify()

    def flow_closed(self) -> None:
        """Note that nothing more will come: the last picture is published, then the thread ends."""
        with self._wake:
            self._closing = True
            self._wake.notify()

    def hear(self, said: Said) -> None:
        """Note what the page said, unless so much waits already that no person can have said it."""
        with self._wake:
            if self._said >= MOST_SAID:
                return
            self._said += 1
        self._note(lambda: self._act(said))

    def displayed(self) -> None:
        """Note that there is a live view now."""
        self._note(self._shown)

    def freeze(self, patience: float = 2.0) -> None:
        """Replace the live views by their still picture, and return when that is done.

        The feed may lag behind the futures: up to `patience` seconds are given to it until all tasks have ended.
        """
        done = threading.Event()
        until = self._clock() + patience
        self._note(lambda: self._wanted.append((until, done)))
        done.wait(patience + 5.0)

    def draw(self, make: Callable[[Still], Made], patience: float) -> Made | None:
        """What `make` makes of the picture as it stands now, on the publisher's thread; None if that takes longer.

        `patience` is in seconds.
        """
        made: list[Made] = []
        done = threading.Event()

        def note() -> None:
            made.append(make(self._picture()))
            done.set()

        self._note(note)
        done.wait(patience)
        return made[0] if made else None

    def _note(self, note: Callable[[], None]) -> None:
        with self._wake:
            self._notes.append(note)
            self._wake.notify()
            if not self._ended:
                return
        self.step()  # the thread is gone, and with it the danger of two at once
        self._scenes.close()

    # ---------------------------------------------------------------- the thread

    def _run(self) -> None:
        while True:
            try:
                pause = self.step()
            except Exception:
                # A picture that cannot be drawn must not take the next one's chance.
                log.exception("the graph of flow %s could not be brought up to date", self._flow.name)
                pause = 1.0
            with self._wake:
                self._ended = self._ended or (self._last_step and not (self._stale() or self._notes))
                if self._ended:
                    break
                self._wait(pause)
        self._scenes.close()

    def _wait(self, pause: float | None) -> None:
        """Wait `pause` seconds (None: for as long as it takes), or until there is something to do before that."""
        gathering = self._next - self._clock()
        if gathering > 0:
            # Changes gather up to the next publication; what people do is done at once.
            self._wake.wait_for(self._urgent, gathering if pause is None else min(gathering, pause))
            pause = None if pause is None else pause - gathering
        if pause is None or pause > 0:
            self._wake.wait_for(lambda: self._urgent() or self._stale(), pause)

    def _stale(self) -> bool:
        return bool(self._dirty) or self._crew is not None

    def _urgent(self) -> bool:
        return bool(self._notes) or self._ended or (self._closing and not self._last_step)

    def step(self) -> float | None:
        """Do what is due now; returns after how many seconds something will be due, None for not until called."""
        with self._wake:
            dirty, self._dirty = self._dirty, {}
            crew, self._crew = self._crew, None
            notes = list(self._notes)
            self._notes.clear()
            self._said = 0
            closing = self._last_step = self._closing
        if dirty:
            rows = self._flow.feed.rows
            changed = [rows[task] for task in dirty if task in rows]
            self._twins.changed(changed)
            self._scenes.stale |= self._board.update(changed)
            self._changed = self._strip_stale = True
        if crew is not None:
            self._twins.workers_changed()
            if self._board.update_workers(crew):
                self._changed = self._strip_stale = True
        for note in notes:
            try:
                note()
            except Exception:
                log.exception("a request to the graph of flow %s failed", self._flow.name)
        pauses = [
            self._publish(now=closing),
            self._tell(now=closing),
            self._inspect(closing),
            self._freeze(closing),
        ]
        due = [pause for pause in pauses if pause is not None]
        return min(due) if due else None

    def _shown(self) -> None:
        self.freezing.shown(self._clock())
        self._publish_all()

    def _publish_all(self) -> None:
        """What a page holds may be old: it did not listen."""
        self._changed = self._strip_stale = True
        self._next = self._next_strip = self._next_scene = 0.0

    def _publish(self, *, now: bool) -> float | None:
        """Send what changed, if it is time, or in any case `now`."""
        began = self._clock()
        self._unsent |= self._scenes.look()
        if self.freezing.quiet:
            return None
        drawn = self._scenes.stale and (now or began >= self._next_scene)
        strip_due = self._strip_stale and (now or began >= self._next_strip)
        state_due = drawn or self._unsent or (self._changed and (now or began >= self._next))
        if not (state_due or strip_due):
            return self._until_due(began)
        wall = self._wall()
        if drawn:
            cost = self._spent()
            self._draw()
            self._next_scene = began + max(SHORTEST, _SCENE_PAUSE * (self._spent() - cost))
        strip = None
        if strip_due:
            cost = self._spent()
            strip = self._strip(wall)
            self._next_strip = began + max(_STRIP_EVERY, _STRIP_PAUSE * (self._spent() - cost))
            self._strip_stale = False
        left = self._twins.left()  # which sees itself to how much of the time it takes
        cost = self._spent()
        self._page.show(
            scene=self._scenes.scene if self._unsent else None,
            layout=(self._scenes.layout, self._scenes.note) if self._unsent else None,
            board=self._board if state_due else None,
            elapsed=self._board.elapsed(wall),
            left=left,
            strip=strip,
            notice=self._flow.died,
        )
        if state_due:
            self._changed = self._unsent = False
            self._next = began + max(SHORTEST, _STATE_PAUSE * (self._spent() - cost))
            self.first.set()
        return self._until_due(self._clock())

    def _until_due(self, now: float) -> float | None:
        """Seconds until something that waits to be published may be; None where nothing waits."""
        due = [at - now for waits, at in (
            (self._changed, self._next),
            (self._strip_stale, self._next_strip),
            (self._scenes.stale, self._next_scene),
        ) if waits]  # fmt: skip
        if self._scenes.pause is not None:
            due.append(self._scenes.pause)
        return max(0.0, min(due)) if due else None

    def _draw(self) -> None:
        self._scenes.refresh(self._board.rows)
        self._unsent = True

    def _tell(self, *, now: bool) -> float | None:
        """Send what table and timeline need, if a page shows them, and it is time or in any case `now`."""
        if self.freezing.quiet:
            return None
        told, pause = self._twins.look(self._flow.feed.store, at_once=now)
        if told is not None:
            self._page.show(told=told)
        return pause

    def _picture(self) -> Still:
        if self._scenes.stale:
            self._draw()
        wall = self._wall()
        scene, elapsed = self._scenes.scene, self._board.elapsed(wall)
        return Still(scene, self._board, self._strip(wall), elapsed, self._flow.died)

    def _strip(self, wall: float) -> Timeline:
        return timeline(self._board.rows, self._board.started, wall, self._board.silent)

    # ---------------------------------------------------------------- what the page says

    def _act(self, said: Said) -> None:
        # Before the act, which may wait for the scheduler: the page only asks whether it was heard.
        self._page.acknowledge(said.key)
        if self.freezing.said(said.verb, self._clock()) or said.verb is Verb.READY:
            self._publish_all()
        if said.verb in SHOWS:
            self._twins.want(said.verb)
        elif said.verb is Verb.CLOSE:
            self._inspection.end()
            self._page.show(no_panel=True)
        elif said.verb is Verb.LAYOUT:
            self._scenes.choose(said.word)
            self._next_scene = 0.0
        elif said.verb is Verb.FIND:
            self._find(said.word)
        elif said.verb is Verb.EXPORT:
            self._page.deliver(said.word, self._flow.name, KINDS[said.word](self._picture()))
        elif said.verb in WITH_TASKS:
            self._steer(said.verb, [task for task in said.tasks if self._board.get(task) is not None])
        elif self._board.get(said.task) is None:
            return
        elif said.verb is Verb.INSPECT:
            self._inspection.begin(said.task)
        elif said.verb is Verb.RESULT:
            task = said.task
            self._results.put(lambda: self._fetch(task))

    def _find(self, text: str) -> None:
        wanted = text.lower()
        rows = self._board.rows
        self._page.found(text, [place for place, row in enumerate(rows) if wanted in row.detail.lower()])

    def _steer(self, verb: Verb, tasks: Sequence[int]) -> None:
        """Ask for it without waiting: the page sees what comes of it by the tasks' rows."""
        if self._flow.closed:
            self._page.answer("The flow has ended: nothing in it can be cancelled or tried again.")
        elif verb is Verb.CANCEL:
            self._flow.cancel_soon(tasks)
        elif tasks:
            self._flow.retry_soon(tasks, verb is Verb.RETRY_ALL, self._has_heard)

    def _fetch(self, task: int) -> None:
        """On a thread of its own: a value may be large, and how it shows itself is the user's code."""
        try:
            result = shown(self._flow.value_of(task))
        except BaseException as error:  # the thread outlives whatever that code does
            result = refused(error)
        self._note(lambda: self._page.give(task, result))

    def _has_heard(self, retrial: Retrial) -> None:
        """What came of a wish; told on the thread that hears the scheduler."""
        reasons = [f"Not tried again: {shorten(reason, 300)}." for reason in retrial.refused.values()]
        if reasons:
            more = f" So it is with {len(reasons) - 1} more." if len(reasons) > 1 else ""
            self._note(lambda: self._page.answer(reasons[0] + more))

    def _inspect(self, closing: bool) -> float | None:
        panel, pause = self._inspection.look(self._board, self._clock())
        if panel is not None:
            self._page.show(panel=panel)
        return None if closing else pause

    # ---------------------------------------------------------------- the still picture

    def _freeze(self, closing: bool) -> float | None:
        now = self._clock()
        at_rest = self._board.at_rest
        pause = self.freezing.due(at_rest, closing, now)
        if self._wanted and not (at_rest or closing or now >= min(until for until, _ in self._wanted)):
            return _FEED_LAG
        if not self._wanted and pause != 0.0:
            return pause
        self._page.replace(self._picture())
        self.freezing.done()
        for _, done in self._wanted:
            done.set()
        self._wanted.clear()
        return None
