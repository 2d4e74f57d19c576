"""Tables out of HTML: the text of their cells, whatever else stands there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbflow.notebook.richtables import MOST_CELLS, Cell, Table, tables_of

FRAME = """
<div><style scoped>.dataframe tbody tr th { vertical-align: top; }</style>
<table border="1" class="dataframe">
  <thead><tr style="text-align: right;"><th></th><th>C</th><th>accuracy</th></tr></thead>
  <tbody>
    <tr><th>0</th><td>0.1</td><td>0.9610</td></tr>
    <tr><th>1</th><td>1.0</td><td>0.9887</td></tr>
  </tbody>
</table><p>2 rows × 2 columns</p></div>
"""
HOSTILE = """
<link rel="stylesheet" href="https://elsewhere.invalid/a.css"><p>before</p>
<table onclick="bad()" style="background: url(https://elsewhere.invalid/b)">
  <caption><b onmouseover="bad()">caption</b></caption>
  <tr><td colspan="1000000" rowspan="-1" id="nbf-root">
    <img src="https://elsewhere.invalid/c" onerror="bad()">cell <script>bad()</script>&lt;b&gt;\x1b[31m</td></tr>
  <tr><td><table><tr><td>in</td><td>side</td></tr></table></td><th>head
</table>
<iframe src="https://elsewhere.invalid/d"></iframe>
"""


def texts(html: str) -> list[list[str]]:
    found = tables_of(html)
    assert found is not None
    return [[cell.text for cell in row] for table in found.tables for row in table.rows]


def test_a_data_frame_is_read() -> None:
    found = tables_of(FRAME)
    assert found is not None
    assert texts(FRAME) == [["", "C", "accuracy"], ["0", "0.1", "0.9610"], ["1", "1.0", "0.9887"]]
    assert [cell.head for cell in found.tables[0].rows[1]] == [True, False, False]
    assert found.beside == ["2 rows × 2 columns"]
    assert not found.cut


def test_of_what_is_hostile_nothing_is_left_but_text() -> None:
    found = tables_of(HOSTILE)
    assert found is not None
    assert found.tables == [
        Table("caption", [[Cell("cell <b>", columns=100)], [Cell("in side"), Cell("head", head=True)]])
    ]
    assert found.beside == ["before"]


def test_where_there_is_no_table_that_says_anything_there_is_none() -> None:
    for html in (
        "",
        "<p>text</p>",
        "<table></table>",
        "<table><tr><td> </td></tr></table>",
        "<script>x</script>",
    ):
        assert tables_of(html) is None


def test_a_table_that_is_far_too_long_is_cut() -> None:
    found = tables_of(f"<table>{'<tr><td>1</td><td>2</td></tr>' * MOST_CELLS}</table>")
    assert found is not None
    assert found.cut
    assert sum(len(row) for row in found.tables[0].rows) == MOST_CELLS


TAGS = st.sampled_from(["table", "tr", "td", "th", "caption", "p", "small", "script", "style", "b", "br"])


@given(
    st.lists(
        st.one_of(TAGS.map("<{}>".format), TAGS.map("</{}>".format), st.text("ab<>&;\"'/! \n", max_size=4)),
        max_size=40,
    )
)
def test_whatever_is_written_is_read_to_its_end(pieces: list[str]) -> None:
    found = tables_of("".join(pieces))
    assert found is None or all(isinstance(cell.text, str) for row in found.tables[0].rows for cell in row)


@given(
    st.lists(
        st.lists(st.text("ab <>&\"'", min_size=1, max_size=6), min_size=1, max_size=4), min_size=1, max_size=4
    )
)
def test_a_table_is_read_as_it_was_written(rows: list[list[str]]) -> None:
    from html import escape

    written = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    expected = [[" ".join(text.split()) for text in row] for row in rows]
    if any(text for row in expected for text in row):
        assert texts(f"<table>{written}</table>") == expected
