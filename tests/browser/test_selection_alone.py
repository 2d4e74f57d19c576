"""Several tasks selected at a time, in a graph on an empty page: by mouse and by keys, in each view, and acted upon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Locator, Page, expect

from nbflow.core.states import State
from nbflow.notebook.fold import APPS, BLOCKS
from nbflow.notebook.panel import panel
from nbflow.wire.rows import TaskRow
from tests.browser.test_graph_alone import small, task
from tests.browser.test_twins_alone import traits
from tests.notebook.graphs import EPOCH, row, sweep
from tools import page as pages


@pytest.fixture
def draw(blank_page: Callable[..., Page]) -> Callable[..., Page]:
    """Draws a graph on a page of its own."""

    def drawn(rows: Sequence[TaskRow], *, width: int = 1100, dark: bool = False, **more: Any) -> Page:
        page = blank_page(width)
        pages.show(page, {**traits(rows), **more}, dark=dark)
        return page

    return drawn


def bar(page: Page) -> Locator:
    return page.get_by_role("region", name="selected tasks")


def told(page: Page) -> str:
    return bar(page).get_by_role("status").first.inner_text()


def said(page: Page) -> list[list[Any]]:
    """What the page has asked to be done: verb and numbers of tasks."""
    found: list[list[Any]] = page.evaluate(
        "() => window.model.said.filter(each => each.tasks).map(each => [each.verb, each.tasks])"
    )
    return found


def selected_rows(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('.nbf-body-row[aria-selected="true"]')]
        .map(row => row.dataset.row).sort()"""
    )
    return found


def sight(rows: Sequence[TaskRow], layout: str) -> dict[str, Any]:
    """The scene in another layout."""
    from tests.browser.test_graph_alone import traits as drawn

    return {key: value for key, value in drawn(rows, layout).items() if key in ("scene", "drawing")}


def test_clicks_with_ctrl_select_and_the_bar_acts_on_those_that_can_take_it(
    draw: Callable[..., Page],
) -> None:
    page = draw(small())
    expect(bar(page)).to_be_hidden()
    for number in (3, 4, 5):
        task(page, number).click(modifiers=["ControlOrMeta"])
    assert told(page) == "3 tasks selected: 1 running, 1 waiting, 1 failed"
    expect(page.locator(".nbf-picked")).to_have_count(3)
    assert not page.evaluate("() => window.model.said.some(each => each.verb === 'inspect')"), (
        "no panel is asked for"
    )
    bar(page).get_by_role("button", name="Cancel 2").click()
    bar(page).get_by_role("button", name="Retry 1", exact=True).click()
    bar(page).get_by_role("button", name="Retry with dependants 1").click()
    assert said(page) == [["cancel", [4, 5]], ["retry", [3]], ["retry_all", [3]]]
    pages.tell(page, {"answer": "Not tried again: it is as it is."})
    expect(bar(page)).to_contain_text("Not tried again: it is as it is.")
    task(page, 4).click(modifiers=["ControlOrMeta"])
    assert told(page) == "2 tasks selected: 1 waiting, 1 failed"
    bar(page).get_by_role("button", name="Clear").click()
    expect(bar(page)).to_be_hidden()
    expect(page.locator(".nbf-picked")).to_have_count(0)


def test_what_nothing_can_be_done_about_has_no_button_to_press(draw: Callable[..., Page]) -> None:
    page = draw(small(), dark=True)
    for number in (1, 2):
        task(page, number).click(modifiers=["ControlOrMeta"])
    assert told(page) == "2 tasks selected: 2 done"
    for name in ("Cancel", "Retry", "Retry with dependants"):
        expect(bar(page).get_by_role("button", name=name, exact=True)).to_be_disabled()


