"""The main job, seen by the person who opens it: the demo notebook in JupyterLab."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import OUTPUT, ROOT
from tests.browser.lab import Lab

DEMO = ROOT / "notebooks" / "digits-sweep.ipynb"
BUSY = "dice.permutation"  # stands in the cell that computes in the notebook while tasks run
SECOND_ROUND = 66  # tasks that have ended when it is well under way


def test_the_demos_graph_lives_while_a_cell_is_busy_and_after_a_reload(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    enough = tmp_path / "enough"
    lab = open_notebook(busy_until(enough, tmp_path), scale=2)
    page = lab.page
    graph, busy, last = (lab.cell_index(text) for text in ("%nbflow graph", BUSY, "%nbflow wait"))
    lab.hide_side_bar()

    lab.run_all()
    during = "executed(argument[0]) && !executed(argument[1])"
    lab.wait_until(f"{during} && tasks('running').length", [graph, busy])
    running = page.locator("[data-task][data-state=running]").first.get_attribute("data-task")
    lab.wait_until(f"{during} && tasks('done').includes(argument[2])", [graph, busy, running])
    enough.touch()

    split = page.locator('[aria-label="task 2 split, done"]')
    split.click()
    panel = page.get_by_role("region", name="task")
    expect(panel).to_contain_text("split")
    expect(panel).to_contain_text("done")
    expect(panel).to_contain_text("Cell In[4]")

    lab.wait_until("tasks('done').length >= argument && tasks('running').length", SECOND_ROUND, timeout=120)
    keep_pictures(lab)

    lab.wait_until("executed(argument)", last, timeout=120)
    states = lab.states()
    assert len(states) >= 60
    assert set(states.values()) == {"done"}

    lab.reload()
    expect(split).to_be_visible(timeout=60_000)
    assert lab.states() == states


def busy_until(enough: Path, folder: Path) -> Path:
    """The demo, with a busy cell that computes until a file is there, however fast the machine is."""
    notebook = json.loads(DEMO.read_text(encoding="utf-8"))
    (cell,) = [cell for cell in notebook["cells"] if any(BUSY in line for line in cell["source"])]
    spin = f"while not __import__('os').path.exists({str(enough)!r}):\n    sum(range(1000))\n"
    cell["source"].insert(0, spin)
    copy = folder / DEMO.name
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    return copy


def keep_pictures(lab: Lab) -> None:
    """Keep the graph of the second round with a trial open, in both themes: `make pictures` puts them into docs/."""
    trial = lab.page.locator('[aria-label="task 6 svc, done"]')
    trial.click()
    panel = lab.page.get_by_role("region", name="task")
    expect(panel).to_contain_text("task 6")
    panel.get_by_role("tab", name="Source").click()
    expect(panel).to_contain_text("def svc")
    lab.page.get_by_role("button", name="Show the whole graph").click()
    for theme in ("Light", "Dark"):
        lab.set_theme(f"JupyterLab {theme}")
        lab.page.mouse.move(0, 0)
        lab.page.locator(".nbf").first.screenshot(path=OUTPUT / f"graph-{theme.lower()}.png")
    lab.set_theme("JupyterLab Light")
