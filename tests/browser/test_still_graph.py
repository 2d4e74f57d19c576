"""What is left in a notebook when its flow has ended: a picture that needs no kernel."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.lab import Lab, write_notebook

STILL = '.jp-OutputArea img[alt*="2 tasks"]'


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A notebook with a flow of two tasks."""
    cells = [
        "%load_ext nbflow",
        "%%app\ndef double(x):\n    return 2 * x",
        "double(double(10))",
        "%nbflow graph",
        "%nbflow wait",
    ]
    path = tmp_path / "small.ipynb"
    return write_notebook(path, cells)


def test_a_finished_graph_is_saved_as_a_picture_and_seen_without_a_kernel(
    open_notebook: Callable[..., Lab], small: Path
) -> None:
    lab = open_notebook(small)
    page = lab.page
    lab.run_all()
    expect(page.locator(STILL)).to_be_visible(timeout=90_000)  # once the flow has been at rest for a while
    expect(page.locator(".nbf, .nbl")).to_have_count(0, timeout=90_000)
    lab.save()
    lab.shut_kernel_down()

    page.reload()
    page.wait_for_function("() => window.jupyterapp")
    expect(page.locator(STILL)).to_be_visible()
    expect(page.get_by_text("model not found")).to_have_count(0)
    assert not lab.states()  # no live view


def test_what_is_saved_holds_no_script_and_no_live_view(
    open_notebook: Callable[..., Lab], small: Path
) -> None:
    lab = open_notebook(small)
    lab.run_all()
    expect(lab.page.locator(STILL)).to_be_visible(timeout=90_000)
    expect(lab.page.locator(".nbf, .nbl")).to_have_count(0, timeout=90_000)
    lab.save()

    saved = json.loads(lab.saved())
    outputs = [output for cell in saved["cells"] for output in cell["outputs"] if "data" in output]
    assert not [
        mime for output in outputs for mime in output["data"] if "widget" in mime or "javascript" in mime
    ]
    assert "<script" not in json.dumps(outputs).lower()
