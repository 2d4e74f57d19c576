"""Table and timeline on an empty page, used as a person uses them: sorted, filtered, by keyboard, with very many."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page, expect

from nbflow.core.states import State
from nbflow.notebook.board import Board
from nbflow.notebook.columns import Columns
from nbflow.notebook.estimate import critical_path
from nbflow.notebook.meters import meters
from nbflow.notebook.timeline import timeline
from nbflow.notebook.view import build, sent
from nbflow.wire.rows import Run, StoreRow, TaskRow, Transfer, WorkerRow
from tests.browser.conftest import OUTPUT
from tests.notebook.graphs import EPOCH, row
from tools import page as pages

NOW = 60.0
FADED = re.compile("nbf-faded")


def traits(rows: Sequence[TaskRow], now: float = NOW) -> dict[str, Any]:
    """What the widget would hold."""
    board = Board()
    board.update(rows)
    columns = Columns(board.started)
    columns.update(rows)
    crew = [
        WorkerRow(1, "processes", 11, 5, 412_000_000, cpu=0.97),
        WorkerRow(2, "processes", 12, 9, 180_000_000, cpu=1.84),
        WorkerRow(3, "processes", 13, None, 95_000_000, cpu=0.01),
    ]
    store = StoreRow(total=310_000_000, peak=512_000_000, limit=2_000_000_000)
    return {
        "scene": sent(build("digits sweep", board.rows)),
        "drawing": {"asked": "auto", "note": ""},
        "status": bytes(board.status),
        "parts": {},
        "progress": {},
        "counts": board.counts,
        "clock": {"elapsed": now, "running": False, "left": None},
        "timeline": msgspec.to_builtins(timeline(board.rows, board.started, EPOCH + now)),
        "columns": msgspec.structs.asdict(columns.fixed()),
        "moving": msgspec.structs.asdict(columns.moving()),
        "meters": msgspec.to_builtins(meters(crew, store)),
        "path": critical_path(board.rows, lambda _: 1.0, EPOCH + now),
        "notice": "",
        "panel": {},
    }


def ran(
    task: int, app: str, needs: Sequence[int], begin: float, end: float, worker: int, **more: Any
) -> TaskRow:
    plain = {"state": State.DONE, "attempt": 1, "detail": f"C={task}"}
    return row(task, app, needs, started=EPOCH + begin, ended=EPOCH + end, worker=worker, **{**plain, **more})


def some() -> list[TaskRow]:
    """A sweep on three workers: one failed, one runs, some wait."""
    rows = [ran(1, "load", [], 1, 6, 1, peak=140_000_000)]
    for number in range(2, 26):
        worker = number % 3 + 1
        turn = (number - 2) // 3
        begin = 7 + 5.5 * turn + worker / 2
        rows.append(
            ran(
                number,
                "score",
                [1],
                begin,
                begin + 4 + number % 2,
                worker,
                peak=90_000_000 + number * 7_000_000,
            )
        )
    error = "ValueError: the 'gamma' parameter must be >= 0.0, got -0.1"
    rows[9] = msgspec.structs.replace(rows[9], state=State.FAILED, note=error)
    rows[24] = msgspec.structs.replace(rows[24], state=State.RUNNING, ended=0.0)
    rows.append(row(26, "best_of", range(2, 26)))
    rows.append(row(27, "report", [26], detail="title='sweep'"))
    return rows


@pytest.fixture
def draw(blank_page: Callable[..., Page]) -> Callable[..., Page]:
    """Draws a view of rows on a page of its own."""

    def drawn(rows: Sequence[TaskRow], view: str, *, width: int = 1100, dark: bool = False) -> Page:
        page = blank_page(width)
        pages.show(page, traits(rows), dark=dark)
        page.get_by_role("tab", name=view).click()
        return page

    return drawn


def said(page: Page, verb: str) -> list[Any]:
    found: list[Any] = page.evaluate(
        "verb => window.model.said.filter(each => each.verb === verb).map(each => each.task ?? null)", verb
    )
    return found


def column(page: Page, name: str, count: int = 5) -> list[str]:
    """What stands in the first rows of a column, as they are seen."""
    found: list[str] = page.evaluate(
        """name => [...document.querySelectorAll('.nbf-body-row')]
        .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)
        .map(row => row.querySelector(`.nbf-td-${name}`).textContent)""",
        name,
    )
    return found[:count]


def focused(page: Page) -> str | None:
    return page.evaluate("() => document.activeElement.getAttribute('aria-label')")


# ---------------------------------------------------------------- the table


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_table_tells_all_tasks_and_opens_one(draw: Callable[..., Page], dark: bool) -> None:
    page = draw(some(), "Table", dark=dark)
    grid = page.get_by_role("grid", name="tasks")
    expect(grid).to_have_attribute("aria-rowcount", "28")
    assert said(page, "columns") == [None], "asked for when it is shown, not before"
    assert column(page, "task") == ["1", "2", "3", "4", "5"]
    first = page.locator("[data-row='10']")
    expect(first).to_contain_text("failed")
    expect(first).to_contain_text("ValueError: the 'gamma' parameter")
    first.click()
    assert said(page, "inspect") == [10]
    expect(first).to_have_attribute("aria-selected", "true")


def test_a_heading_sorts_and_says_so(draw: Callable[..., Page]) -> None:
    page = draw(some(), "Table")
    time = page.get_by_role("columnheader", name="time")
    expect(page.get_by_role("columnheader", name="task")).to_have_attribute("aria-sort", "ascending")
    expect(time).to_have_attribute("aria-sort", "none")
    time.get_by_role("button").click()
    expect(time).to_have_attribute("aria-sort", "descending")
    longest = column(page, "time", 3)
    time.get_by_role("button").press("Enter")
    expect(time).to_have_attribute("aria-sort", "ascending")
    assert column(page, "time", 1) == ["4.0 s"]
    assert longest[0] != "4.0 s"
    page.get_by_role("columnheader", name="app").get_by_role("button").click()
    assert column(page, "app", 3) == ["best_of", "load", "report"]


def test_what_is_looked_for_is_what_is_left_without_asking_the_kernel(draw: Callable[..., Page]) -> None:
    page = draw(some(), "Table")
    rows = page.locator(".nbf-body-row")
    page.locator(".nbf-find").fill("gamma")
    expect(rows).to_have_count(1)
    expect(page.get_by_text("1 of 27 tasks")).to_be_visible()
    page.locator(".nbf-find").fill("nothing")
    expect(rows).to_have_count(0)
    expect(page.get_by_text("No task is like that.")).to_be_visible()
    page.locator(".nbf-find").fill("")
    page.get_by_role("button", name="2 waiting").click()
    expect(rows).to_have_count(2)
    assert column(page, "app") == ["best_of", "report"]


def test_ten_thousand_rows_are_walked_by_keyboard_and_only_those_in_sight_are_there(
    draw: Callable[..., Page],
) -> None:
    rows = [ran(n, "score", [], n / 100, n / 100 + 1, n % 4 + 1) for n in range(1, 10_001)]
    page = draw(rows, "Table")
    grid = page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", "10001")
    assert page.locator(".nbf-body-row").count() < 60
    page.evaluate(
        "() => { window.leaked = []; document.addEventListener('keydown', e => leaked.push(e.key)); }"
    )
    page.get_by_role("columnheader", name="error").get_by_role("button").focus()
    keys = page.keyboard
    keys.press("Tab")
    assert focused(page) == "task 1 score, done", "one row alone is in the order of Tab"
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    assert focused(page) == "task 2 score, done"
    keys.press("End")
    assert focused(page) == "task 10000 score, done"
    expect(page.locator("[data-row='10000']")).to_be_in_viewport()
    expect(page.locator("[data-row='10000']")).to_have_attribute("aria-rowindex", "10001")
    keys.press("PageUp")
    before = focused(page)
    assert before != "task 10000 score, done"
    assert page.locator(".nbf-body-row").count() < 60
    pages.change(page, traits(rows, NOW + 1))
    expect(page.locator(".nbf-body-row:focus")).to_have_count(1)
    assert focused(page) == before, "news do not take the focus away"
    keys.press("Home")
    keys.press("Enter")
    assert said(page, "inspect") == [1]
    assert page.evaluate("leaked") == []


def test_on_a_phone_the_table_scrolls_and_the_page_does_not(draw: Callable[..., Page]) -> None:
    page = draw(some(), "Table", width=400)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400
    expect(page.locator("[data-row='1']")).to_be_visible()


# ---------------------------------------------------------------- the timeline


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_timeline_shows_who_ran_what_and_a_click_opens_it(draw: Callable[..., Page], dark: bool) -> None:
    page = draw(some(), "Timeline", dark=dark)
    canvas = page.locator(".nbf-canvas")
    expect(canvas).to_have_attribute("data-lanes", "3")
    box = canvas.bounding_box()
    assert box is not None
    scale = (box["width"] - 74 - 12) / NOW

    def at(seconds: float, lane: int) -> tuple[float, float]:
        return box["x"] + 74 + seconds * scale, box["y"] + 44 + lane * 24 + 12

    told = page.locator(".nbf-told-span")
    page.mouse.move(*at(3, 0))
    expect(told).to_contain_text("task 1 load, done · 1.0 s waiting for a worker · 5.0 s running on worker 1")
    page.mouse.move(*at(27.5, 2))
    expect(told).to_contain_text("score")
    expect(told).to_contain_text("waiting for its needs")
    page.mouse.click(*at(3, 0))
    assert said(page, "inspect") == [1]
    assert page.evaluate(
        """([x, y]) => { const canvas = document.querySelector('.nbf-canvas'), box = canvas.getBoundingClientRect();
        const dense = window.devicePixelRatio;
        return [...canvas.getContext('2d').getImageData((x - box.x) * dense, (y - box.y + 6) * dense, 1, 1).data]; }""",
        at(4.5, 0),
    )[:3] == ([63, 185, 138] if dark else [26, 127, 90]), "the colour of what is done"
    expect(page.get_by_role("region", name="meters")).to_contain_text(
        "2 of 3 workers at work · 2.8 processors busy"
    )
    expect(page.get_by_role("region", name="meters")).to_contain_text(
        "big values 310 MB, at most 512 MB, 2 GB allowed"
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_task_that_was_tried_again_has_a_bar_wherever_it_ran(draw: Callable[..., Page], dark: bool) -> None:
    runs = (Run(2, EPOCH + 4, EPOCH + 16, State.FAILED), Run(1, EPOCH + 30, EPOCH + 50, None))
    failed = (Run(3, EPOCH + 20, EPOCH + 45, State.FAILED),)
    body = (Run(3, EPOCH + 2, EPOCH + 12, None),)
    rows = [
        ran(1, "load", [], 1, 25, 1),
        ran(2, "fit", [], 30, 50, 1, attempt=2, runs=runs),
        row(3, "score", started=EPOCH + 20, worker=3, attempt=1, again=True, runs=failed),
        ran(4, "branches", [], 2, 58, 3, runs=body),
        ran(5, "leaf", [], 18, 58, 2, parent=4),
    ]
    page = draw(rows, "Timeline", dark=dark)
    told = page.locator(".nbf-told-span")
    box = page.locator(".nbf-canvas").bounding_box()
    assert box is not None

    def at(seconds: float, lane: int) -> tuple[float, float]:
        return box["x"] + 74 + seconds * (box["width"] - 86) / NOW, box["y"] + 56 + lane * 24

    page.mouse.move(*at(10, 1))
    expect(told).to_have_text("task 2 fit, an earlier attempt · failed after 12 s on worker 2 · now done")
    page.mouse.move(*at(40, 0))
    expect(told).to_contain_text(
        "task 2 fit, done · 4.0 s waiting for a worker · 20 s running on worker 1 · attempt 2"
    )
    page.mouse.move(*at(30, 2))
    expect(told).to_contain_text(
        "task 3 score, an earlier attempt · failed after 25 s on worker 3 · now waiting"
    )
    page.mouse.move(*at(6, 2))
    expect(told).to_contain_text("task 4 branches, done")
    page.mouse.move(*at(52, 2))
    expect(told).to_contain_text(
        "Above: waiting"
    )  # nothing ran there: the join had left its worker long before
    page.mouse.click(*at(10, 1))
    assert said(page, "inspect") == [2]
    page.locator(".nbf-canvas").focus()
    page.keyboard.press("ArrowRight")
    expect(told).to_contain_text("task 5 leaf")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_timeline_hatches_the_time_in_which_values_were_on_their_way(
    draw: Callable[..., Page], dark: bool
) -> None:
    rows = [
        ran(1, "load", [], 1, 25, 1, transfer=Transfer(0.0, 6.0)),
        ran(2, "score", [1], 26, 50, 1, transfer=Transfer(8.0, 4.0)),
        ran(3, "score", [1], 26, 50, 2),
    ]
    page = draw(rows, "Timeline", dark=dark)
    told = page.locator(".nbf-told-span")
    expect(told).to_contain_text("hatched: values on their way")
    box = page.locator(".nbf-canvas").bounding_box()
    assert box is not None

    def colours(begin: float, end: float, lane: int) -> int:
        """How many there are along the foot of a bar, below what is written in it."""
        scale = (box["width"] - 74 - 12) / NOW
        count: int = page.evaluate(
            """([x, y, wide]) => { const dense = window.devicePixelRatio;
            const pen = document.querySelector('.nbf-canvas').getContext('2d');
            const data = pen.getImageData(x * dense, y * dense, wide * dense, 1).data;
            const all = Array.from({ length: data.length / 4 }, (_, i) => data.slice(4 * i, 4 * i + 3).join());
            return new Set(all).size; }""",
            [74 + begin * scale, 44 + lane * 24 + 18, (end - begin) * scale],
        )
        return count

    assert colours(20, 24, 0) > 1, "behind the first"
    assert colours(27, 33, 0) > 1, "before the second"
    assert colours(47, 49, 0) > 1, "behind it"
    assert colours(36, 44, 0) == 1, "not while its function ran"
    assert colours(27, 49, 1) == 1, "nor where values were there at once"
    page.mouse.move(box["x"] + 74 + 40 * (box["width"] - 86) / NOW, box["y"] + 56)
    expect(told).to_contain_text(
        "8.0 s of it to load its function and arguments · 4.0 s to put its result away"
    )


def test_the_timeline_is_walked_and_zoomed_by_keyboard(draw: Callable[..., Page]) -> None:
    page = draw(some(), "Timeline")
    told = page.locator(".nbf-told-span")
    page.locator(".nbf-canvas").focus()
    keys = page.keyboard
    keys.press("ArrowRight")
    expect(told).to_contain_text("task 1 load")
    keys.press("ArrowRight")
    expect(told).to_contain_text("task 3 score")
    keys.press("ArrowDown")
    expect(told).to_contain_text("on worker 2")
    keys.press("+")
    keys.press("+")
    keys.press("0")
    keys.press("Enter")
    assert len(said(page, "inspect")) == 1


def test_the_critical_path_stands_out_in_graph_and_timeline(draw: Callable[..., Page]) -> None:
    page = draw(some(), "Timeline")
    button = page.get_by_role("button", name="Critical path")
    button.click()
    assert said(page, "path") == [None]
    expect(button).to_have_attribute("aria-pressed", "true")
    page.screenshot(path=OUTPUT / "critical-timeline.png")
    page.get_by_role("tab", name="Graph").click()
    expect(page.get_by_role("button", name="Critical path")).to_have_attribute("aria-pressed", "true")
    load = page.locator('[data-task="1"]')
    other = page.locator('[data-task="2"]')
    expect(other).to_have_class(FADED)
    expect(load).not_to_have_class(FADED)
    page.get_by_role("button", name="Critical path").click()
    expect(other).not_to_have_class(FADED)


def test_the_head_tells_how_long_it_still_takes(draw: Callable[..., Page]) -> None:
    page = draw(some(), "Graph")
    elapsed = page.locator(".nbf-elapsed")
    expect(elapsed).to_have_text("1 min 0 s")
    pages.change(page, {"clock": {"elapsed": 72, "running": True, "left": [18.0, False]}})
    expect(elapsed).to_have_text("1 min 12 s · about 18 s left")
    pages.change(page, {"clock": {"elapsed": 72, "running": True, "left": [17.0, True]}})
    expect(elapsed).to_contain_text("at least 17 s left")


@pytest.mark.parametrize("width", [320, 420, 600])
def test_in_a_narrow_column_no_meter_is_cut_and_all_stand_under_one_another(
    draw: Callable[..., Page], width: int
) -> None:
    page = draw(some(), "Timeline", width=width)
    crew = [
        WorkerRow(number, "processes", 11, 5, size, cpu=cpu)
        for number, size, cpu in (
            (1, 412_000_000, 0.97),
            (128, 1_280_000_000, 15.99),
            (1024, 95_000_000, 0.0),
        )
    ]
    store = StoreRow(total=1_310_000_000, peak=2_512_000_000, limit=0)
    pages.change(page, {"meters": msgspec.to_builtins(meters(crew, store))})
    expect(page.get_by_text("1599 %")).to_be_visible()
    room, rights, lefts = page.evaluate(
        """() => {
            const boxes = selector =>
                [...document.querySelectorAll(selector)].map(each => each.getBoundingClientRect());
            return [
                boxes(".nbf-gauges")[0].right,
                boxes(".nbf-meter > *").map(box => box.right),
                boxes(".nbf-who + .nbf-gauge").map(box => box.left),
            ];
        }"""
    )
    assert max(rights) <= room + 0.5
    assert max(lefts) - min(lefts) < 0.5


@pytest.mark.parametrize("width", [320, 420])
def test_on_a_phone_the_tools_stand_side_by_side(draw: Callable[..., Page], width: int) -> None:
    page = draw(some(), "Timeline", width=width)
    tops = page.evaluate(
        """() => [".nbf-find", "[aria-label=Export]", "[aria-label='Full screen']"].map(
            selector => Math.round(document.querySelector(selector).getBoundingClientRect().top))"""
    )
    assert max(tops) - min(tops) <= 2, "no button in a row of its own"
    assert page.get_by_placeholder("Find").evaluate("field => field.clientWidth") >= 80
