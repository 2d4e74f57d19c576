"""The live graph as a widget: the traits that the page draws, and what the page says back.

Its traits hold the whole state, so a second view and a reloaded page draw themselves. They are set by the publisher's
thread alone. What is drawn is made by pure modules (`view`, `panel`, `still`), when by `publisher`; this module ties
them to Jupyter.
"""

from __future__ import annotations

import gzip
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import graphviz
import msgspec
import traitlets
from IPython.core.getipython import get_ipython

from nbflow.client.flow.kernel import DataFlowKernel
from nbflow.client.flow.loading import begun
from nbflow.notebook import audience, saved, still
from nbflow.notebook.board import Board
from nbflow.notebook.dot import to_dot
from nbflow.notebook.estimate import Left
from nbflow.notebook.exporting import KINDS, kind_of
from nbflow.notebook.fold import AUTO, LAYOUTS
from nbflow.notebook.live import LiveWidget
from nbflow.notebook.marks import sentence
from nbflow.notebook.output import Output, request_of
from nbflow.notebook.panel import Panel
from nbflow.notebook.publisher import Flow, Publisher
from nbflow.notebook.results import Shown
from nbflow.notebook.runs import packed
from nbflow.notebook.script import STATIC, joined, styles
from nbflow.notebook.timeline import Timeline
from nbflow.notebook.twins import Told
from nbflow.notebook.verbs import Said
from nbflow.notebook.view import Scene, sent

_PAGE = STATIC / "graph"
_FIRST_PICTURE = 0.2  # seconds that displaying waits for the flow's first rows, for the copy that is saved
_FIRST_DRAWING = 0.5  # and for its picture
_LONGEST_DRAWING = 60.0
_graphs: weakref.WeakSet[FlowGraph] = weakref.WeakSet()


