"""A task's value in its panel: pictures, tables, or text, whatever its representations do."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

import nbflow
from nbflow import DataFlowKernel, UsageError, python_app
from nbflow.notebook.results import MOST_HTML, MOST_PICTURE, MOST_TEXT, shown
from tests.notebook.shells import shell_in_process

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    with shell_in_process() as shell:
        yield shell


class Picture:
    def __init__(self, **made: object) -> None:
        self.made = made

    def _repr_png_(self) -> object:
        return self.made.get("png")

    def _repr_svg_(self) -> object:
        return self.made.get("svg")

    def _repr_html_(self) -> str:
        return "<img src=x onerror=alert(1)>"

    def __repr__(self) -> str:
        return "a picture"


def test_a_picture_goes_as_its_bytes(shell: InteractiveShell) -> None:
    kind, data = shown(Picture(png=PIXEL, svg="<svg/>"))
    assert (kind, base64.b64decode(data, validate=True)) == ("image/png", PIXEL)
    kind, data = shown(Picture(svg="<svg onload='alert(1)'/>"))
    assert (kind, base64.b64decode(data, validate=True)) == ("image/svg+xml", b"<svg onload='alert(1)'/>")


def test_html_without_a_table_is_not_shown_nor_what_is_no_picture_or_too_large(
    shell: InteractiveShell,
) -> None:
    assert shown(Picture()) == ("text/plain", "a picture")
    kind, text = shown(Picture(png=bytes(MOST_PICTURE)))
    assert kind == "text/plain"
    assert "too large to be shown here" in text


def test_a_data_frame_goes_as_the_cells_of_its_table(shell: InteractiveShell) -> None:
    frame = pytest.importorskip("pandas").DataFrame({"C": [0.1, 1.0]})
    kind, data = shown(frame)
    assert kind == "text/html"
    (table,) = data["tables"]
    assert [[cell[0] for cell in row] for row in table["rows"]] == [["", "C"], ["0", "0.1"], ["1", "1.0"]]


def test_a_table_too_large_to_travel_is_text(shell: InteractiveShell) -> None:
    class Table:
        def _repr_html_(self) -> str:
            return "<table>" + " " * MOST_HTML

        def __repr__(self) -> str:
            return "a table"

    assert shown(Table()) == ("text/plain", "a table")


def test_text_is_legible_and_bounded(shell: InteractiveShell) -> None:
    class Long:
        def __repr__(self) -> str:
            return "\x1b[31mred\x1b[0m " + "x" * 100_000

    kind, text = shown(Long())
    assert kind == "text/plain"
    assert text.startswith("red xxx")
    assert len(text) < MOST_TEXT + 100
    assert "characters left out" in text


def test_a_value_can_be_had_by_the_number_of_its_task_while_somebody_holds_it(flow: DataFlowKernel) -> None:
    @python_app
    def make(size: int) -> bytes:
        return bytes(size)

    small, big = make(10), make(300_000)
    assert (small.result(20), big.result(20)) == (bytes(10), bytes(300_000))
    assert flow.value_of(small.tid) == bytes(10)
    assert flow.value_of(big.tid) == bytes(300_000)
    number = big.tid
    del big
    make(1).result(20)  # with which the release is told
    with pytest.raises(
        UsageError, match=f"nobody holds the future of task {number} any more, and its value is gone"
    ):
        flow.value_of(number)
    failed = make(-1)
    assert failed.exception(20) is not None
    with pytest.raises(UsageError):
        flow.value_of(failed.tid)
    with pytest.raises(nbflow.UsageError, match="there is no task 4711"):
        flow.value_of(4711)


def test_a_figure_is_a_picture_though_the_notebook_never_imported_pyplot(shell: InteractiveShell) -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure(figsize=(1, 1))
    figure.subplots()
    kind, data = shown(figure)
    assert (kind, base64.b64decode(data)[:4]) == ("image/png", b"\x89PNG")
