"""The tables that a value draws of itself in HTML, such as a data frame's: the texts of their cells, and nothing else.

Pure. The page makes tables of its own of them, in its own look: no markup that somebody else wrote comes there, nothing
of it runs, and nothing that it names is fetched.
"""

from __future__ import annotations

from html.parser import HTMLParser

import msgspec

from nbflow.notebook.text import plain

MOST_CELLS = 5000
"""What draws itself as a table in a notebook keeps it far shorter."""
_MOST_SPAN = 100
_MOST_BESIDE, _LONGEST_BESIDE = 3, 200
_UNSEEN = frozenset({"script", "style", "template"})
_CELLS = frozenset({"td", "th"})
_BESIDE = frozenset({"p", "small"})
_APART = _CELLS | {"tr", "br", "p", "div", "li"}  # text before and behind one of these is no word


class Cell(msgspec.Struct, array_like=True):
    """One cell. `head`: it heads its column or row; it is so many columns wide and rows high."""

    text: str
    head: bool = False
    columns: int = 1
    rows: int = 1


class Table(msgspec.Struct):
    """Rows of cells."""

    caption: str = ""
    rows: list[list[Cell]] = []


class Tables(msgspec.Struct):
    """All of a value. `beside`: lines beside them, such as "5 rows x 3 columns"; `cut`: there were more cells."""

    tables: list[Table]
    beside: list[str]
    cut: bool


def tables_of(html: str) -> Tables | None:
    """The tables in `html`; None if there is none that says anything. What is inside of a cell is its text."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    made = [table for table in reader.tables if any(cell.text for row in table.rows for cell in row)]
    return Tables(made, reader.beside[:_MOST_BESIDE], reader.left < 0) if made else None


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[Table] = []
        self.beside: list[str] = []
        self.left = MOST_CELLS
        self._depth = 0  # of tables
        self._unseen = 0
        self._texts: list[str] | None = None  # of what is being read
        self._reads = ""  # the tag of that

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if self._texts is not None and tag in _APART:
            self._texts.append(" ")
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "table":
            self._depth += 1
            if self._depth == 1:
                self._end()
                self.tables.append(Table())
        elif self._depth > 1:
            return
        elif self._depth == 1 and tag == "tr":
            self._end()
            self.tables[-1].rows.append([])
        elif (self._depth == 1 and (tag in _CELLS or tag == "caption")) or (
            self._depth == 0 and tag in _BESIDE
        ):
            self._begin(tag, dict(attributes))

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "table":
            if self._depth == 1:
                self._end()
            self._depth = max(0, self._depth - 1)
        elif tag == self._reads and self._depth <= 1:
            self._end()

    def handle_data(self, data: str) -> None:
        if self._texts is not None and not self._unseen:
            self._texts.append(data)

    def close(self) -> None:
        super().close()
        self._end()

    def _begin(self, tag: str, attributes: dict[str, str | None]) -> None:
        self._end()
        self._texts, self._reads = [], tag
        if tag in _CELLS:
            self.left -= 1
            if self.left < 0:
                return
            rows = self.tables[-1].rows
            if not rows:
                rows.append([])
            spans = (_span(attributes.get(name)) for name in ("colspan", "rowspan"))
            rows[-1].append(Cell("", tag == "th", *spans))

    def _end(self) -> None:
        """What was being read is whole."""
        texts, tag = self._texts, self._reads
        self._texts, self._reads = None, ""
        if texts is None:
            return
        text = " ".join(plain("".join(texts)).split())
        if tag in _BESIDE and text:
            self.beside.append(text[:_LONGEST_BESIDE])
        elif tag == "caption":
            self.tables[-1].caption = text
        elif tag in _CELLS and self.left >= 0:
            self.tables[-1].rows[-1][-1].text = text


def _span(given: str | None) -> int:
    return (
        min(_MOST_SPAN, max(1, int(given)))
        if given is not None and given.isascii() and given.isdigit()
        else 1
    )