class FlowGraph(LiveWidget):
    """A live picture of a flow. Display it, or leave it at the end of a cell; `nbflow.graph()` makes one.

    Three seconds after the last task has ended, and while nobody uses it, it is replaced by a still picture, which
    needs no kernel. Tasks called later do not bring it back to life: `%nbflow graph` gives a fresh one.

    Where nobody looks (a head-less run) there is no page to draw it: the picture is displayed at once, and brought up
    to date by `%nbflow wait`.
    """

    _esm = joined(_PAGE / "main.mjs")
    _css = styles(_PAGE)

    scene = traitlets.Dict(help="the structure: see `view.Scene`").tag(sync=True)
    status = traitlets.Bytes(help="one byte a task, in the scene's order: see `marks.MARKS`").tag(sync=True)
    parts = traitlets.Dict(
        help="of tasks that run several items, by place: the [mark, count] pairs that they count as"
    ).tag(sync=True)
    progress = traitlets.Dict(
        help="of running tasks that say how far they are, by place: [fraction or null, text]"
    ).tag(sync=True)
    counts = traitlets.Dict(help="how many tasks stand how, by word, without zeros").tag(sync=True)
    clock = traitlets.Dict(
        help="elapsed: seconds; running: whether it goes on; left: [seconds, whether it is more than that] or null"
    ).tag(sync=True)
    columns = traitlets.Dict(help="for table and timeline, of each task: see `columns.Fixed`").tag(sync=True)
    moving = traitlets.Dict(help="what of that changes while tasks run: see `columns.Moving`").tag(sync=True)
    meters = traitlets.Dict(help="what workers and big values use: see `meters.Meters`").tag(sync=True)
    path: traitlets.List[int] = traitlets.List(help="the critical path: places of its tasks, in order").tag(
        sync=True
    )
    timeline = traitlets.Dict(help="the workers' strip: see `timeline.Timeline`").tag(sync=True)
    drawing = traitlets.Dict(
        help="asked: one of `fold.LAYOUTS`; note: what is to be said of the drawing"
    ).tag(sync=True)
    notice = traitlets.Unicode(help="what is to be said of the whole flow; mostly nothing").tag(sync=True)
    panel = traitlets.Dict(help="the selected task: see `panel.Panel`; empty: none").tag(sync=True)

    def __init__(self, flow: Flow, layout: str = AUTO) -> None:
        self._flow = flow
        self._outputs: list[Output] = []  # where it is displayed
        self._live = audience.expected(request_of(get_ipython()))
        self._closed = False
        self._publisher = Publisher(flow, self, layout=layout)
        super().__init__()
        self.timeline = {"span": 0.0, "lanes": []}
        self.scene = {"name": flow.name}
        self.drawing = {"asked": layout, "note": ""}
        _graphs.add(self)
        self._publisher.start()
        flow.watch()

    def open(self) -> None:
        """Tell the page of the widget; where there is none, no state of it shall be saved with the notebook."""
        if self._live:
            super().open()

    # ---------------------------------------------------------------- for the user

    def to_dot(self) -> graphviz.Digraph:
        """The graph as it stands now, for Graphviz: a node for each task."""
        return to_dot(list(self._flow.feed.rows.values()), self._flow.name)

    def to_svg(self) -> str:
        """The picture as it stands now: an SVG document that stands for itself.

        Raises TimeoutError if that takes more than a minute.
        """
        return self._made(still.svg)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the graph as it stands now to a file, as its suffix says.

        `.svg` is the picture, `.html` a page with the picture and a table of the tasks, `.dot` (or `.gv`) a text for
        Graphviz, `.json` the tasks as data. Raises ValueError for any other suffix, OSError where the file cannot be
        written, TimeoutError if drawing takes more than a minute.
        """
        file = Path(path)
        make = KINDS[kind_of(file.suffix)]
        file.write_text(self._made(make), encoding="utf-8")

    def _made(self, make: Callable[[still.Still], str]) -> str:
        made = self._publisher.draw(make, _LONGEST_DRAWING)
        if made is None:
            raise TimeoutError(f"the graph was not drawn within {_LONGEST_DRAWING:.0f} s")
        return made

    def freeze(self, patience: float = 2.0) -> None:
        """Replace the displayed graph by a still picture of it that needs no kernel. Returns when that is done.

        Args:
            patience: seconds that are given to the graph to see the ends of tasks whose futures have ended.
        """
        self._publisher.freeze(patience)

    def close(self) -> None:
        """End the graph and take it off the page. The flow goes on."""
        # None: the making of it failed, and it is being thrown away
        publisher = getattr(self, "_publisher", None)
        if publisher is not None:
            publisher.stop()
        self._closed = True
        super().close()

    def __repr__(self) -> str:
        return f"nbflow graph: {sentence(self._tally())}"

    # ---------------------------------------------------------------- display

    def _ipython_display_(self) -> None:
        shell = get_ipython()
        if shell is None:
            print(repr(self))
            return
        output = Output(shell)
        if self._closed:
            output.show(self._drawn(), {})
            return
        output.show(*self.live_bundle())
        self._outputs.append(output)
        self._publisher.displayed()

    def display_late(self, output: Output) -> None:
        """Display it at a place in a cell that may have ended; from any thread."""
        output.show_late(*self.live_bundle())
        self._outputs.append(output)
        self._publisher.displayed()

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.live_bundle()

    def live_bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The widget, and beside it what is shown where widgets are not known, or not trusted, or nobody looks."""
        data, metadata = super()._repr_mimebundle_() or ({}, {}) if self._live else ({}, {})
        self._publisher.first.wait(_FIRST_PICTURE)
        return {**data, **self._drawn()}, metadata

    def _drawn(self) -> dict[str, str]:
        """The still representations, drawn on the publisher's thread; without the picture where that takes long."""
        return self._publisher.draw(saved.bundle, _FIRST_DRAWING) or {"text/plain": repr(self)}

    def _tally(self) -> Mapping[str, int]:
        board = Board()
        board.update(list(self._flow.feed.rows.values()))
        return board.counts

    # ---------------------------------------------------------------- called by the publisher, on its thread

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
        """Send what is given, as one message."""
        with self._changing, self.hold_sync():
            if scene is not None:
                self.scene = sent(scene)
            if layout is not None:
                self.drawing = dict(zip(("asked", "note"), layout, strict=True))
            if board is not None:
                self.status = bytes(board.status)
                self.parts = {str(place): told for place, told in board.parts.items()}
                self.progress = {
                    str(place): [said.fraction, said.text] for place, said in board.progress.items()
                }
                self.counts = board.counts
                running = bool(board.rows) and not board.at_rest
                self.clock = {"elapsed": round(elapsed, 2), "running": running, "left": _left(left)}
            if strip is not None:
                self.timeline = msgspec.to_builtins(strip)
            if notice:
                self.notice = notice
            if panel is not None or no_panel:
                self.panel = msgspec.to_builtins(panel) if panel is not None else {}
            if told is not None:
                self._tell(told)

    def _tell(self, told: Told) -> None:
        # bytes stay bytes: they travel beside the message, not in it
        if told.fixed is not None:
            self.columns = msgspec.structs.asdict(told.fixed)
        if told.moving is not None:
            self.moving = msgspec.structs.asdict(told.moving)
        if told.meters is not None:
            self.meters = msgspec.to_builtins(told.meters)
        if told.path is not None:
            self.path = told.path

    def found(self, text: str, tasks: Sequence[int]) -> None:
        """Answer the page's question which tasks have a text among their arguments."""
        with self._changing:
            self.send({"found": text, "tasks": packed(tasks)})

    def deliver(self, kind: str, name: str, text: str) -> None:
        """Hand the page a file to be downloaded."""
        with self._changing:
            # Packed, because servers drop what comes faster than a megabyte a second.
            self.send({"file": kind, "name": name}, buffers=[gzip.compress(text.encode())])

    def answer(self, text: str) -> None:
        """Say why something that the page asked for is not done."""
        with self._changing:
            self.send({"answer": text})

    def give(self, task: int, result: Shown) -> None:
        """Show the value of a task to whoever has asked for it."""
        with self._changing:
            self.send({"result": task, **result._asdict()})

    def replace(self, picture: still.Still) -> None:
        """Put the still picture in the place of every live view; where nobody looks, in that of the last one."""
        bundle, seen = saved.bundle(picture), self._publisher.freezing.page_seen
        for output in self._outputs:
            output.replace(bundle, here=not seen)
        if self._live:
            self._outputs.clear()
        if seen:
            self._give_way(bundle)

    # ---------------------------------------------------------------- from other threads

    def _hears(self, said: Said) -> None:
        self._publisher.hear(said)

    @property
    def unattended(self) -> bool:
        """Displayed in a head-less run: no page has answered, and none will."""
        if not self._live:
            return bool(self._outputs)
        seen = self._publisher.freezing.page_seen
        return not seen and any(not output.interactive for output in self._outputs)

    @property
    def shown(self) -> int:
        """At how many places it is displayed and not yet a picture; where nobody looks, a picture may be old."""
        freezing = self._publisher.freezing
        return len(self._outputs) or int(freezing.page_seen and not freezing.frozen)

    @property
    def flow(self) -> Flow:
        """The flow that is shown."""
        return self._flow