def test_the_selection_tells_how_its_tasks_stand_as_they_go_on(draw: Callable[..., Page]) -> None:
    rows = small()
    page = draw(rows)
    task(page, 4).click(modifiers=["ControlOrMeta"])
    assert told(page) == "1 task selected: 1 running"
    rows[3] = msgspec.structs.replace(rows[3], state=State.FAILED)
    pages.change(page, traits(rows))
    expect(bar(page)).to_contain_text("1 task selected: 1 failed")
    expect(bar(page).get_by_role("button", name="Cancel")).to_be_disabled()
    bar(page).get_by_role("button", name="Cancel").click(force=True)
    assert said(page) == []
    expect(bar(page).get_by_role("button", name="Retry", exact=True)).to_be_enabled()


def test_a_plain_click_ends_the_selection_and_escape_ends_it_before_the_panel(
    draw: Callable[..., Page],
) -> None:
    page = draw(small())
    task(page, 1).click()
    task(page, 3).click(modifiers=["ControlOrMeta"])
    assert told(page).startswith("2 tasks selected"), "the one that was opened is the first of them"
    task(page, 5).click()
    expect(bar(page)).to_be_hidden()
    task(page, 3).click(modifiers=["ControlOrMeta"])
    page.keyboard.press("Escape")
    expect(bar(page)).to_be_hidden()
    assert not page.evaluate("() => window.model.said.some(each => each.verb === 'close')")


def with_panel(rows: Sequence[TaskRow], number: int) -> dict[str, Any]:
    """Traits of a graph whose panel shows a task."""
    return {"panel": msgspec.to_builtins(panel(rows[number - 1], rows, None, EPOCH))}


def test_without_a_key_to_hold_each_click_takes_or_leaves_one_until_none_is_left(
    draw: Callable[..., Page],
) -> None:
    rows = small()
    page = draw(rows, width=400, **with_panel(rows, 3))
    panel_of_3 = page.get_by_role("region", name="task", exact=True)
    panel_of_3.get_by_role("button", name="Select more").click()
    expect(panel_of_3).to_be_hidden()
    assert told(page) == "1 task selected: 1 failed"
    expect(bar(page).get_by_text("each click takes or leaves one")).to_be_visible()
    for number in (4, 5, 4):
        task(page, number).click()
    assert told(page) == "2 tasks selected: 1 waiting, 1 failed"
    assert not page.evaluate("() => window.model.said.some(each => each.verb === 'inspect')")
    page.get_by_role("tab", name="Table").click()
    page.locator('[data-row="5"]').click()
    assert selected_rows(page) == ["3"]
    page.locator('[data-row="3"]').click()
    expect(bar(page)).to_be_hidden()
    page.locator('[data-row="3"]').click()
    assert page.evaluate(
        "() => window.model.said.filter(each => each.verb === 'inspect').map(each => each.task)"
    ) == [3]
    expect(bar(page)).to_be_hidden()


def test_what_was_begun_so_ends_with_the_selection(draw: Callable[..., Page]) -> None:
    rows = small()
    page = draw(rows, **with_panel(rows, 3))
    page.get_by_role("button", name="Select more").click()
    page.keyboard.press("Escape")
    task(page, 4).click(modifiers=["ControlOrMeta"])
    expect(bar(page).get_by_text("each click takes or leaves one")).to_be_hidden()
    task(page, 5).click()
    expect(bar(page)).to_be_hidden()


def test_by_keys_alone_and_the_notebook_hears_none_of_them(draw: Callable[..., Page]) -> None:
    page = draw(small())
    page.evaluate(
        "() => { window.leaked = []; document.addEventListener('keydown', e => leaked.push(e.key)); }"
    )
    task(page, 2).focus()
    page.keyboard.press("Control+Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+Enter")
    assert told(page) == "2 tasks selected: 1 done, 1 failed"
    page.keyboard.press("Control+a")
    assert told(page).startswith("6 tasks selected")
    assert page.evaluate("() => window.leaked") == []


