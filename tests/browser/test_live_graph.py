"""The main job, seen by the person who opens it: the demo notebook in JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import OUTPUT, ROOT
from tests.browser.lab import Lab

DEMO = ROOT / "notebooks" / "digits-sweep.ipynb"
BUSY = "dice.permutation"  # stands in the cell that computes in the notebook while tasks run


def test_the_demos_graph_lives_while_a_cell_is_busy_and_after_a_reload(
    open_notebook: Callable[..., Lab],
) -> None:
    lab = open_notebook(DEMO, scale=2)
    page = lab.page
    graph, busy, last = (lab.cell_index(text) for text in ("%nbflow graph", BUSY, "%nbflow wait"))

    lab.run_all()
    during = "executed(argument[0]) && !executed(argument[1])"
    lab.wait_until(f"{during} && tasks('running').length", [graph, busy])
    running = page.locator("[data-task][data-state=running]").first.get_attribute("data-task")
    lab.wait_until(f"{during} && tasks('done').includes(argument[2])", [graph, busy, running])

    split = page.locator('[aria-label="task 2 split, done"]')
    split.click()
    panel = page.get_by_role("region", name="task")
    expect(panel).to_contain_text("split")
    expect(panel).to_contain_text("done")
    page.screenshot(path=OUTPUT / "graph-alive.png")

    lab.wait_until("executed(argument)", last, timeout=120)
    states = lab.states()
    assert len(states) >= 60
    assert set(states.values()) == {"done"}

    lab.reload()
    expect(split).to_be_visible()
    assert lab.states() == states