def graph(flow: DataFlowKernel | None = None, *, layout: str = AUTO) -> FlowGraph:
    """A live graph of `flow`, or of the loaded flow; in a notebook the default flow is started for it.

    `layout` says what a node stands for: `"nodes"` a task, `"blocks"` tasks that play the same part, with a cell for
    each, `"apps"` all tasks of an app; `"auto"` chooses by their number. `"dot"` is as `"nodes"`, placed by Graphviz'
    `dot`, if that is installed and takes no more than 5 s. The page can change it.

    Raises NoDataFlowKernelError outside of notebooks if no flow is given and none is loaded, ValueError for another
    `layout`, TypeError for what is no flow.
    """
    given: object = flow
    if not (given is None or isinstance(given, DataFlowKernel)):
        hint = f": graph(layout={given!r}) chooses a layout" if given in LAYOUTS else ""
        raise TypeError(f"nbflow.graph() takes a DataFlowKernel, not {given!r}{hint}")
    if layout not in LAYOUTS:
        raise ValueError(f"layout is one of {', '.join(map(repr, LAYOUTS))}, not {layout!r}")
    return FlowGraph(begun() if flow is None else flow, layout)


def views(flow: Flow) -> list[FlowGraph]:
    """The graphs of `flow` that are displayed."""
    return [view for view in list(_graphs) if view.flow is flow and view.shown]


def freeze_unattended(flow: Flow) -> None:
    """Replace the graphs of `flow` that are displayed where no page is (a head-less run) by still pictures."""
    for view in views(flow):
        if view.unattended:
            view.freeze()


def _left(left: Left | None) -> list[object] | None:
    return None if left is None else [round(left.seconds, 1), left.least]
