"""A task's value in the panel of a graph on an empty page: tables as tables, and of hostile ones the text alone."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from nbflow.notebook.panel import panel
from tests.browser.conftest import OUTPUT
from tests.browser.test_graph_alone import traits
from tests.notebook.graphs import EPOCH, done
from tools import page as pages

FRAME = """
<div><style scoped>.dataframe tbody tr th { vertical-align: top; }</style>
<table border="1" class="dataframe">
  <thead><tr style="text-align: right;"><th></th><th>C</th><th>accuracy</th></tr></thead>
  <tbody>
    <tr><th>0</th><td>0.1</td><td>0.9610</td></tr>
    <tr><th>1</th><td>1.0</td><td>0.9887</td></tr>
    <tr><th>2</th><td>10.0</td><td>0.9933</td></tr>
  </tbody>
</table><p>3 rows × 2 columns</p></div>
"""
HOSTILE = """
<link rel="stylesheet" href="https://elsewhere.invalid/a.css">
<meta http-equiv="refresh" content="0;url=https://elsewhere.invalid">
<table onclick="bad()" style="background: url(https://elsewhere.invalid/b)">
  <caption><b onmouseover="bad()">caption</b></caption>
  <tr><td colspan="1000000" id="nbf-root">
    <img src="https://elsewhere.invalid/c" onerror="bad()">cell <script>bad()</script></td></tr>
  <tr><td><table><tr><td>inner</td></tr></table></td><th scope="row" class="nbf">head</th></tr>
</table>
<iframe src="https://elsewhere.invalid/d"></iframe><p><a href="javascript:bad()">words</a></p>
"""


@pytest.fixture(params=[False, True], ids=["light", "dark"])
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The graph of one task, whose panel asks for the value; nothing may be fetched, and nothing go wrong."""
    page = chromium.new_context(viewport={"width": 1100, "height": 620}).new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith("data:") else None)
    row = msgspec.structs.replace(done(1, "scores"), note="3 rows")
    told = panel(row, [row], None, EPOCH)
    pages.show(page, traits([row], panel=msgspec.to_builtins(told)), dark=request.param)
    page.evaluate("() => { window.bad = () => { throw new Error('it ran'); }; }")
    page.get_by_role("button", name="Show it").click()
    assert page.evaluate(
        "() => window.model.said.filter(each => each.verb === 'result').map(each => each.task)"
    ) == [1]
    yield page
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / f"{request.node.name}.png")
    page.context.close()
    assert not wrong


def give(page: Page, kind: str, data: str, text: str = "") -> None:
    pages.tell(page, {"result": 1, "kind": kind, "data": data, "text": text})


def test_a_data_frame_is_a_table(page: Page) -> None:
    give(page, "text/html", FRAME, "as text")
    table = page.locator(".nbf-value table")
    expect(table.get_by_role("columnheader")).to_have_text(["", "C", "accuracy"])
    assert table.locator("tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    ) == [
        ["", "C", "accuracy"],
        ["0", "0.1", "0.9610"],
        ["1", "1.0", "0.9887"],
        ["2", "10.0", "0.9933"],
    ]
    expect(page.locator(".nbf-value p")).to_have_text("3 rows × 2 columns")
    expect(page.locator(".nbf-value")).not_to_contain_text("as text")


def test_of_a_hostile_table_nothing_comes_but_its_text(page: Page) -> None:
    give(page, "text/html", HOSTILE)
    value = page.locator(".nbf-value")
    expect(value.locator("caption")).to_have_text("caption")
    expect(value.locator("td").first).to_have_text("cell")
    expect(value.locator("th")).to_have_text("head")
    assert value.locator("table").count() == 1
    found = value.evaluate(
        "value => [...value.querySelectorAll('*')].map(each => [each.tagName, ...each.getAttributeNames()].join(' '))"
    )
    assert set(found) <= {"TABLE", "CAPTION", "TBODY", "TR", "TD", "TD colspan", "TH scope", "P class"}
    assert value.locator("td").first.get_attribute("colspan") == "100"


@pytest.mark.parametrize(
    "drawn",
    ["<table></table>", "<table><tr></tr>", "<p>no table</p>", "<script>bad()</script>"],
    ids=["empty", "no-cell", "no-table", "script"],
)
def test_where_there_is_no_table_the_text_is_shown(page: Page, drawn: str) -> None:
    give(page, "text/html", drawn, "as text")
    expect(page.locator(".nbf-value pre")).to_have_text("as text")


def test_a_table_that_is_far_too_long_is_cut_off_and_says_so(page: Page) -> None:
    give(page, "text/html", f"<table>{'<tr><td>1</td><td>2</td></tr>' * 4000}</table>")
    expect(page.locator(".nbf-value")).to_contain_text("More than 5,000 cells: cut off.")
    assert page.locator(".nbf-value td").count() == 5000
