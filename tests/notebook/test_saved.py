"""What is left of the graph in a saved notebook, on pages that take away what they do not trust."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Callable

import bleach
import nbformat
import pytest
from nbconvert import HTMLExporter
from nbconvert.filters import clean_html
from nbconvert.preprocessors.sanitize import SanitizeHTML
from nbformat.v4 import new_code_cell, new_notebook, new_output

from nbflow.core.states import State
from nbflow.notebook.saved import MOST_ERRORS, bundle, html
from nbflow.notebook.still import Still, still
from tests.faults.hostile import Markup, assert_inert
from tests.notebook.graphs import EPOCH, done, row

# Of the elements that GitHub lets users write; attributes that are left are few, addresses must be of the web.
OF_GITHUB = {
    "h1", "h2", "h3", "h4", "h5", "h6", "br", "b", "i", "strong", "em", "a", "pre", "code", "img", "tt", "div", "ins",
    "del", "sup", "sub", "p", "ol", "ul", "table", "thead", "tbody", "tfoot", "blockquote", "dl", "dt", "dd", "kbd",
    "q", "samp", "var", "hr", "li", "tr", "td", "th", "s", "summary", "details", "caption", "figure", "figcaption",
}  # fmt: skip
ON_GITHUB = {"a": ["href"], "img": ["src", "alt"], "*": ["align", "title", "width", "height"]}


@pytest.fixture
def picture() -> Still:
    """A flow of a hundred seconds in which one task failed and another was skipped for it."""
    wrong = done(3, "fit", [1], state=State.FAILED, ended=EPOCH + 100, note="ValueError: no such kernel")
    skipped = row(
        4, "best", [2, 3], state=State.SKIPPED, note="task 3 fit failed", submitted=EPOCH, ended=EPOCH + 100
    )
    return still(
        "digits",
        [done(1, "load"), done(2, "fit", [1], detail="C=0.1", note="0.97"), wrong, skipped],
        EPOCH + 100,
    )


def by_github(page: str) -> str:
    return bleach.clean(page, tags=OF_GITHUB, attributes=ON_GITHUB, protocols={"http", "https"}, strip=True)


def by_the_sanitiser_of_nbconvert(page: str) -> str:
    notebook = new_notebook(
        cells=[new_code_cell("graph", outputs=[new_output("display_data", data={"text/html": page})])]
    )
    clean, _ = SanitizeHTML(strip=True).preprocess(notebook, {})
    (output,) = clean.cells[0].outputs
    return str(output.data["text/html"])


def as_it_is(page: str) -> str:
    return page


def by_nothing_but_text(page: str) -> str:
    return bleach.clean(page, tags=set(), strip=True)


def text_of(page: str) -> str:
    return " ".join(entities.unescape(re.sub("<[^>]*>", " ", page)).split())


@pytest.mark.parametrize(
    "clean", [as_it_is, by_github, clean_html, by_the_sanitiser_of_nbconvert, by_nothing_but_text]
)
def test_counts_states_errors_and_times_are_there_as_text(
    picture: Still, clean: Callable[[str], str]
) -> None:
    text = text_of(text_of(clean(html(picture))))  # twice: tags that are refused may be shown as text
    assert "4 tasks, 2 done, 1 failed, 1 skipped · 1 min 40 s" in text
    assert "✕ task 3 fit failed: ValueError: no such kernel" in text
    assert "task state app arguments time result or error" in text
    assert "2 ✓ done fit C=0.1 1.0 s 0.97" in text
    assert "4 ⤳ skipped best task 3 fit failed" in text


@pytest.mark.parametrize("clean", [by_github, by_the_sanitiser_of_nbconvert, by_nothing_but_text])
def test_nothing_is_left_that_reads_like_rubbish(picture: Still, clean: Callable[[str], str]) -> None:
    text = text_of(clean(html(picture)))
    assert "base64" not in text
    assert not re.search(r"[{}<>]|var\(", text)


def test_where_the_picture_is_taken_away_its_description_stays(picture: Still) -> None:
    page = by_github(html(picture))
    assert 'alt="digits: 4 tasks' in page
    assert "src=" not in page
    assert page.count("<tr>") == 1 + 4
    assert "<summary>" in page


def test_there_is_nothing_that_a_sanitiser_has_to_take_away_but_the_pictures_address(picture: Still) -> None:
    page = html(picture)
    whole = bleach.clean(page, tags=OF_GITHUB, attributes=ON_GITHUB, protocols={"data"})
    assert text_of(whole) == text_of(page)
    assert re.findall("<[a-z]+", whole) == re.findall("<[a-z]+", page)
    assert_inert(Markup(page))


def test_of_many_failures_the_first_are_told_and_the_others_counted() -> None:
    rows = [done(i, state=State.FAILED, note=f"ValueError: {i}") for i in range(1, MOST_ERRORS + 4)]
    page = html(still("flow", rows, EPOCH + 5))
    listed = text_of(page[page.index("<ul>") : page.index("</ul>")])
    assert listed.count("ValueError") == MOST_ERRORS
    assert listed.endswith("and 3 more that failed: see the table")


def test_a_flow_without_failures_tells_of_none() -> None:
    assert "<ul>" not in html(still("flow", [done(1)], EPOCH + 5))


def test_the_plain_text_is_the_same_whenever_the_flow_ran_so_that_notebooks_can_be_compared() -> None:
    first, second = (bundle(still("flow", [done(1, ended=EPOCH + end)], EPOCH + 9)) for end in (2, 3))
    assert first["text/plain"] == second["text/plain"] == "nbflow graph: 1 task, 1 done"


@pytest.mark.parametrize("theme", ["lab", "classic", "basic"])
def test_nbconvert_writes_a_page_with_the_picture_and_without_scripts_of_ours(
    picture: Still, theme: str
) -> None:
    output = new_output("display_data", data=bundle(picture))
    notebook = new_notebook(cells=[new_code_cell("%nbflow graph", outputs=[output])])
    page, _ = HTMLExporter(template_name=theme).from_notebook_node(nbformat.from_dict(notebook))
    assert '<img alt="digits: 4 tasks' in page
    assert "data:image/svg+xml;base64," in page
    assert "ValueError: no such kernel" in page
    assert "jupyter-widgets" not in page
