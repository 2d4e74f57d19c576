"""The live lines under cells that submit tasks: when one appears, and the one thread that keeps all of them up to date.

    pre_run_cell, post_run_cell (main thread) ── which numbers, which sweeps ──┐
    reader thread ── changed tasks ────────────────────────────────────────────┤──> this thread ──> lines
    a click (any thread) ── what it says ──────────────────────────────────────┘

A call costs nothing for it: which tasks are a cell's is seen by the numbers before and after it. Rows of tasks are
asked for once there is a line to be drawn. By itself (`auto`) a line appears where a page may show it, and only if the
tasks have not all ended half a second after they were seen: quick cells stay clean.

Where nobody looks, `on` displays a still line with each cell that submits something, and `%nbflow wait` brings it up to
date.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nbflow.client import current
from nbflow.client.calls import Calls
from nbflow.client.sweeps.sweep import Sweep
from nbflow.notebook import audience, earlier, line_still
from nbflow.notebook.batch import Batch, Told, home_of
from nbflow.notebook.estimate import paces_of
from nbflow.notebook.freezing import Freezing
from nbflow.notebook.output import Output, request_of
from nbflow.notebook.timeleft import TimeLeft
from nbflow.notebook.verbs import Said, Verb

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbflow.client.flow.feed import Feed
    from nbflow.notebook.line import CellLine
    from nbflow.wire.rows import TaskRow

log = logging.getLogger(__name__)

MODES = ("on", "off", "auto")
QUICK = 0.5
"""Seconds that the tasks of a cell have to end in, after which the cell gets a line (where that is left to nbflow)."""
PATIENCE = 5.0  # seconds that the thread gets to end
_EVERY = 0.2  # seconds between two looks, while there is something to look at
_SHARE = 10  # a look that took t seconds is followed by a pause of that many times t
_MOST_SAID = 100  # what pages say beyond so much that waits is not heard: no person clicks that fast


class Cell:
    """A cell that runs or has run, and what it has submitted to one flow."""

    def __init__(self, request: Mapping[str, Any], number: int) -> None:
        self.request = request
        self.number = number  #: n of `In [n]`
        self.calls: Calls | None = None
        self.batch: Batch | None = None  # once it has submitted something
        self.over = False
        self.seen_at = 0.0  # when it first had, in seconds of the monotonic clock
        self._first = 1
        self._before: dict[Sweep, int] = {}  # sweeps of earlier cells: how many tasks each had called by then
        self._looking = threading.Lock()  # two threads do

    def begin(self, calls: Calls | None) -> None:
        """What is submitted from now on is its own."""
        self.calls = calls
        if calls is not None:
            self._before = {sweep: sweep.called for sweep in calls.sweeps.copy()}
            self._first = calls.next_number

    def look(self, calls: Calls | None) -> None:
        """See what it has submitted up to now; `calls`: of the flow that is loaded now."""
        with self._looking:
            if not self.over:
                self._look(calls)

    def _look(self, calls: Calls | None) -> None:
        if self.batch is None and calls is not self.calls:  # loaded by the cell itself
            self.calls, self._first, self._before = calls, 1, {}
        if self.calls is None:
            return
        sweeps = self.calls.sweeps.copy() - self._before.keys()
        if self.batch is None and (sweeps or self._has_called(self.calls)):
            flow: Any = self.calls.flow
            timing = functools.partial(
                TimeLeft,
                earlier=lambda: paces_of(flow.feed.rows.copy(), earlier.recall()),
                workers=lambda: len(flow.feed.workers),
                beyond=flow.feed.rows,
            )
            self.batch = Batch(self._first, time.time(), timing)
            self.seen_at = time.monotonic()
        if self.batch is not None:
            self.batch.sweeps += [
                sweep for sweep in sweeps if sweep.by_chunks and sweep not in self.batch.sweeps
            ]

    def _has_called(self, calls: Calls) -> bool:
        """Whether tasks were called since it began, beside those of sweeps of earlier cells, which go on."""
        # looked at first: what is about to be called counts as a sweep's
        called = calls.next_number - self._first
        return called > sum(sweep.called - before for sweep, before in self._before.items())

    def end(self, calls: Calls | None) -> None:
        """It has run to its end."""
        with self._looking:
            self._look(calls)
            if self.batch is not None and self.calls is not None:
                self.batch.last = self.calls.next_number - 1
            self.over = True

    def is_of(self, request: Mapping[str, Any]) -> bool:
        """Whether this is the cell that the message has run."""
        return bool(self.request.get("header", {}).get("msg_id") == request.get("header", {}).get("msg_id"))

    @property
    def pending(self) -> bool:
        """Whether futures of it have not ended."""
        if self.batch is None or self.calls is None:
            return False
        return any(map(self.batch.has, self.calls.pending.copy())) or not all(
            sweep.done() for sweep in self.batch.sweeps
        )


class Line:
    """A line that is displayed: its cell, its place, and when it gives way to what stays."""

    def __init__(self, cell: Cell, calls: Calls, batch: Batch, output: Output, widget: CellLine) -> None:
        self.cell = cell
        self.calls = calls
        self.batch = batch
        self.output = output
        self.widget = widget
        self.freezing = Freezing()
        self.complete = False  # all rows are there
        self.told = self.look()
        self._graph: Any = None  # the one that was opened by it

    def look(self) -> Told:
        """How it stands now."""
        if not self.cell.over:
            self.cell.look(self.calls)
        self.told = self.batch.told(time.time(), self.cell.pending, self.complete)
        return self.told

    @property
    def over(self) -> bool:
        """Whether nothing more will be told of its flow."""
        flow: Any = self.calls.flow
        over: bool = flow.feed.closed
        return over

    def open_graph(self, shell: InteractiveShell) -> None:
        """Display the live graph of its flow under its cell, unless it stands there."""
        from nbflow.notebook.widget import FlowGraph

        if self._graph is None or not self._graph.shown:
            if self._graph is not None:
                self._graph.close()
            flow: Any = self.calls.flow
            self._graph = FlowGraph(flow)
            self._graph.display_late(Output(shell, self.cell.request))
        self.widget.offer(self._graph.live_bundle())


class Follower:
    """Notes which rows of one flow change, for the lines of its tasks."""

    def __init__(self, calls: Calls, wake: Callable[[], None]) -> None:
        flow: Any = calls.flow
        self._flow = flow
        self._feed: Feed = flow.feed
        self._wake = wake
        self._lock = threading.Lock()
        self._dirty: dict[int, None] = {}
        self._homes: dict[int, Batch | None] = {}
        self._feed.subscribe(self)
        flow.watch()

    def tasks_changed(self, rows: Sequence[TaskRow]) -> None:
        """Note that these tasks changed. On the reader thread."""
        with self._lock:
            self._dirty.update((row.id, None) for row in rows)

    def flow_closed(self) -> None:
        """Note that nothing more will come."""
        self._wake()

    def from_the_beginning(self) -> None:
        """There is one more batch: look at all rows again."""
        self._homes.clear()
        with self._lock:
            self._dirty.update(dict.fromkeys(list(self._feed.rows)))

    def hand_out(self, batches: Sequence[Batch]) -> None:
        """Give each batch the rows of its tasks that have changed."""
        with self._lock:
            dirty, self._dirty = self._dirty, {}
        rows = self._feed.rows
        for batch in batches:
            batch.look()
        for task in dirty:
            row = rows.get(task)
            home = None if row is None else home_of(row, batches, self._homes, rows)
            if row is not None and home is not None:
                home.take(row)

    def complete(self) -> None:
        """Have all rows come; the scheduler sends them before it answers."""
        with suppress(Exception):  # closed, or too slow: what is there has to do
            self._flow.status()

    def end(self) -> None:
        """Follow it no more."""
        self._feed.unsubscribe(self)


class Lines:
    """The lines of one shell. `mode`: "on", "off" or "auto".

    `has_card` says of a task whether its cell tells how it has ended, so that its line need not stay.
    """

    def __init__(self, shell: InteractiveShell, has_card: Callable[[int], bool]) -> None:
        self.mode = "auto"
        self._shell = shell
        self._has_card = has_card
        self._cell: Cell | None = None  # the one that runs
        self._inside = 0  # how many cells run within it
        self._stills: list[tuple[Cell, Output]] = []  # displayed where nobody looks
        self._wake = threading.Condition()
        self._notes: deque[Callable[[], None]] = deque()
        self._ended = False
        self._thread: threading.Thread | None = None
        # From here on: the thread's own.
        self._waiting: list[Cell] = []  # that run, or have submitted something, and have no line yet
        self._lines: list[Line] = []
        self._followed: dict[Calls, Follower] = {}

    # ---------------------------------------------------------------- in the shell

    def install(self) -> None:
        """From now on, see what each cell submits."""
        self._shell.events.register("pre_run_cell", self._begins)
        self._shell.events.register("post_run_cell", self._ends)

    def remove(self) -> None:
        """Undo `install`, and end the thread; lines stay as they are."""
        for event, function in (("pre_run_cell", self._begins), ("post_run_cell", self._ends)):
            with suppress(ValueError):
                self._shell.events.unregister(event, function)
        with self._wake:
            self._ended = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def _begins(self, _: object = None) -> None:
        request = request_of(self._shell)
        if self._cell is not None and self._cell.is_of(request):
            self._inside += 1  # a cell that is run by a cell belongs to it
            return
        if self._cell is not None:  # nobody has said that it has ended
            self._cell.end(current.get_current())
        self._cell, self._inside = None, 0
        if self.mode == "off" or not request:
            return
        cell = self._cell = Cell(request, _number(self._shell))
        cell.begin(current.get_current())
        if audience.expected(request):
            self._start()
            self._note(lambda: self._waiting.append(cell))

    def _ends(self, _: object = None) -> None:
        cell = self._cell
        if cell is None or self._inside:
            self._inside = max(0, self._inside - 1)
            return
        self._cell = None
        cell.end(current.get_current())
        if audience.expected(cell.request):
            self._note(lambda: None)
        elif self.mode == "on" and cell.batch is not None:
            output = Output(self._shell)
            output.show(line_still.bundle(_told_of(cell)), {})
            self._stills.append((cell, output))

    def settle(self) -> None:
        """Bring the lines that were displayed where nobody looks up to date, within the cell that runs."""
        for cell, output in self._stills:
            output.replace(line_still.bundle(_told_of(cell)), here=True)
        self._stills = [(cell, output) for cell, output in self._stills if cell.pending]

    # ---------------------------------------------------------------- from any thread

    def _heard(self, line: CellLine, said: Said) -> None:
        if len(self._notes) < _MOST_SAID:
            self._note(lambda: self._act(line, said))

    def _note(self, note: Callable[[], None]) -> None:
        with self._wake:
            self._notes.append(note)
            self._wake.notify()

    # ---------------------------------------------------------------- the thread

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="nbflow-lines", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        pause: float | None = None
        while True:
            with self._wake:
                self._wake.wait_for(lambda: bool(self._notes) or self._ended, pause)
                if self._ended:
                    break
            try:
                pause = self._step()
            except Exception:
                log.exception("the lines under cells could not be brought up to date")
                pause = 1.0
        for follower in self._followed.values():
            follower.end()

    def _step(self) -> float | None:
        """Do what is due; returns after how many seconds to look again, None for not until something happens."""
        began = time.monotonic()
        with self._wake:
            notes = list(self._notes)
            self._notes.clear()
        for note in notes:
            note()
        for cell in list(self._waiting):
            self._consider(cell, began)
        began = time.monotonic()  # a line's first picture takes long, and that once
        for calls, follower in self._followed.items():
            follower.hand_out([line.batch for line in self._lines if line.calls is calls])
        for line in list(self._lines):
            self._tell(line)
        for calls in [
            calls for calls in self._followed if not any(line.calls is calls for line in self._lines)
        ]:
            self._followed.pop(calls).end()
        if not (self._waiting or self._lines):
            return None
        return max(_EVERY, _SHARE * (time.monotonic() - began))

    def _consider(self, cell: Cell, now: float) -> None:
        """Give a cell its line, if it is time; forget it if it needs none."""
        cell.look(current.get_current())
        pending = cell.pending
        if cell.over and (cell.batch is None or (self.mode != "on" and not pending)):
            self._waiting.remove(cell)
        elif cell.batch is None or cell.calls is None or self.mode == "off":
            return
        elif self.mode == "on" or (pending and now - cell.seen_at >= QUICK):
            self._waiting.remove(cell)
            self._show(cell, cell.calls, cell.batch)
        elif not pending:
            cell.seen_at = now  # what it submits later has as much time

    def _show(self, cell: Cell, calls: Calls, batch: Batch) -> None:
        from nbflow.notebook.line import CellLine  # the widgets' machinery takes its time to load

        if calls not in self._followed:
            self._followed[calls] = Follower(calls, lambda: self._note(lambda: None))
        self._followed[calls].from_the_beginning()
        self._followed[calls].complete()
        self._followed[calls].hand_out([*(line.batch for line in self._lines if line.calls is calls), batch])
        told = batch.told(time.time(), cell.pending, False)
        widget = CellLine(f"nbflow, cell [{cell.number}]", told, self._heard)
        line = Line(cell, calls, batch, Output(self._shell, cell.request), widget)
        self._lines.append(line)
        widget.show(line.output, told)
        line.freezing.shown(time.monotonic())

    def _tell(self, line: Line) -> None:
        told = line.look()
        if told.running or not line.cell.over:
            line.complete = False
        elif not line.complete:
            self._followed[line.calls].complete()
            self._followed[line.calls].hand_out([one.batch for one in self._lines if one.calls is line.calls])
            line.complete = True
            told = line.look()
        line.widget.tell(told)
        # not as soon as no calls are taken any more: what becomes of those under way is told after that
        if line.freezing.due(line.complete, line.over, time.monotonic()) == 0.0:
            task = line.batch.only_task
            is_told = self.mode != "on" and task is not None and self._has_card(task)
            still = line_still.NOTHING if is_told else line_still.bundle(told)
            line.widget.replace(line.output, still, line.freezing.page_seen)
            line.freezing.done()
            self._lines.remove(line)

    # ---------------------------------------------------------------- what a page says

    def _act(self, widget: CellLine, said: Said) -> None:
        widget.acknowledge(said.key)
        line = next((line for line in self._lines if line.widget is widget), None)
        if line is not None:
            line.freezing.said(said.verb, time.monotonic())
            if said.verb is Verb.GRAPH and not line.calls.closed:
                line.open_graph(self._shell)


def _number(shell: InteractiveShell) -> int:
    """The n of the `In [n]` that is about to run; newer versions of IPython have counted on already."""
    history = shell.history_manager
    return shell.execution_count if history is None else len(history.input_hist_parsed)


def _told_of(cell: Cell) -> Told:
    """How a cell's tasks stand, as asked now."""
    from nbflow.notebook.flows import tasks

    assert cell.batch is not None
    flow: Any = cell.calls and cell.calls.flow
    batch = Batch(cell.batch.first, time.time())
    batch.last, batch.sweeps = cell.batch.last, cell.batch.sweeps
    batch.look()
    rows = flow.feed.rows.copy() if flow.closed else tasks(flow)
    for row in rows.values():
        if home_of(row, [batch], {}, rows) is not None:
            batch.take(row)
    return batch.told(time.time(), cell.pending, True)