def test_all_that_is_looked_for_is_selected_at_once(draw: Callable[..., Page]) -> None:
    page = draw(small())
    page.get_by_role("searchbox").fill("score")
    task(page, 2).focus()
    page.keyboard.press("Control+a")
    assert told(page) == "3 tasks selected: 1 done, 1 running, 1 failed"
    page.get_by_role("searchbox").focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("x")
    expect(page.get_by_role("searchbox")).to_have_value("x")


def test_a_range_of_rows_is_selected_in_the_order_in_which_they_stand(draw: Callable[..., Page]) -> None:
    page = draw(small())
    page.get_by_role("tab", name="Table").click()
    # best, load, report, score 2, 3, 4
    page.get_by_role("columnheader", name="app").get_by_role("button").click()
    page.locator('[data-row="1"]').click(modifiers=["ControlOrMeta"])
    page.locator('[data-row="3"]').click(modifiers=["Shift"])
    assert selected_rows(page) == ["1", "2", "3", "6"]
    page.keyboard.press("Shift+ArrowUp")
    assert selected_rows(page) == ["1", "2", "6"]
    expect(page.get_by_role("grid")).to_have_attribute("aria-multiselectable", "true")
    page.get_by_role("tab", name="Graph").click()
    expect(page.locator(".nbf-picked")).to_have_count(3)
    page.get_by_role("tab", name="Timeline").click()
    assert told(page) == "3 tasks selected: 2 done, 1 waiting"


def test_rows_are_selected_by_keys_from_the_first_one_on(draw: Callable[..., Page]) -> None:
    page = draw(small())
    page.get_by_role("tab", name="Table").click()
    page.locator('[data-row="2"]').focus()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    assert selected_rows(page) == ["2", "3", "4"]
    page.keyboard.press("Shift+ArrowUp")
    assert selected_rows(page) == ["2", "3"]


@pytest.mark.parametrize("count", [40, 800], ids=["cells", "field"])
def test_a_cell_of_a_block_or_the_whole_block(draw: Callable[..., Page], count: int) -> None:
    rows = sweep(count)
    page = draw(rows, **sight(rows, BLOCKS))
    block = page.locator(".nbf-block").first
    block.locator(".nbf-title").click(modifiers=["ControlOrMeta"])
    assert told(page).startswith(f"{count} tasks selected")
    block.locator(".nbf-title").click(modifiers=["ControlOrMeta"])
    expect(bar(page)).to_be_hidden()
    box = block.locator(".nbf-cell, .nbf-field").first.bounding_box()
    assert box is not None
    page.keyboard.down("Control")
    page.mouse.click(box["x"] + 3, box["y"] + 3)
    page.keyboard.up("Control")
    assert told(page).startswith("1 task selected")


def test_a_node_of_an_app_is_all_its_tasks_and_a_part_of_its_bar_those_in_that_state(
    draw: Callable[..., Page],
) -> None:
    rows = [*small(), row(7, "score", [1], state=State.FAILED, note="ValueError: no", attempt=1)]
    page = draw(rows, **sight(rows, APPS))
    node = page.locator('[data-app="score"]')
    node.locator(".nbf-title").click(modifiers=["ControlOrMeta"])
    assert told(page) == "4 tasks selected: 1 done, 1 running, 2 failed"
    bar(page).get_by_role("button", name="Clear").click()
    node.locator('[data-mark="4"]').click(modifiers=["ControlOrMeta"])
    assert told(page) == "2 tasks selected: 2 failed", "all of those in that state"
    bar(page).get_by_role("button", name="Clear").click()
    assert page.evaluate("() => document.activeElement.closest('.nbf-graph') !== null"), (
        "the keys stay in the view"
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_on_a_phone_the_bar_is_no_wider_than_the_screen(draw: Callable[..., Page], dark: bool) -> None:
    page = draw([*small(), row(7, "score", [1])], width=400, dark=dark)
    for number in (3, 4):
        task(page, number).click(modifiers=["ControlOrMeta"])
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400
    box = bar(page).bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 400
