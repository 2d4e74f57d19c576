"""A page may say a fixed list of verbs about tasks by number. Whatever else it says is not heard, and harms nothing."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbflow
from nbflow import DataFlowKernel, python_app
from nbflow.core.states import State
from nbflow.notebook.publisher import MOST_SAID, Publisher
from nbflow.notebook.script import STATIC, joined, styles
from nbflow.notebook.verbs import (
    CHOICES,
    LONGEST_TEXT,
    MOST_TASKS,
    WITH_TASK,
    WITH_TASKS,
    WITH_WORD,
    Verb,
    understand,
)
from nbflow.notebook.widget import FlowGraph
from tests.faults.hostile import HOSTILE
from tests.gates import Gate, make_gate, stand_at, wait_until
from tests.notebook.graphs import HandFlow, done, row

verbs = st.sampled_from([verb.value for verb in Verb]) | st.sampled_from(
    ["shutdown", "open", "READY", "ready ", "__init__"]
)
numbers = (
    st.integers() | st.integers(-2, 3) | st.floats() | st.booleans() | st.sampled_from([2**64, 10**400, -1])
)
junk = st.recursive(
    st.none() | numbers | st.text(max_size=60) | st.sampled_from(list(HOSTILE.values())) | verbs,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
words = st.sampled_from(["auto", "nodes", "svg", "png", "x" * 101]) | st.text(max_size=120) | junk
messages = junk | st.fixed_dictionaries(
    {},
    optional={
        "verb": verbs | junk,
        "key": st.text(max_size=60) | junk,
        "task": numbers | junk,
        "tasks": st.lists(numbers, max_size=3) | junk,
        "word": words,
        "path": junk,
    },
)


@given(messages, st.sampled_from([None, [], [b"x"]]))
def test_whatever_a_page_says_becomes_a_verb_with_a_number_or_nothing(content: Any, buffers: Any) -> None:
    said = understand(content, buffers)
    if said is None:
        return
    assert isinstance(said.verb, Verb)
    assert type(said.task) is int
    assert 0 <= said.task < 2**64
    assert ("task" in content) == (said.verb in WITH_TASK)
    assert ("word" in content) == (said.verb in WITH_WORD)
    assert said.word in CHOICES.get(said.verb, (said.word,))
    assert len(said.word) <= LONGEST_TEXT
    assert ("tasks" in content) == (said.verb in WITH_TASKS)
    assert all(type(task) is int and 0 <= task < 2**64 for task in said.tasks)
    assert bool(said.tasks) == (said.verb in WITH_TASKS)
    assert len(said.tasks) == len(set(said.tasks)) <= MOST_TASKS
    assert set(content) <= {"verb", "key", "task", "tasks", "word"}
    assert not buffers
    json.dumps({"ack": said.key, "found": said.word}, ensure_ascii=False).encode()  # it goes back


@given(st.lists(messages, max_size=30))
def test_no_message_changes_anything_but_by_a_verb(said: list[Any]) -> None:
    flow = HandFlow(done(1), row(2, needs=[1]))
    heard: list[str] = []
    publisher = Publisher(flow, Silent(heard))
    flow.feed.subscribe(publisher)
    publisher.step()
    rows = dict(flow.feed.rows)
    for content in said:
        if (message := understand(content, [])) is not None:
            publisher.hear(message)
    publisher.step()
    assert flow.feed.rows == rows
    assert {what for what, _ in flow.asked} <= {"details", "cancel", "retry", "retry_all", "value"}
    assert {task for _, task in flow.asked} <= {1, 2}, "only tasks of this flow"


class Silent:
    """A page that keeps nothing."""

    def __init__(self, heard: list[str]) -> None:
        self.heard = heard

    def show(self, **_: Any) -> None:
        """Nothing."""

    def acknowledge(self, key: str) -> None:
        """Note it."""
        self.heard.append(key)

    def found(self, text: str, tasks: Any) -> None:
        """Nothing."""

    def deliver(self, kind: str, name: str, text: str) -> None:
        """Nothing."""

    def answer(self, text: str) -> None:
        """Nothing."""

    def give(self, task: int, result: Any) -> None:
        """Nothing."""

    def replace(self, _: Any) -> None:
        """Nothing."""


# ---------------------------------------------------------------- through the widget's own door


@pytest.fixture
def view() -> Iterator[FlowGraph]:
    """A graph whose first picture has been published."""
    view = FlowGraph(HandFlow(done(1, "load"), row(2, "score", [1])))
    assert view._publisher.first.wait(10)
    yield view
    view.close()


def comes_in(view: FlowGraph, data: Any) -> None:
    """What ipywidgets calls with a message of the page's."""
    view._handle_msg({"content": {"data": data}, "buffers": []})


