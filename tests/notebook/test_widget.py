"""The widget through its traits: what a page would be sent, and what is put under a cell."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import anywidget
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import nbflow.notebook.widget as module
from nbflow.core.states import State
from nbflow.errors import NoDataFlowKernelError
from nbflow.notebook.line import CellLine
from nbflow.notebook.output import Output
from nbflow.notebook.widget import FlowGraph, freeze_unattended, graph
from tests.notebook.graphs import EPOCH, HandFlow, done, row, sweep

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def flow() -> HandFlow:
    return HandFlow(done(1, "load"), row(2, "score", [1]))


@pytest.fixture
def shown(flow: HandFlow) -> Iterator[FlowGraph]:
    """A graph whose first picture has been published."""
    view = FlowGraph(flow)
    assert view._publisher.first.wait(10)
    yield view
    view.close()


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    InteractiveShell.clear_instance()
    made = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    yield made
    made.restore_sys_module_state()
    InteractiveShell.clear_instance()


def changed(view: FlowGraph, trait: str, act: Callable[[], None]) -> Any:
    """The trait's value once `act` has changed it."""
    there = threading.Event()
    view.observe(lambda _: there.set(), trait)
    act()
    assert there.wait(10)
    return getattr(view, trait)


def test_the_traits_hold_the_whole_picture(shown: FlowGraph, flow: HandFlow) -> None:
    state = shown.get_state()
    assert state["scene"]["ids"] == [1, 2, 1], "a run of two that begins with 1"
    assert state["status"] == bytes([State.DONE, State.WAITING])
    assert state["counts"] == {"done": 1, "waiting": 1}
    assert state["clock"]["running"] is True
    assert state["timeline"]["lanes"][0]["worker"] == 1
    assert ("watch", 0) in flow.asked


def test_a_change_of_the_flow_changes_one_byte(shown: FlowGraph, flow: HandFlow) -> None:
    scene = shown.scene
    status = changed(shown, "status", lambda: flow.move(2, state=State.RUNNING, attempt=1))
    assert status == bytes([State.DONE, State.RUNNING])
    assert shown.scene is scene


def test_a_click_opens_the_panel(shown: FlowGraph) -> None:
    click = {"verb": "inspect", "key": "a-1", "task": 1}
    panel = changed(shown, "panel", lambda: shown._handle_custom_msg(click, []))
    assert (panel["task"], panel["app"], panel["output"]) == (1, "load", "output 1")
    assert (
        changed(shown, "panel", lambda: shown._handle_custom_msg({"verb": "close", "key": "a-2"}, [])) == {}
    )


def test_what_is_not_understood_changes_nothing(shown: FlowGraph, flow: HandFlow) -> None:
    before = shown.get_state()
    shown._handle_custom_msg({"verb": "inspect", "key": "a", "task": "1; import os"}, [])
    shown._publisher.freeze(patience=0.0)  # everything said before has been dealt with by then
    assert shown.get_state() == before


def test_it_is_described_in_the_same_words_every_time(shown: FlowGraph) -> None:
    assert repr(shown) == "nbflow graph: 2 tasks, 1 done, 1 waiting"


def test_the_bundle_holds_the_widget_and_what_stands_in_for_it(shown: FlowGraph) -> None:
    data, _ = shown._repr_mimebundle_()
    assert set(data) == {WIDGET, "text/html", "text/plain"}
    assert data["text/plain"] == "nbflow graph: 2 tasks, 1 done, 1 waiting"
    assert "data:image/svg+xml;base64," in data["text/html"]


def test_the_picture_can_be_had_as_svg_and_as_dot(shown: FlowGraph) -> None:
    assert shown.to_svg().startswith("<svg")
    assert "1 -> 2" in shown.to_dot().source


def test_without_a_flow_there_is_no_graph() -> None:
    with pytest.raises(NoDataFlowKernelError):
        graph()


def test_closing_the_graph_ends_its_thread_and_leaves_the_flow_alone(flow: HandFlow) -> None:
    view = FlowGraph(flow)
    view.close()
    assert flow.feed._observers == []
    assert not flow.closed


