"""Table and timeline in JupyterLab, on a flow that runs while a cell of the notebook computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import OUTPUT
from tests.browser.lab import Lab, write_notebook


def notebook(folder: Path) -> Path:
    """Twelve tasks that end when a file is there, after twelve that ended at once; a cell that computes until then."""
    cells = [
        "%load_ext nbflow\nimport nbflow\nnbflow.load(nbflow.Config([nbflow.ProcessExecutor(max_workers=2)]))",
        (
            "@python_app\n"
            "def quick(x):\n"
            "    return x\n"
            "@python_app\n"
            "def held(x, need, path):\n"
            "    import os, time\n"
            "    room = b'x' * 50_000_000\n"
            "    while not os.path.exists(path):\n"
            "        time.sleep(0.01)\n"
            "    if x == 3:\n"
            "        raise ValueError('no such kernel')\n"
        ),
        f"waiting = [held(i, quick(i), {str(folder / 'enough')!r}) for i in range(12)]",
        "%nbflow graph",
        f"while not __import__('os').path.exists({str(folder / 'enough')!r}):\n    sum(range(1000))  # busy",
        "%nbflow wait",
    ]
    path = folder / "twins.ipynb"
    return write_notebook(path, cells)


def test_table_and_timeline_live_while_a_cell_computes(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = open_notebook(notebook(tmp_path), scale=2)
    page = lab.page
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(f"{error}\n{error.stack}"))
    lab.hide_side_bar()
    lab.run_all()
    graph, busy = lab.cell_index("%nbflow graph"), lab.cell_index("# busy")
    lab.wait_until("executed(argument) && tasks('running').length == 2", graph, timeout=120)

    page.get_by_role("tab", name="Table", exact=True).click()
    grid = page.get_by_role("grid", name="tasks")
    expect(grid).to_have_attribute("aria-rowcount", "25", timeout=20_000)
    grid.get_by_role("columnheader", name="app").get_by_role("button").click()
    expect(page.locator("[aria-rowindex='2'] .nbf-td-app")).to_have_text("held")
    page.locator(".nbf-find").fill("running")
    expect(page.locator(".nbf-body-row")).to_have_count(2)
    page.locator(".nbf-body-row").first.click()
    expect(page.get_by_role("region", name="task")).to_contain_text("held", timeout=20_000)
    page.keyboard.press("Escape")
    page.locator(".nbf-find").fill("")

    page.get_by_role("tab", name="Timeline", exact=True).click()
    expect(page.locator(".nbf-canvas")).to_have_attribute("data-lanes", "2")
    meters = page.get_by_role("region", name="meters")
    expect(meters).to_contain_text("2 of 2 workers at work", timeout=20_000)
    expect(meters).to_contain_text("processors busy", timeout=20_000)
    for theme in ("Light", "Dark"):
        lab.set_theme(f"JupyterLab {theme}")
        page.mouse.move(0, 0)
        page.locator(".nbf").first.screenshot(path=OUTPUT / f"timeline-{theme.lower()}.png")
    lab.wait_until("!executed(argument)", busy)
    page.get_by_role("tab", name="Table", exact=True).click()
    page.locator(".nbf-body-row").first.focus()  # in use: it is not replaced by its picture yet
    (tmp_path / "enough").touch()
    expect(page.locator("[data-row='8'] .nbf-wrong")).to_have_text(
        "ValueError: no such kernel", timeout=60_000
    )
    page.get_by_role("columnheader", name="peak").get_by_role("button").click()
    expect(page.locator("[aria-rowindex='2'] .nbf-td-peak")).to_contain_text("MB")
    for theme in ("Dark", "Light"):
        lab.set_theme(f"JupyterLab {theme}")
        page.locator(".nbf").first.screenshot(path=OUTPUT / f"table-{theme.lower()}.png")
    assert not [each for each in said if "blob:" in each or "data:" in each], (
        "JupyterLab has complaints of its own"
    )