def test_the_page_can_set_no_trait_least_of_all_the_code_that_draws_it(view: FlowGraph) -> None:
    before = view.get_state()
    state = {
        "_esm": "alert(1)",
        "_css": "x",
        "scene": {},
        "panel": {"task": 1},
        "status": "",
        "_view_module": "evil",
    }
    for data in (
        {"method": "update", "state": state},
        {"method": "update"},
        {"method": "close"},
        {},
        [],
        None,
        "custom",
    ):
        comes_in(view, data)
    comes_in(view, {"method": "custom"})
    comes_in(view, {"method": "custom", "content": {"verb": "evaluate", "key": "a", "code": "1/0"}})
    view._publisher.freeze(patience=0.0)  # everything said before has been dealt with by then
    assert view.get_state() == before


def test_the_code_of_the_page_is_that_of_the_package(view: FlowGraph) -> None:
    state = view.get_state()
    assert state["_esm"] == joined(STATIC / "graph" / "main.mjs")
    assert state["_css"] == styles(STATIC / "graph")


def test_a_click_is_still_heard(view: FlowGraph) -> None:
    there = threading.Event()
    view.observe(lambda _: there.set(), "panel")
    comes_in(view, {"method": "custom", "content": {"verb": "inspect", "key": "a-1", "task": 1}})
    assert there.wait(10)
    assert view.panel["task"] == 1


# ---------------------------------------------------------------- floods


def test_of_a_flood_only_so_much_waits() -> None:
    flow = HandFlow(done(1))
    heard: list[str] = []
    publisher = Publisher(flow, Silent(heard))
    flow.feed.subscribe(publisher)
    said = understand({"verb": "inspect", "key": "k", "task": 1}, [])
    assert said is not None
    for _ in range(10 * MOST_SAID):
        publisher.hear(said)
    assert len(publisher._notes) == MOST_SAID
    publisher.step()
    assert len(heard) == MOST_SAID
    publisher.hear(said)
    publisher.step()
    assert len(heard) == MOST_SAID + 1, "it listens again"


@python_app
def at(gate: Gate, value: int) -> int:
    return stand_at(gate, value)


@python_app
def double(value: int) -> int:
    return 2 * value


def test_ten_thousand_messages_hold_up_neither_the_program_nor_its_flow(
    flow: DataFlowKernel, tmp_path: Path
) -> None:
    gate, held = make_gate(tmp_path)
    future = at(gate, 1)
    gate.wait_for()
    view = nbflow.graph()
    wait_until(flow, 1, State.RUNNING)
    assert view._publisher.first.wait(30)
    contents = [
        {"verb": "inspect", "key": "k", "task": future.tid}, {"verb": "cancel", "key": "k", "tasks": [10**9]},
        {"verb": "ready", "key": "k"}, {"verb": "close", "key": "k"}, {"verb": "inspect", "key": "k", "task": -1},
    ]  # fmt: skip
    for number in range(10_000):
        comes_in(view, {"method": "custom", "content": contents[number % len(contents)]})
    assert double(21).result(30) == 42
    gate.let_through()
    assert future.result(30) == 1, "nothing that was said has cancelled it"
    there = threading.Event()
    view.observe(lambda change: change["new"].get("task") == future.tid and there.set(), "panel")
    comes_in(view, {"method": "custom", "content": {"verb": "close", "key": "k"}})
    view._publisher.freeze(patience=0.0)  # all of the flood has been dealt with
    comes_in(view, {"method": "custom", "content": {"verb": "inspect", "key": "k", "task": future.tid}})
    assert there.wait(30)
    view.close()
    for fd in held:
        os.close(fd)