class Cell(Output):
    """A place under a cell that notes what is shown there."""

    def __init__(self, *, person: bool) -> None:
        self.person = person
        self.bundles: list[dict[str, Any]] = []
        self.places: list[bool] = []

    def show(self, data: Any, metadata: Any) -> None:
        self.bundles.append(dict(data))

    def replace(self, data: Any, *, here: bool) -> None:
        self.bundles.append(dict(data))
        self.places.append(here)

    @property
    def interactive(self) -> bool:
        return self.person


@pytest.fixture
def under_a_cell(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Cell]:
    """Displays a graph; the cell has a person at it, or not."""

    def display(view: FlowGraph, *, person: bool) -> Cell:
        cell = Cell(person=person)
        monkeypatch.setattr(module, "Output", lambda _: cell)
        view._ipython_display_()
        return cell

    return display


def test_a_freeze_leaves_no_live_view_behind(
    shown: FlowGraph, flow: HandFlow, under_a_cell: Callable[..., Cell]
) -> None:
    cell = under_a_cell(shown, person=True)
    assert WIDGET in cell.bundles[0]
    flow.move(2, state=State.DONE, ended=EPOCH + 3)
    shown.freeze()
    assert set(cell.bundles[-1]) == {"text/html", "text/plain"}
    assert cell.bundles[-1]["text/plain"] == "nbflow graph: 2 tasks, 2 done"


def test_views_are_frozen_at_once_where_nobody_is_there_to_look(
    shown: FlowGraph, flow: HandFlow, under_a_cell: Callable[..., Cell]
) -> None:
    cell = under_a_cell(shown, person=False)
    flow.move(2, state=State.DONE, ended=EPOCH + 3)
    freeze_unattended(flow)
    assert WIDGET not in cell.bundles[-1]
    assert cell.places == [True]  # a head-less run takes in only what belongs to the cell that runs


def test_a_view_that_a_person_may_look_at_is_not_frozen_under_their_eyes(
    shown: FlowGraph, flow: HandFlow, under_a_cell: Callable[..., Cell]
) -> None:
    cell = under_a_cell(shown, person=True)
    flow.move(2, state=State.DONE, ended=EPOCH + 3)
    freeze_unattended(flow)
    assert len(cell.bundles) == 1


def test_views_of_other_flows_are_left_alone(shown: FlowGraph, under_a_cell: Callable[..., Cell]) -> None:
    cell = under_a_cell(shown, person=False)
    freeze_unattended(HandFlow())
    assert len(cell.bundles) == 1


def test_another_layout_may_be_asked_for_and_one_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flow = HandFlow(*sweep(40))
    monkeypatch.setattr(module, "begun", lambda: flow)
    view = graph(layout="nodes")
    assert view._publisher.first.wait(10)
    assert view.drawing == {"asked": "nodes", "note": ""}
    assert len(view.scene["nodes"]) == 42
    view.close()
    with pytest.raises(ValueError, match="one of 'auto', 'nodes', 'blocks', 'apps', 'dot', not 'circle'"):
        graph(layout="circle")


def test_a_file_is_handed_over_packed_when_the_page_asks_for_it(
    shown: FlowGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, handed = threading.Event(), []

    def send(content: Any, buffers: Any = None) -> None:
        if "file" in content:
            handed.append((content, buffers))
            there.set()

    monkeypatch.setattr(shown, "send", send)
    asked = {"verb": "export", "key": "a", "word": "json"}
    shown._handle_msg({"content": {"data": {"method": "custom", "content": asked}}, "buffers": []})
    assert there.wait(10)
    ((content, buffers),) = handed
    assert content == {"file": "json", "name": "hand flow"}
    assert [task["app"] for task in json.loads(gzip.decompress(buffers[0]))["tasks"]] == ["load", "score"]


@pytest.mark.parametrize("ours", [FlowGraph, CellLine])
def test_no_trait_takes_the_name_of_one_that_front_ends_know(ours: type[anywidget.AnyWidget]) -> None:
    """`layout`, for one: a page that draws a widget looks there for a model of its own."""
    known = anywidget.AnyWidget.class_trait_names()
    taken = {name for name in known if ours.class_traits()[name].this_class is ours}
    assert taken <= {"_esm", "_css"}
