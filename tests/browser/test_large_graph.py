"""A graph of ten thousand tasks in JupyterLab: seen, searched, walked by keyboard, while the notebook hears no key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import OUTPUT, ROOT
from tests.browser.lab import PANEL, Lab, write_notebook

COUNT = 10_000
SLOW = 60_000  # milliseconds that a kernel on a busy machine may take


def notebook(folder: Path) -> Path:
    """The graph of a flow that is moved by hand: ten thousand tasks, of which one fails, and one that waits."""
    cells = [
        (
            f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
            "from nbflow.core.states import State\n"
            "from nbflow.notebook.widget import FlowGraph\n"
            "from tests.notebook.graphs import HandFlow, done, row"
        ),
        (
            f"scores = [row(n + 2, 'score', [1], detail=f'n={{n}}') for n in range({COUNT})]\n"
            f"flow = HandFlow(done(1, 'load'), *scores, row({COUNT + 2}, 'best', [score.id for score in scores]))\n"
            "FlowGraph(flow)"
        ),
        "flow.feed.take([done(score.id, 'score', [1], detail=score.detail) for score in scores])",
        "flow.move(79, state=State.FAILED, note='ValueError: unlucky')",
    ]
    path = folder / "large.ipynb"
    return write_notebook(path, cells)


def test_ten_thousand_tasks_are_seen_found_and_walked(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = open_notebook(notebook(tmp_path))
    page = lab.page
    lab.hide_side_bar()
    lab.run_all()
    node = page.locator("[data-app=score]")
    told = f"score · {COUNT:,} tasks: {COUNT - 1:,} done, 1 failed"
    expect(node).to_have_attribute("aria-label", told, timeout=SLOW)

    cells, mode = f"() => {PANEL}.content.widgets.length", f"() => {PANEL}.content.mode"
    before = page.evaluate(cells)
    node.focus()
    for key in ("d", "d", "a", "b", "x", "m", "Shift+Enter"):
        page.keyboard.press(key)
    assert page.evaluate(cells) == before, "the notebook's shortcuts have not fired"
    assert page.evaluate(mode) == "command"
    page.keyboard.press("Enter")
    panel = page.get_by_role("region", name="task")
    expect(panel).to_contain_text("unlucky", timeout=SLOW)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(node).to_be_focused()

    page.keyboard.press("/")
    page.keyboard.type("n=4242")
    expect(page.locator(".nbf-found")).to_have_text("1", timeout=SLOW)  # the kernel knows the arguments
    page.keyboard.press("Enter")
    expect(panel).to_contain_text("n=4242", timeout=SLOW)
    page.locator(".nbf-find").press("Escape")
    page.locator(".nbf-find").press("Escape")
    expect(panel).to_be_hidden()
    page.get_by_role("button", name="failed").click()
    for theme in ("Dark", "Light"):
        lab.set_theme(f"JupyterLab {theme}")
        expect(page.locator(".nbf")).to_have_attribute("data-theme", theme.lower())
        page.locator(".nbf").screenshot(path=OUTPUT / f"large-{theme.lower()}.png")
    page.get_by_label("What a node stands for").select_option("blocks")
    field = page.locator(".nbf-field")
    expect(field).to_be_visible(timeout=SLOW)
    page.locator(".nbf").screenshot(path=OUTPUT / "large-blocks.png")
    with page.expect_download(timeout=SLOW) as coming:
        page.get_by_role("button", name="Export").click()
        page.get_by_role("menuitem", name="PNG").click()
    assert coming.value.path().read_bytes().startswith(b"\x89PNG")
