"""What a failure looks like in JupyterLab: the cell's own error, the cards, and the whole traceback behind a click."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from tests.browser.conftest import OUTPUT
from tests.browser.lab import PANEL, Lab
from tools.notebooks import METADATA

APPS = """%%app
def load(path, scale):
    print('reading', path)
    if not scale:
        raise ValueError(f'no scale for {path}')
    return scale

def double(x):
    return 2 * x

def invert(x, offset):
    return 1 / (x + offset)
"""
CELLS = [
    "%load_ext nbflow",
    APPS,
    "broken = load('a.csv', scale=0)\nlater = double(broken)\nlast = double(later)\nbroken",
    "later",
    "later.result()",
    "broken.result()",
    "%nbflow traceback 1",
    "nbflow.grid(invert, {'x': range(-2, 60), 'offset': [0, 1]})",
    "%nbflow wait",
]


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    """A notebook in which a task fails, two are skipped, and three items of a sweep fail."""
    cells = [new_code_cell(cell, metadata={"tags": ["raises-exception"]}) for cell in CELLS]
    path = tmp_path / "failing.ipynb"
    path.write_text(nbformat.writes(new_notebook(cells=cells, metadata=METADATA)))
    return path


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_a_failure_is_told_once_and_wholly_behind_a_click(
    open_notebook: Callable[..., Lab], failing: Path, theme: str
) -> None:
    lab = open_notebook(failing, theme=f"JupyterLab {theme}")
    page = lab.page
    lab.hide_side_bar()
    lab.run_all()
    lab.wait_until("executed(argument)", len(CELLS) - 1)
    card = page.locator('.nbflow-card[data-card="failed"]').first
    marked = card.locator("pre").first.locator("span")
    expect(marked).to_have_text("----> 5         raise ValueError(f'no scale for {path}')")
    whole = card.get_by_text("Traceback (most recent call last):")
    expect(whole).to_be_hidden()
    card.get_by_text("full traceback").click()
    expect(whole).to_be_visible()

    skipped = page.locator('.nbflow-card[data-card="skipped"]')
    expect(skipped).to_contain_text(
        "was skipped because task 1 `load` failed: ValueError: no scale for a.csv"
    )
    expect(skipped).to_contain_text("(see Cell In[3], or `%nbflow traceback 1`)")

    sweep = page.locator('.nbflow-card:has-text("124 items")')
    expect(sweep).to_contain_text("122 done")
    expect(sweep).to_contain_text("item 4 (x=0 offset=0): ZeroDivisionError: division by zero")

    page.evaluate(f"() => {PANEL}.content.scrollToItem(2)")
    page.screenshot(path=OUTPUT / f"errors-{theme.lower()}-cards.png")
    page.evaluate(f"() => {PANEL}.content.scrollToItem({len(CELLS) - 1})")
    page.screenshot(path=OUTPUT / f"errors-{theme.lower()}-sweep.png")
