"""The still picture: what is saved, and that nothing of the user's becomes markup."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.states import State
from nbflow.legible import shorten
from nbflow.notebook.dot import to_dot
from nbflow.notebook.fold import BLOCKS
from nbflow.notebook.saved import MOST_ROWS, html
from nbflow.notebook.still import still, svg
from nbflow.notebook.text import escape, fit, plain, width
from nbflow.notebook.view import build
from nbflow.wire.rows import Progress, TaskRow
from tests.notebook.graphs import EPOCH, done, flows, row, sweep

SVG = "{http://www.w3.org/2000/svg}"
NASTY = """<script>alert('x')</script>&amp;"--></style>\x00\ud800"""


def picture_in(page: str) -> str:
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert found
    return base64.b64decode(found[1]).decode()


@given(flows())
def test_any_flow_gives_a_well_formed_and_inert_picture(rows: list[TaskRow]) -> None:
    root = ElementTree.fromstring(svg(still("flow <1>", rows, EPOCH + 60)))
    names = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert names <= {"svg", "style", "clipPath", "g", "rect", "path", "circle", "text", "tspan"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on") or name.endswith("href")]


@given(flows())
def test_whatever_is_drawn_in_the_colour_of_a_state_has_one(rows: list[TaskRow]) -> None:
    picture = svg(still("demo", rows, EPOCH + 10))
    used = {name for names in re.findall(r'class="([^"]*)"', picture) for name in names.split()}
    assert used <= set(re.findall(r"\.([a-z]\w*)", picture))
    assert set(re.findall(r"var\((--\w+)\)", picture)) <= set(re.findall(r"(--\w+):", picture))


def test_the_picture_and_the_table_hold_what_the_user_wrote_as_text() -> None:
    page = html(still(NASTY, [done(1, NASTY, detail=NASTY, note=NASTY)], EPOCH + 5))
    assert "<script" not in page
    assert "<script" not in picture_in(page)
    ElementTree.fromstring(picture_in(page))


def test_the_picture_tells_name_counts_and_every_task() -> None:
    page = html(still("digits", [*sweep(4), done(9, "extra", note="0.97")], EPOCH + 5))
    assert 'alt="digits: 7 tasks, 1 done, 6 waiting"' in page
    assert page.count("<tr>") == 1 + 7
    assert "<td>✓ done</td> <td>extra</td> <td></td> <td>1.0 s</td> <td>0.97</td>" in page
    texts = "".join(ElementTree.fromstring(picture_in(page)).itertext())
    assert "digits" in texts
    assert "extra" in texts


def test_of_very_many_tasks_the_table_shows_the_failed_ones_first_and_says_how_many_are_left_out() -> None:
    rows = [done(i) for i in range(1, 1000)] + [row(1000, "bad", state=State.FAILED)]
    page = html(still("flow", rows, EPOCH + 5))
    assert page.index("<td>bad</td>") < page.index("<td>app</td>")
    assert f"and {1000 - MOST_ROWS} more tasks" in page
    assert len(page) < 400_000


def test_an_empty_flow_has_a_picture_too() -> None:
    ElementTree.fromstring(svg(still("empty", [], EPOCH)))
    assert "0 tasks" in html(still("empty", [], EPOCH))


@given(st.text())
def test_what_is_escaped_is_read_back_as_text(text: str) -> None:
    element = ElementTree.fromstring(f'<a b="{escape(text)}">{escape(text)}</a>')
    assert not list(element)
    assert "<" not in escape(text)


@given(st.text(max_size=200), st.integers(1, 50))
def test_shortened_text_is_one_line_and_short(text: str, limit: int) -> None:
    assert len(shorten(text, limit)) <= limit
    assert "\n" not in shorten(text, limit)


@given(st.text(max_size=100), st.integers(20, 300))
def test_fitted_text_fits(text: str, pixels: int) -> None:
    assert width(fit(text, pixels, 12.0), 12.0) <= pixels


def test_marks_piled_upon_a_letter_do_not_reach_into_other_nodes() -> None:
    assert fit("e\u0301" + "z" + "\u0301" * 50 + "y", 500, 12.0) == "e\u0301" + "z" + "\u0301" * 3 + "y"


@pytest.mark.parametrize(
    ("text", "seen"),
    [("\x1b[1;31mred\x1b[0m", "red"), ("1%\r2%\r3%\ndone", "3%\ndone"), ("a\r\nb", "a\nb"), ("50%\r", "50%")],
)
def test_output_reads_as_on_a_terminal_that_knows_no_colours(text: str, seen: str) -> None:
    assert plain(text) == seen


def test_dot_has_a_node_for_each_task_and_dashes_to_what_it_called() -> None:
    rows = [done(1, 'load "x"\\n'), row(2, "join", [1], detail="C=1"), row(7, "inner", parent=2)]
    source = to_dot(rows).source
    assert "1 -> 2" in source
    assert re.search(r"2 -> 7 \[style=dashed\]", source)
    assert source.count("label=") == 3
    assert r"load \"x\"\\n" in source


def test_very_many_tasks_are_drawn_as_the_page_draws_them() -> None:
    rows = [*sweep(2500), row(9000, "lost", state=State.FAILED)]
    rows[5:1000] = [done(task.id, "score", [1]) for task in rows[5:1000]]
    apps = svg(still("flow", rows, EPOCH + 60))
    assert "score · 2,500 tasks" in apps
    assert apps.count(">995<") == 1, "of those that are done, once"
    blocks = still("flow", rows, EPOCH + 60)
    drawn = svg(replace(blocks, scene=build("flow", rows, BLOCKS)))
    field = re.findall(r'<path class="f[0-9]" d="([^"]+)"/>', drawn)
    assert 0 < sum(path.count("M") for path in field) < 100, "neighbours that stand alike are one stroke"


def test_a_running_task_shows_how_far_it_is() -> None:
    said = Progress(0.25, "epoch 3 of 12")
    drawn = svg(still("flow", [row(1, state=State.RUNNING, attempt=1, progress=said)], EPOCH + 60))
    assert ">epoch" in drawn
    assert f'width="{(build("flow", [row(1)]).nodes[0].w - 20) / 4:.1f}"' in drawn
