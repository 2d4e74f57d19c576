"""The line under a cell that submits tasks: it appears, moves, opens the graph, tells the end, stays as a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import OUTPUT
from tests.browser.lab import Lab, write_notebook

APPS = """
import os, time
import nbflow

@nbflow.python_app
def fit(number, folder):
    for step in nbflow.track(range(8), text="epoch"):
        while step == 3 and not os.path.exists(f"{folder}/{number}"):
            time.sleep(0.02)
    if number == 5:
        raise ValueError("the loss is not a number")
    return number
"""


def test_a_cell_that_submits_tasks_gets_a_line_that_lives_and_then_stays(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    notebook = tmp_path / "line.ipynb"
    cells = [
        "%load_ext nbflow\n%nbflow start 2",
        APPS,
        f"fits = [fit(number, {str(tmp_path)!r}) for number in range(8)]",
        "'quick'",
    ]
    write_notebook(notebook, cells)
    lab = open_notebook(notebook, scale=2)
    page = lab.page
    lab.hide_side_bar()
    page.evaluate(
        "() => { window.shown = []; window.Notification = class { constructor(t, o) { shown.push([t, o]); }"
        " static permission = 'granted'; static requestPermission = async () => 'granted'; } }"
    )
    lab.run_all()

    line = page.locator(".nbl")
    expect(line).to_contain_text("2 running", timeout=30_000)
    expect(line).to_contain_text("6 waiting")
    expect(line).to_contain_text("fit: epoch: 3 of 8 (and 1 more)")
    for number in range(3):
        (tmp_path / str(number)).touch()
    expect(line).to_contain_text("3 done")
    for theme in ("Light", "Dark"):
        lab.set_theme(f"JupyterLab {theme}")
        page.mouse.move(0, 0)
        line.screenshot(path=OUTPUT / f"line-{theme.lower()}.png")
    assert page.locator(".nbl").count() == 1, "the other cells have submitted nothing"

    line.get_by_role("button", name="Notify me").click()
    expect(line.get_by_role("button", name="Notify me")).to_have_attribute("aria-pressed", "true")
    line.get_by_role("button", name="Graph").click()
    graph = page.locator(".jp-Cell", has=line).locator(".nbf")
    expect(graph.locator("[data-task]")).to_have_count(8)
    line.get_by_role("button", name="Graph").click()  # it stands there already

    page.evaluate("() => Object.defineProperty(document, 'hidden', { value: true })")
    for number in range(3, 8):
        (tmp_path / str(number)).touch()
    expect(line).to_contain_text(
        "task 6 fit failed: ValueError: the loss is not a number".replace("fit", "`fit`")
    )
    expect(line).to_contain_text("7 done")
    page.locator(".jp-Cell", has=line).screenshot(path=OUTPUT / "line-ended.png")
    assert graph.count() == 1
    assert page.evaluate("() => window.shown.map(([title, { body }]) => [title, body])") == [
        ["nbflow, cell [3]", "task 6 `fit` failed: ValueError: the loss is not a number"]
    ]

    page.evaluate("() => document.activeElement.blur()")
    still = page.locator(".nbflow-line")
    expect(still).to_contain_text("7 done", timeout=90_000)
    expect(still).to_contain_text("1 failed")
    still.screenshot(path=OUTPUT / "line-still.png")
    expect(line).to_have_count(0)


def test_after_a_reload_the_line_goes_on_and_opens_the_graph(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    notebook = tmp_path / "again.ipynb"
    cells = [
        "%load_ext nbflow\n%nbflow start 2",
        APPS,
        f"fits = [fit(number, {str(tmp_path)!r}) for number in range(4)]",
        "'quick'",
    ]
    write_notebook(notebook, cells)
    lab = open_notebook(notebook)
    page = lab.page
    lab.run_all()
    line = page.locator(".nbl")
    expect(line).to_contain_text("2 running", timeout=30_000)
    lab.reload()
    expect(line).to_contain_text("2 running", timeout=30_000)
    line.get_by_role("button", name="Graph").click()
    graph = page.locator(".jp-Cell", has=line).locator(".nbf")
    expect(graph.locator("[data-task]")).to_have_count(4)
    line.get_by_role("button", name="Graph").click()
    for number in range(4):
        (tmp_path / str(number)).touch()
    expect(graph.locator('[data-state="done"]')).to_have_count(4, timeout=30_000)
    assert graph.count() == 1
