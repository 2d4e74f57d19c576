"""What a person does about a task, in JupyterLab while a cell computes: retry, cancel; and where no answer comes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OUTPUT
from tests.browser.lab import PANEL, Lab, write_notebook

BUSY = "while not Path"  # stands in the cell that computes
HINT = "Buttons act when the cell ends; use Interrupt."


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    """A notebook whose task 1 fails as long as a file `there` is not, whose task 3 goes on, and which is then busy."""
    cells = [
        "%load_ext nbflow\nfrom pathlib import Path\nnbflow.load(nbflow.Config(name='acts'))",
        (
            "%%app\n"
            "def score(path, gamma):\n"
            "    model = {'gamma': gamma}\n"
            "    if not path.exists():\n"
            "        raise ValueError(f'gamma must be >= 0, got {gamma}')\n"
            "    return model\n"
            "\n"
            "def best_of(model):\n"
            "    return model\n"
            "\n"
            "def picture():\n"
            "    from matplotlib.figure import Figure\n"
            "    figure = Figure(figsize=(4, 2))\n"
            "    figure.subplots().plot([1, 3, 2])\n"
            "    return figure\n"
            "\n"
            "def go_on():\n"
            "    import time\n"
            "    while True:\n"
            "        time.sleep(0.05)\n"
        ),
        (
            f"model = score(Path({str(tmp_path / 'there')!r}), -0.1)\nbest = best_of(model)\n"
            "going = go_on()\nplot = picture()"
        ),
        "%nbflow graph",
        f"{BUSY}({str(tmp_path / 'enough')!r}).exists():\n    sum(range(1000))",
    ]
    path = tmp_path / "acts.ipynb"
    return write_notebook(path, cells)


def node(lab: Lab, name: str) -> None:
    lab.page.locator(f'[aria-label^="{name}"]').first.click()


def test_tasks_are_retried_and_cancelled_by_a_click_while_a_cell_computes(
    open_notebook: Callable[..., Lab], failing: Path, tmp_path: Path
) -> None:
    lab = open_notebook(failing, scale=2)
    page = lab.page
    lab.hide_side_bar()
    busy = lab.cell_index(BUSY)
    lab.run_all()
    lab.wait_until(
        "tasks('failed').includes('1') && tasks('skipped').includes('2') && tasks('running').includes('3')"
    )
    panel = page.get_by_role("region", name="task")

    node(lab, "task 2 best_of")
    expect(panel.get_by_role("button", name="Retry score and dependants")).to_be_visible()
    node(lab, "task 1 score")
    expect(panel).to_contain_text("gamma must be >= 0, got -0.1")
    retry = panel.get_by_role("button", name="Retry with dependants")
    expect(retry).to_be_visible()
    for theme in ("Light", "Dark"):
        lab.set_theme(f"JupyterLab {theme}")
        page.mouse.move(0, 0)
        page.locator(".nbf").first.screenshot(path=OUTPUT / f"acts-{theme.lower()}.png")
    lab.set_theme("JupyterLab Light")

    panel.get_by_role("button", name="Run here with debugger").click()
    expect(panel.get_by_text("%nbflow debug 1")).to_be_visible()
    expect(panel).to_contain_text("un it in a cell.")
    page.locator(".nbf").first.screenshot(path=OUTPUT / "acts-here.png")

    lab.wait_until("tasks('done').includes('4')")
    node(lab, "task 4 picture")
    panel.get_by_role("button", name="Show it").click()
    expect(panel.get_by_role("img", name="result of task 4")).to_be_visible(timeout=40_000)
    page.locator(".nbf").first.screenshot(path=OUTPUT / "acts-result.png")
    node(lab, "task 1 score")

    (tmp_path / "there").touch()
    retry.click()
    lab.wait_until("tasks('done').includes('1') && tasks('done').includes('2') && !executed(argument)", busy)
    expect(panel).to_contain_text("attempt 2")
    node(lab, "task 3 go_on")
    panel.get_by_role("button", name="Cancel").click()
    lab.wait_until("tasks('cancelled').includes('3') && !executed(argument)", busy)

    for name in ("task 4 picture", "task 1 score"):
        page.locator(f'[aria-label^="{name}"]').first.click(modifiers=["ControlOrMeta"])
    selection = page.get_by_role("region", name="selected tasks")
    expect(selection).to_contain_text("3 tasks selected: 2 done, 1 cancelled")
    selection.get_by_role("button", name="Retry 1", exact=True).click()
    lab.wait_until("tasks('retrying').includes('3') && !executed(argument)", busy)
    selection.get_by_role("button", name="Cancel 1").click()
    lab.wait_until("tasks('cancelled').includes('3') && !executed(argument)", busy)
    page.locator(".nbf").first.screenshot(path=OUTPUT / "acts-selection.png")
    expect(page.locator(".nbf-hint", has_text=HINT)).to_be_hidden()

    (tmp_path / "enough").touch()
    lab.wait_until("executed(argument)", busy)


def test_where_no_answer_comes_while_a_cell_computes_the_page_says_what_to_do(
    open_notebook: Callable[..., Lab], failing: Path, tmp_path: Path
) -> None:
    lab = open_notebook(failing)
    page = lab.page
    page.evaluate(
        "() => window.jupyterapp.serviceManager.settings.save("
        "'@jupyterlab/apputils-extension:kernels-settings', '{\"commsOverSubshells\": \"disabled\"}')"
    )
    lab.open()  # with which the setting counts
    busy = lab.cell_index(BUSY)
    lab.run_all()
    lab.wait_until("tasks('running').includes('3')")
    node(lab, "task 3 go_on")
    expect(page.locator(".nbf-hint", has_text=HINT)).to_be_visible()
    assert not page.evaluate(f"i => {PANEL}.content.widgets[i].model.executionCount", busy)
    (tmp_path / "enough").touch()
    panel = page.get_by_role("region", name="task")
    expect(panel.get_by_role("button", name="Cancel")).to_be_visible(timeout=30_000)
    expect(page.locator(".nbf-hint", has_text=HINT)).to_be_hidden()
    panel.get_by_role("button", name="Cancel").click()
    lab.wait_until("tasks('cancelled').includes('3')")
    page.evaluate(
        "() => window.jupyterapp.serviceManager.settings.save("
        "'@jupyterlab/apputils-extension:kernels-settings', '{}')"
    )
