"""What must hold in JupyterLab and Notebook 7: a graph that lives beside a busy cell, and what is left in the file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.sign import NotebookNotary
from playwright.sync_api import Page, expect

from tests.browser.lab import Lab, write_notebook

STILL = '.jp-OutputArea img[alt="flow: 6 tasks, 4 done, 2 cancelled"]'
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def gates(tmp_path: Path) -> Callable[[str], Path]:
    """The path of a gate by its name: a pipe, at which a task stands until somebody opens it."""

    def gate(name: str) -> Path:
        path = tmp_path / name
        if not path.exists():
            os.mkfifo(path)
        return path

    return gate


def open_gate(path: Path) -> None:
    """Let the task through that stands there, or comes there."""
    os.close(os.open(path, os.O_WRONLY))


@pytest.fixture
def notebook(tmp_path: Path, gates: Callable[[str], Path]) -> Path:
    """Three tasks that stand at gates, with a dependant each, on two workers; a graph; a cell that computes."""
    cells = [
        "%load_ext nbflow",
        "%%app\ndef stand(path):\n    open(path).read()\n    return path\n\ndef after(x):\n    return 'after'\n",
        "%nbflow start 2",
        f"all_three = [stand(path) for path in {[str(gates(name)) for name in ('first', 'second', 'third')]}]",
        "last = [after(one) for one in all_three]",
        "%nbflow graph",
        f"while not __import__('os').path.exists({str(tmp_path / 'enough')!r}):\n    sum(range(1000))\n'computed'",
    ]
    path = tmp_path / "notebook.ipynb"
    return write_notebook(path, cells)


def test_the_graph_lives_beside_a_busy_cell_and_is_left_in_the_file_as_a_picture(
    open_notebook: Callable[..., Lab],
    notebook: Path,
    gates: Callable[[str], Path],
    tmp_path: Path,
    front_end: str,
) -> None:
    lab = open_notebook(notebook, front_end=front_end)
    page = lab.page
    busy = lab.cell_index("computed")
    lab.run_all()

    # colours change while the cell computes
    lab.wait_until("tasks('running').length === 2 && !executed(argument)", busy)
    before = colour_of(page, 1)
    open_gate(gates("first"))
    lab.wait_until("tasks('done').includes('1') && !executed(argument)", busy)
    assert colour_of(page, 1) != before

    # a click opens the panel, and its button is obeyed while the cell computes
    page.locator('[data-task="2"]').click()
    panel = page.get_by_role("region", name="task")
    expect(panel).to_contain_text("Cell In[2]")
    panel.get_by_role("button", name="Cancel").click()
    lab.wait_until("tasks('cancelled').length === 2 && !executed(argument)", busy)
    assert page.get_by_text("Buttons act when the cell ends").locator("visible=true").count() == 0
    panel.get_by_role("button", name="Close").click()
    page.evaluate("() => document.activeElement.blur()")
    page.mouse.move(0, 0)  # nobody uses it any more
    (tmp_path / "enough").touch()
    lab.wait_until("executed(argument)", busy)

    lab.wait_until("tasks('done').length === 2 && tasks('running').length === 1")

    # the page is loaded anew, and the graph in it goes on; at rest it gives way to its picture
    states = lab.states()
    lab.reload()
    lab.wait_until("document.querySelectorAll('[data-task]').length === 6")
    assert lab.states() == states
    open_gate(gates("third"))
    lab.wait_until("tasks('done').length === 4")
    # each view and each line by itself; one that was in use just before is left alone for a minute
    expect(page.locator(STILL)).to_be_visible(timeout=90_000)
    expect(page.locator(".nbf, .nbl")).to_have_count(0, timeout=90_000)
    lab.save()
    saved = nbformat.from_dict(json.loads(lab.saved()))
    data = [output.data for cell in saved.cells for output in cell.outputs if "data" in output]
    assert not [mime for bundle in data for mime in bundle if "widget" in mime or "javascript" in mime]
    assert "<script" not in json.dumps(data).lower()

    # it is opened where there is no kernel, by somebody who trusts it and by somebody who does not
    for trusted in (True, False):
        copy = notebook.with_name(f"{trusted}.ipynb")
        copy.write_text(nbformat.writes(without_kernel(saved, trusted=trusted)))
        opened = open_notebook(copy, front_end=front_end, kernel=False)
        expect(opened.page.locator(STILL)).to_be_visible(timeout=60_000)
        picture = opened.page.locator(STILL).evaluate(
            "image => image.decode().then(() => image.naturalWidth)"
        )
        assert picture >= 700
        expect(opened.page.get_by_text("model not found")).to_have_count(0)
        expect(opened.page.get_by_role("row").filter(has_text="stand")).to_have_count(0)
        opened.page.get_by_text("6 tasks, 4 done, 2 cancelled").dispatch_event("click")
        expect(opened.page.get_by_role("row").filter(has_text="stand")).to_have_count(3)


def without_kernel(saved: Any, *, trusted: bool) -> Any:
    """The notebook on a machine that does not have its kernel."""
    copy = deepcopy(saved)
    # trust belongs to the text
    copy.metadata.kernelspec.name = f"not here, {'trusted' if trusted else 'not trusted'}"
    if trusted:
        NotebookNotary().sign(nbformat.reads(nbformat.writes(copy), as_version=4))  # as it stands in the file
    return copy


def colour_of(page: Page, task: int) -> Any:
    return page.evaluate(
        "task => getComputedStyle(document.querySelector(`[data-task='${task}'] circle`)).fill", str(task)
    )
