"""What is drawn: the scene, its folding, the board, the strip, the panel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.states import State
from nbflow.notebook.board import Board
from nbflow.notebook.boxes import BESIDE, DETAIL_SIZE, MARGIN, NAME_SIZE, PILL_TEXT_LEFT, common
from nbflow.notebook.fold import APPS, AUTO, BLOCKS, MOST_CELLS, MOST_FORCED, MOST_NODES, MOST_SINGLE, NODES
from nbflow.notebook.marks import MARKS, ORDER, RECALLED, RETRYING, fitting, mark_of
from nbflow.notebook.panel import MOST_NEIGHBOURS, panel
from nbflow.notebook.text import seconds, width
from nbflow.notebook.timeline import MOST_BARS, timeline
from nbflow.notebook.view import (
    IMPLIED,
    NEED,
    SPAWN,
    Node,
    Scene,
    build,
    edge_path,
    field_gaps,
    field_paths,
    note,
    sent,
)
from nbflow.wire.rows import Run, TaskDetails, TaskRow
from tests.notebook.graphs import EPOCH, done, flows, row, sweep

CASES = Path(__file__).parent / "cases"


def cases(name: str) -> list[Any]:
    return list(json.loads((CASES / f"{name}.json").read_text(encoding="utf-8")))


def kinds(scene: Scene) -> dict[tuple[str, str], int]:
    """The kind of each edge, by the apps that it joins."""
    return {(scene.nodes[edge.source].app, scene.nodes[edge.target].app): edge.kind for edge in scene.edges}


# ---------------------------------------------------------------- what the page computes too


@pytest.mark.parametrize("case", cases("paths"))
def test_paths(case: dict[str, Any]) -> None:
    assert edge_path(case["points"], case.get("curved", False)) == case["path"]


@pytest.mark.parametrize("case", cases("fields"))
def test_very_many_cells_are_few_strokes(case: dict[str, Any]) -> None:
    node = msgspec.structs.replace(build("", [row(1)]).nodes[0], **case["node"])
    told = {int(mark): path for mark, path in case["paths"].items()}
    assert field_paths(node, case["status"]) == told
    assert field_gaps(node) == case["gaps"]


@pytest.mark.parametrize("case", cases("seconds"))
def test_lengths_of_time(case: dict[str, Any]) -> None:
    assert seconds(case["span"]) == case["text"]


@pytest.mark.parametrize("case", cases("fitting"))
def test_counts_that_fit(case: dict[str, Any]) -> None:
    assert [list(pair) for pair in fitting(case["tally"], case["pixels"])] == case["pairs"]


@pytest.mark.parametrize("case", cases("notes"))
def test_lines_of_detail(case: dict[str, Any]) -> None:
    node = msgspec.structs.replace(build("", [row(1)]).nodes[0], **case["node"])
    assert note(node, case["status"]) == case["note"]


def test_marks() -> None:
    table = [
        {"word": mark.word, "path": mark.path, "solid": mark.solid, "told": ORDER.index(i)}
        for i, mark in enumerate(MARKS)
    ]
    assert table == cases("marks")


def test_a_mark_tells_more_than_the_state_where_there_is_more() -> None:
    assert mark_of(done(1)) == State.DONE
    assert mark_of(done(1, recalled=True)) == RECALLED
    assert mark_of(row(1, state=State.RUNNING, attempt=1)) == State.RUNNING
    assert mark_of(row(1, state=State.RUNNING, attempt=2)) == RETRYING


# ---------------------------------------------------------------- the scene


@given(flows())
def test_every_task_stands_in_one_node_and_the_scene_is_always_the_same(rows: list[TaskRow]) -> None:
    scene = build("flow", rows)
    assert sorted(task for node in scene.nodes for task in node.tasks) == list(range(len(rows)))
    assert scene.ids == [task.id for task in rows]
    assert scene == build("flow", rows)
    assert all(node.app == rows[task].app for node in scene.nodes for task in node.tasks)
    msgspec.json.encode(scene)


def test_up_to_a_page_each_task_is_a_pill() -> None:
    scene = build("flow", sweep(6))
    assert len(scene.nodes) == 8
    assert all(node.cell == 0 for node in scene.nodes)


def test_many_pills_of_a_layer_are_slim_and_tell_all_in_a_line() -> None:
    tall, slim = build("flow", sweep(12)), build("flow", sweep(13))
    assert {node.h for node in tall.nodes} == {36}
    assert [node.h for node in slim.nodes] == [36, *[24] * 13, 36]
    assert slim.height < tall.height, "13 of them take less room than 12 tall ones"
    assert build("flow", sweep(25)).height <= 25 * 28, "no taller than a page"
    one = slim.nodes[1]
    assert (one.title, one.detail) == ("score", "C=0")
    assert width(one.title, NAME_SIZE, bold=True) + BESIDE + one.room <= one.w - PILL_TEXT_LEFT - MARGIN
    assert width(one.detail, DETAIL_SIZE) <= one.room


def test_siblings_that_would_not_fit_a_page_fold_into_a_block_with_a_signed_cell_for_each() -> None:
    scene = build("flow", sweep(56))
    assert [node.app for node in scene.nodes] == ["load", "score", "best"]
    block = scene.nodes[1]
    assert block.title == "score · 56 tasks"
    assert block.detail == "kind='svc'"
    assert len(block.tasks) == 56
    assert block.cell >= 14  # room for a sign
    assert block.top + -(-56 // block.columns) * block.pitch < block.h


def test_tasks_with_other_neighbours_are_another_block() -> None:
    rows = [row(1, "scale"), row(2, "pca"), *(row(i, "score", [1 + i % 2]) for i in range(3, 33))]
    scene = build("flow", rows)
    assert [len(node.tasks) for node in scene.nodes] == [1, 1, 15, 15]


def test_lanes_of_a_parallel_pipeline_fold_too() -> None:
    rows = [row(1, "split")]
    for lane in range(30):
        rows += [row(2 + 2 * lane, "align", [1]), row(3 + 2 * lane, "call", [2 + 2 * lane])]
    assert [(node.app, len(node.tasks)) for node in build("flow", rows).nodes] == [
        ("split", 1), ("align", 30), ("call", 30),
    ]  # fmt: skip


def chains(count: int, length: int) -> list[TaskRow]:
    """`count` chains of `length` tasks, every task of an app of its own: nothing folds."""
    return [
        row(1 + i * length + k, f"app{i}_{k}", [i * length + k] if k else [])
        for i in range(count) for k in range(length)
    ]  # fmt: skip


def test_the_view_follows_the_size_of_the_flow() -> None:
    assert build("flow", chains(3, MOST_SINGLE // 3)).layout == NODES
    assert build("flow", sweep(25)).layout == NODES
    assert build("flow", sweep(26)).layout == BLOCKS, "a layer taller than a page"
    assert build("flow", chains(3, MOST_SINGLE // 3 + 1)).layout == BLOCKS
    assert build("flow", sweep(MOST_CELLS - 2)).layout == BLOCKS
    assert build("flow", sweep(MOST_CELLS - 1)).layout == APPS
    assert build("flow", chains(4, MOST_NODES // 4 + 1)).layout == APPS, "too many blocks"


def test_the_user_may_force_any_view() -> None:
    for layout, nodes in ((NODES, 202), (BLOCKS, 3), (APPS, 3)):
        scene = build("flow", sweep(200), layout)
        assert (scene.layout, len(scene.nodes)) == (layout, nodes)
    assert [bool(node.cell) for node in build("flow", sweep(200), BLOCKS).nodes] == [False, True, False]
    assert build("flow", sweep(3), APPS).nodes[1].title == "score · 3 tasks"
    assert build("flow", sweep(MOST_FORCED), NODES).layout == APPS, "no page draws so many"


def test_an_app_is_one_node_with_its_counts_unless_that_made_a_loop() -> None:
    plain = [row(1, "load"), *(row(i, "score", [i - 1]) for i in range(2, 50)), row(50, "best", [49])]
    assert [(node.app, len(node.tasks)) for node in build("flow", plain, APPS).nodes] == [
        ("load", 1), ("score", 48), ("best", 1),
    ]  # fmt: skip
    turns = [row(1, "load")]
    for _ in range(3):
        first = len(turns)
        turns += [row(first + 1 + i, "step", [first]) for i in range(5)]
        turns.append(row(first + 6, "merge", list(range(first + 1, first + 6))))
    turns.append(row(len(turns) + 1, "report", [len(turns)]))
    scene = build("flow", turns, APPS)
    assert [(node.app, len(node.tasks)) for node in scene.nodes] == [
        ("load", 1), *[("step", 5), ("merge", 1)] * 3, ("report", 1),
    ]  # fmt: skip
    assert [node.x for node in scene.nodes] == sorted(node.x for node in scene.nodes)
    assert {(edge.source, edge.target) for edge in scene.edges} == {(n, n + 1) for n in range(7)}


@given(flows())
def test_in_the_view_by_apps_every_edge_leads_on(rows: list[TaskRow]) -> None:
    # random calls may wait for each other
    rows = [msgspec.structs.replace(task, parent=None) for task in rows]
    scene = build("flow", rows, APPS)
    assert sorted(task for node in scene.nodes for task in node.tasks) == list(range(len(rows)))
    for edge in scene.edges:
        if edge.kind == NEED:
            assert scene.nodes[edge.source].x < scene.nodes[edge.target].x


def test_of_very_many_tasks_little_is_sent() -> None:
    rows = sweep(50_000)
    told = sent(build("flow", rows))
    assert len(msgspec.json.encode(told)) < 2_000
    assert told["ids"] == [1, 50_002, 1]
    assert [node["tasks"] for node in told["nodes"]] == [[0, 1, 1], [1, 50_000, 1], [50_001, 1, 1]]


def test_any_flow_of_many_tasks_becomes_a_small_picture() -> None:
    ragged = [row(i, "abc"[i % 3], [i - 1 - i % 7] if i > 7 else []) for i in range(1, 3000)]
    chain = [row(i, "step", [i - 1] if i > 1 else []) for i in range(1, 3000)]
    for rows in (ragged, chain, sweep(3000)):
        for layout in (AUTO, BLOCKS, APPS):
            scene = build("flow", rows, layout)
            assert 1 <= len(scene.nodes) <= MOST_NODES
            assert sum(len(node.tasks) for node in scene.nodes) == len(rows)


def test_a_need_that_a_longer_way_tells_is_not_drawn_unless_looked_at() -> None:
    rows = [row(1, "split"), row(2, "scale", [1]), row(3, "score", [2, 1])]
    assert kinds(build("flow", rows)) == {
        ("split", "scale"): NEED, ("scale", "score"): NEED, ("split", "score"): IMPLIED,
    }  # fmt: skip


def test_calls_inside_a_task_are_tasks_of_their_own_with_an_edge_that_says_so() -> None:
    rows = [row(1, "join", needs=[5]), row(2, "best", [1]), row(5, "inner", parent=1)]
    scene = build("flow", rows)
    assert kinds(scene) == {("join", "best"): NEED, ("join", "inner"): SPAWN}
    assert scene.nodes[0].inside == [2]
    assert scene.nodes[1].x > scene.nodes[2].x > scene.nodes[0].x  # best goes on when inner has ended


def test_what_siblings_have_in_common_is_told_once() -> None:
    assert common(["kind='svc' C=1.0 X=array(3, 4)", "kind='svc' C=2.0 X=array(3, 4)"]) == [
        "kind='svc'", "X=array(3, 4)",
    ]  # fmt: skip
    pills = build(
        "flow", [row(1), row(2, "f", [1], detail="a=1 b=2"), row(3, "f", [1], detail="a=1 b=3")]
    ).nodes
    assert [pill.detail for pill in pills[1:]] == ["b=2", "b=3"]


@given(st.text(max_size=300), st.text(max_size=300))
def test_texts_of_any_length_stay_within_their_node(app: str, detail: str) -> None:
    node: Node = build("flow", [row(1, app, detail=detail)]).nodes[0]
    assert node.w <= 168
    assert len(node.title) <= 60


# ---------------------------------------------------------------- the board


@given(flows())
def test_the_board_tells_the_newest_row_of_each_task_however_often_it_changed(rows: list[TaskRow]) -> None:
    once, often = Board(), Board()
    once.update(rows)
    often.update(msgspec.structs.replace(task, state=State.WAITING, attempt=0) for task in rows)
    for task in rows:
        often.update([task])
    assert often.status == once.status
    assert often.tally == once.tally
    assert sum(often.counts.values()) == len(rows)


def test_the_board_says_when_the_structure_changed() -> None:
    board = Board()
    assert board.update([row(1), row(2, needs=[1])])
    assert not board.update([done(1)])
    assert board.update([row(2, needs=[])])
    assert board.update([row(3)])


def test_time_stands_still_when_all_have_ended() -> None:
    board = Board()
    assert board.elapsed(EPOCH) == 0.0
    board.update([done(1), row(2)])
    assert board.elapsed(EPOCH + 60) == 60
    board.update([done(2)])
    assert board.at_rest
    assert board.elapsed(EPOCH + 60) == 3


# ---------------------------------------------------------------- the strip


def test_each_task_that_ran_has_a_bar_in_its_workers_lane() -> None:
    running = row(3, state=State.RUNNING, attempt=1, worker=2, started=EPOCH + 2)
    strip = timeline([done(1), row(2), running, done(4, recalled=True)], EPOCH, EPOCH + 10)
    assert [(lane.worker, lane.bars) for lane in strip.lanes] == [
        (1, [(1.0, 2.0, State.DONE, 0)]),
        (2, [(2.0, -1.0, State.RUNNING, 2)]),
    ]
    assert strip.span == 10


def test_each_run_of_a_task_that_was_tried_again_has_a_bar_where_it_was() -> None:
    runs = (Run(2, EPOCH + 1, EPOCH + 2, State.FAILED), Run(1, EPOCH + 3, EPOCH + 4, None))
    waits = row(2, attempt=1, worker=2, started=EPOCH + 2, runs=(Run(2, EPOCH + 2, EPOCH + 3, State.FAILED),))
    strip = timeline([done(1, attempt=2, runs=runs), waits], EPOCH, EPOCH + 10)
    assert [(lane.worker, lane.bars) for lane in strip.lanes] == [
        (1, [(3.0, 4.0, State.DONE, 0)]),
        (2, [(1.0, 2.0, State.FAILED, 0), (2.0, 3.0, State.FAILED, 1)]),
    ]


def test_a_join_is_on_its_worker_while_its_body_runs() -> None:
    body = (Run(1, EPOCH + 1, EPOCH + 2, None),)
    waiting = row(1, attempt=1, worker=1, started=EPOCH + 1, joining=True, runs=body)
    for join in (waiting, done(1, ended=EPOCH + 9, runs=body)):
        strip = timeline([join], EPOCH, EPOCH + 10)
        assert [lane.bars for lane in strip.lanes] == [[(1.0, 2.0, join.state, 0)]]


def test_very_many_bars_become_few_and_failures_are_never_swallowed() -> None:
    rows = [
        done(i, started=EPOCH + i, ended=EPOCH + i + 0.9, state=State.FAILED if i % 5000 == 0 else State.DONE)
        for i in range(1, 20_001)
    ]
    strip = timeline(rows, EPOCH, EPOCH + 20_001)
    assert len(strip.lanes[0].bars) < 2 * MOST_BARS
    assert [bar[2] for bar in strip.lanes[0].bars].count(State.FAILED) == 4


# ---------------------------------------------------------------- the panel


def test_the_panel_tells_what_the_row_tells_even_without_details() -> None:
    rows = [done(1, "load"), row(2, "score", [1], state=State.FAILED, note="ValueError: no", detail="C=1")]
    told = panel(rows[1], rows, None, EPOCH)
    assert (told.app, told.error, told.acts) == ("score", "ValueError: no", [])
    assert {fact.label: fact.text or [link.app for link in fact.links] for fact in told.facts} == {
        "arguments": "C=1", "needs": ["load"],
    }  # fmt: skip


def test_the_panel_names_what_went_wrong_first_and_does_not_name_all_of_very_many() -> None:
    rows = [
        *(done(i) for i in range(1, 40)),
        row(40, state=State.FAILED),
        row(41, "best", list(range(1, 41))),
    ]
    needs = next(fact for fact in panel(rows[-1], rows, None, EPOCH).facts if fact.label == "needs")
    assert needs.links[0].task == 40
    assert len(needs.links) == MOST_NEIGHBOURS
    assert needs.more == 40 - MOST_NEIGHBOURS


def test_the_panel_shows_output_as_plain_text() -> None:
    details = TaskDetails(
        1, "", "\x1b[31mred\x1b[0m\n10%\r100%", [(EPOCH + 1.5, "launched")], "", "", 0, "", 0
    )
    told = panel(done(1), [done(1)], details, EPOCH)
    assert told.output == "red\n100%"
    assert told.story == [("+1.50 s", "launched")]
