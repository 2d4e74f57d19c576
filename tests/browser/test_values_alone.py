"""A task's value in the panel of a graph on an empty page: tables as tables, and of hostile ones the text alone."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from playwright.sync_api import Locator, Page, expect

from nbflow.notebook.panel import panel
from nbflow.notebook.richtables import tables_of
from tests.browser.test_graph_alone import traits
from tests.notebook.graphs import EPOCH, done
from tools import page as pages

FRAME = """
<table><thead><tr><th></th><th>C</th><th>accuracy</th></tr></thead>
<tbody><tr><th>0</th><td>0.1</td><td>0.9610</td></tr><tr><th>1</th><td>10.0</td><td>0.9933</td></tr></tbody></table>
<p>2 rows × 2 columns</p>
"""
HOSTILE = """
<table><caption>&lt;b onmouseover=bad()&gt;</caption>
<tr><td colspan="2">&lt;img src=x onerror=bad()&gt;</td></tr></table>
"""


@pytest.fixture(params=[False, True], ids=["light", "dark"])
def page(blank_page: Callable[..., Page], request: pytest.FixtureRequest) -> Page:
    """The graph of one task, whose panel asks for the value."""
    page = blank_page(height=620)
    row = msgspec.structs.replace(done(1, "scores"), note="3 rows")
    told = panel(row, [row], None, EPOCH)
    pages.show(page, traits([row], panel=msgspec.to_builtins(told)), dark=request.param)
    page.evaluate("() => { window.bad = () => { throw new Error('it ran'); }; }")
    page.get_by_role("button", name="Show it").click()
    assert page.evaluate(
        "() => window.model.said.filter(each => each.verb === 'result').map(each => each.task)"
    ) == [1]
    return page


def give(page: Page, drawn: str) -> Locator:
    """Hand it what is made of this HTML; the place of the value."""
    tables = tables_of(drawn)
    assert tables is not None
    pages.tell(page, {"result": 1, "kind": "text/html", "data": msgspec.to_builtins(tables)})
    return page.locator(".nbf-value")


def test_a_data_frame_is_a_table(page: Page) -> None:
    value = give(page, FRAME)
    assert value.locator("tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    ) == [
        ["", "C", "accuracy"],
        ["0", "0.1", "0.9610"],
        ["1", "10.0", "0.9933"],
    ]
    expect(value.locator("th")).to_have_count(5)
    expect(value.locator("p")).to_have_text("2 rows × 2 columns")


def test_what_looks_like_markup_in_a_cell_is_its_text(page: Page) -> None:
    value = give(page, HOSTILE)
    expect(value.locator("td")).to_have_text("<img src=x onerror=bad()>")
    expect(value.locator("caption")).to_have_text("<b onmouseover=bad()>")
    assert value.locator("td").get_attribute("colspan") == "2"
    assert value.locator("img").count() == 0


def test_a_table_that_is_far_too_long_says_that_it_is_cut_off(page: Page) -> None:
    value = give(page, f"<table>{'<tr><td>1</td><td>2</td></tr>' * 4000}</table>")
    expect(value).to_contain_text("There are more cells: cut off.")
    assert value.locator("td").count() == 5000
