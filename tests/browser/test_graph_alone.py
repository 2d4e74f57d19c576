"""The graph on an empty page, used as a person uses it: by keyboard alone, by search, on a phone, with very many."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Locator, Page, expect

from nbflow.core.states import State
from nbflow.notebook.board import Board
from nbflow.notebook.exporting import KINDS
from nbflow.notebook.fold import AUTO, BLOCKS
from nbflow.notebook.panel import panel
from nbflow.notebook.still import still
from nbflow.notebook.timeline import timeline
from nbflow.notebook.view import build, sent
from nbflow.wire.rows import Progress, TaskRow
from tests.notebook.graphs import EPOCH, done, row, sweep
from tools import page as pages

FADED = re.compile("nbf-faded")


def traits(rows: Sequence[TaskRow], layout: str = AUTO, **more: Any) -> dict[str, Any]:
    """What the widget would hold."""
    board = Board()
    board.update(rows)
    return {
        "scene": sent(build("digits sweep", board.rows, layout)),
        "drawing": {"asked": layout, "note": ""},
        "status": bytes(board.status),
        "parts": {},
        "progress": {str(place): [said.fraction, said.text] for place, said in board.progress.items()},
        "counts": board.counts,
        "clock": {"elapsed": 72.0, "running": False},
        "timeline": msgspec.to_builtins(timeline(board.rows, board.started, EPOCH + 72)),
        "notice": "",
        "panel": {},
        **more,
    }


def small() -> list[TaskRow]:
    """Six tasks in three columns."""
    return [
        done(1, "load"),
        done(2, "score", [1], detail="C=1.0"),
        row(3, "score", [1], detail="C=10.0", state=State.FAILED, note="ValueError: no", attempt=1),
        row(4, "score", [1], detail="C=100.0", state=State.RUNNING, attempt=1, worker=1, started=EPOCH,
            progress=Progress(0.25, "epoch 3 of 12, and a text that is longer than its place")),
        row(5, "best", [2, 3, 4]),
        row(6, "report", [5]),
    ]  # fmt: skip


@pytest.fixture
def draw(blank_page: Callable[..., Page]) -> Callable[..., Page]:
    """Draws rows on a page of its own."""

    def drawn(rows: Sequence[TaskRow], *, width: int = 1100, dark: bool = False, **more: Any) -> Page:
        page = blank_page(width, 800)
        pages.show(page, traits(rows, **more), dark=dark)
        return page

    return drawn


def said(page: Page) -> list[dict[str, Any]]:
    """What the page said to Python, but for its use and the keys of its messages."""
    found: list[dict[str, Any]] = page.evaluate(
        "() => window.model.said.filter(each => !['ready', 'busy', 'idle'].includes(each.verb))"
        ".map(({ key, ...rest }) => rest)"
    )
    return found


def focused(page: Page) -> str | None:
    return page.evaluate("() => document.activeElement.getAttribute('aria-label')")


def task(page: Page, number: int) -> Locator:
    return page.locator(f'[data-task="{number}"]')


# ---------------------------------------------------------------- keyboard


def test_all_can_be_done_by_keyboard_alone(draw: Callable[..., Page]) -> None:
    page = draw(small())
    keys = page.keyboard
    page.evaluate(
        """() => { window.leaked = []; document.addEventListener('keydown', e => leaked.push(e.key)); }"""
    )
    task(page, 1).focus()
    keys.press("ArrowRight")
    keys.press("ArrowDown")
    assert focused(page) == "task 4 score, running"
    keys.press("ArrowUp")
    keys.press("ArrowUp")
    keys.press("Enter")
    assert said(page)[-1] == {"verb": "inspect", "task": 2}
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    assert focused(page) == "task 6 report, waiting"
    outline = task(page, 6).locator(".nbf-card").evaluate("card => getComputedStyle(card).strokeWidth")
    assert outline == "3px", "the focus is visible"

    keys.press("/")
    keys.type("score")
    expect(page.locator(".nbf-found")).to_have_text("3")
    keys.press("Enter")
    keys.press("Enter")
    expect(page.locator(".nbf-found")).to_have_text("2 of 3")
    assert said(page)[-1] == {"verb": "inspect", "task": 3}
    keys.press("Shift+Enter")
    assert said(page)[-1] == {"verb": "inspect", "task": 2}
    keys.press("Escape")
    expect(page.locator(".nbf-find")).to_have_value("")

    keys.press("Tab")
    assert focused(page) == "Export"
    keys.press("Enter")
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    assert page.evaluate("() => document.activeElement.textContent") == "HTML"
    keys.press("Escape")
    assert focused(page) == "Export"
    assert page.evaluate("leaked") == [], "no key has left the graph: the notebook has shortcuts of its own"


def test_the_panel_that_somebody_opens_comes_into_sight_and_none_that_was_open_does(
    draw: Callable[..., Page],
) -> None:
    rows = [done(number, "score") for number in range(1, 25)]
    page = draw(rows)
    page.set_viewport_size({"width": 1100, "height": 300})
    shown = page.locator(".nbf-panel")
    first, second = (msgspec.to_builtins(panel(rows[n - 1], rows, None, EPOCH)) for n in (1, 2))
    pages.change(page, {"panel": first})
    expect(shown).to_be_visible()
    expect(shown).not_to_be_in_viewport()
    task(page, 2).click()
    pages.change(page, {"panel": second})
    expect(shown).to_be_in_viewport()


def test_the_focus_stays_where_it_is_while_the_flow_grows(draw: Callable[..., Page]) -> None:
    page = draw(small())
    task(page, 3).focus()
    pages.change(page, traits([*small(), row(7, "mail", [6])]))
    expect(task(page, 7)).to_be_visible()
    assert focused(page) == "task 3 score, failed"


# ---------------------------------------------------------------- what stands out


def test_what_is_found_stands_out_and_all_else_fades(draw: Callable[..., Page]) -> None:
    page = draw(small())
    page.locator(".nbf-find").fill("c=10.0")
    for number in (1, 2, 4, 5, 6):
        expect(task(page, number)).to_have_class(FADED)
    expect(task(page, 3)).not_to_have_class(FADED)
    page.locator(".nbf-find").fill("fail")
    expect(task(page, 3)).not_to_have_class(FADED)
    page.locator(".nbf-find").fill("no such task")
    expect(page.locator(".nbf-found")).to_have_text("0")
    page.locator(".nbf-find").press("Escape")
    expect(page.locator(".nbf-faded")).to_have_count(0)


def test_a_pressed_count_lets_its_state_stand_out_also_when_tasks_change(draw: Callable[..., Page]) -> None:
    page = draw(small())
    count = page.get_by_role("button", name="running")
    expect(count).to_have_attribute("aria-pressed", "false")
    count.click()
    expect(count).to_have_attribute("aria-pressed", "true")
    expect(task(page, 4)).not_to_have_class(FADED)
    expect(task(page, 5)).to_have_class(FADED)
    rows = small()
    rows[4] = row(5, "best", [2, 3, 4], state=State.RUNNING, attempt=1)
    pages.change(page, traits(rows))
    expect(task(page, 5)).not_to_have_class(FADED)
    expect(count).to_be_focused()
    count.click()
    expect(page.locator(".nbf-faded")).to_have_count(0)


def test_arguments_that_the_page_does_not_have_are_asked_for(draw: Callable[..., Page]) -> None:
    page = draw(sweep(1000))
    page.locator(".nbf-find").fill("c=7")
    page.wait_for_function("() => window.model.said.some(each => each.verb === 'find')")
    assert said(page) == [{"verb": "find", "word": "c=7"}]
    expect(page.locator(".nbf-found")).to_have_text("0")
    pages.tell(page, {"found": "c=7", "tasks": [8, 1, 1, 71, 10, 1]})
    expect(page.locator(".nbf-found")).to_have_text("11")
    page.locator(".nbf-find").press("Enter")
    assert said(page)[-1] == {"verb": "inspect", "task": 9}


def test_follow_keeps_what_runs_in_sight_until_the_user_moves_the_picture(draw: Callable[..., Page]) -> None:
    chain = [row(n, f"step{n}", [n - 1] if n > 1 else []) for n in range(1, 41)]
    page = draw(chain)
    follow = page.get_by_role("button", name="Follow")
    follow.click()
    for number in (20, 40):
        chain[number - 1] = row(number, f"step{number}", [number - 1], state=State.RUNNING, attempt=1)
        pages.change(page, traits(chain))
        expect(task(page, number)).to_be_in_viewport()
    page.locator(".nbf-graph").hover(position={"x": 500, "y": 20})
    page.mouse.down()
    page.mouse.move(900, 200, steps=4)
    page.mouse.up()
    expect(follow).to_have_attribute("aria-pressed", "false")


# ---------------------------------------------------------------- very many tasks


def test_ten_thousand_tasks_are_a_node_for_each_app_that_tells_and_opens(draw: Callable[..., Page]) -> None:
    rows = [done(1, "load"), *(done(n, "score", [1]) for n in range(2, 10_001))]
    rows[5000] = row(5001, "score", [1], state=State.FAILED, attempt=1)
    rows[6000] = row(6001, "score", [1], state=State.RUNNING, attempt=1)
    page = draw(rows)
    node = page.locator("[data-app=score]")
    expect(node).to_have_attribute("aria-label", "score · 9,999 tasks: 9,997 done, 1 running, 1 failed")
    node.focus()
    page.keyboard.press("Enter")
    assert said(page) == [{"verb": "inspect", "task": 5001}], "what tells most"
    page.keyboard.press("ArrowLeft")
    assert focused(page) == "task 1 load, done"
    page.keyboard.press("ArrowRight")
    expect(node).to_be_focused()
    node.click(position={"x": 20, "y": 10})
    assert said(page)[1:] == [{"verb": "inspect", "task": 5001}]
    node.locator('[data-mark="3"]').click()
    assert said(page)[-1] == {"verb": "inspect", "task": 2}, "the first that is done"
    rows[6000] = done(6001, "score", [1])
    pages.change(page, traits(rows))
    expect(node).to_have_attribute("aria-label", "score · 9,999 tasks: 9,998 done, 1 failed")


def test_a_cell_of_ten_thousand_can_be_clicked_and_reached(draw: Callable[..., Page]) -> None:
    page = draw(sweep(10_000), layout=BLOCKS)
    field = page.locator(".nbf-field")
    box = field.locator(".nbf-waiting").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 2, box["y"] + 2)
    assert said(page)[-1] == {"verb": "inspect", "task": 2}
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert said(page)[-1] == {"verb": "inspect", "task": 3}
    expect(field).to_have_attribute("aria-label", "task 3 score, waiting")


# ---------------------------------------------------------------- layout, files, screen


def test_another_layout_is_asked_for_and_what_is_said_of_it_is_shown(draw: Callable[..., Page]) -> None:
    page = draw(sweep(40))
    choice = page.get_by_label("What a node stands for")
    assert choice.evaluate("select => select.selectedOptions[0].textContent") == "Auto: blocks"
    choice.select_option("dot")
    assert said(page) == [{"verb": "layout", "word": "dot"}]
    told = "Graphviz' dot is not installed: drawn in nbflow's own layout."
    pages.change(page, {"drawing": {"asked": "dot", "note": told}})
    expect(page.locator(".nbf-note")).to_have_text(told)


@pytest.mark.parametrize(
    ("kind", "made", "begin"),
    [("SVG", "svg", b"<svg"), ("PNG", "svg", b"\x89PNG"), ("JSON", "json", b"{")],
    ids=["svg", "png", "json"],
)
def test_a_file_is_asked_for_and_saved(draw: Callable[..., Page], kind: str, made: str, begin: bytes) -> None:
    page = draw(small())
    page.get_by_role("button", name="Export").click()
    page.get_by_role("menuitem", name=kind, exact=True).click()
    assert said(page) == [{"verb": "export", "word": made}]
    text = KINDS[made](still("digits/sweep", small(), EPOCH + 72))
    with page.expect_download() as coming:
        pages.tell(page, {"file": made, "name": "digits/sweep"}, gzip.compress(text.encode()))
    assert coming.value.suggested_filename == f"digits sweep.{kind.lower()}"
    assert coming.value.path().read_bytes().startswith(begin)


def test_the_whole_screen_is_given_and_taken_back(draw: Callable[..., Page]) -> None:
    page = draw(small())
    root = page.locator(".nbf")
    button = page.get_by_role("button", name="Full screen")
    for refused in (False, True):
        if refused:
            root.evaluate("root => { root.requestFullscreen = () => Promise.reject(new Error('refused')); }")
        button.click()
        expect(root).to_have_class(re.compile("nbf-full"))
        box = root.bounding_box()
        assert box is not None
        assert (box["width"], box["x"]) == (1100, 0)
        graph = page.locator(".nbf-graph").bounding_box()
        assert graph is not None
        assert graph["height"] > 500, "the graph has what the other parts leave"
        assert root.evaluate("root => root.scrollHeight <= window.innerHeight")
        if refused:
            task(page, 1).focus()
            page.keyboard.press("Escape")
        else:
            button.click()
        expect(root).not_to_have_class(re.compile("nbf-full"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_screen(draw: Callable[..., Page], dark: bool) -> None:
    page = draw([*sweep(40), *small()[5:]], width=400, dark=dark)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400
    for part in (".nbf-find", ".nbf-foot", ".nbf-counts", ".nbf-strip"):
        box = page.locator(part).first.bounding_box() or {"x": 0, "width": 0}
        assert box["x"] + box["width"] <= 400, part


def test_a_running_task_shows_how_far_it_is_and_its_text_stays_within_it(draw: Callable[..., Page]) -> None:
    page = draw(small(), dark=True)
    pill = task(page, 4)
    card, run, text = (pill.locator(part).bounding_box() for part in (".nbf-card", ".nbf-run", ".nbf-detail"))
    assert card is not None
    assert run is not None
    assert text is not None
    assert run["width"] == pytest.approx((card["width"] - 20) / 4, abs=4)
    assert text["x"] + text["width"] <= card["x"] + card["width"]
    expect(task(page, 2).locator(".nbf-run")).to_be_hidden()
