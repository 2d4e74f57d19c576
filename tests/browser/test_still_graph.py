"""What is left in a notebook when its flow has ended: a picture that needs no kernel."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OUTPUT
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

    assert not [mime for mime in mimes(lab) if "widget" in mime or "javascript" in mime]
    assert "<script" not in lab.saved().lower()


def test_what_a_kernel_leaves_live_that_is_started_anew_is_a_picture_in_the_file(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    cells = [
        "%load_ext nbflow\n%nbflow start 1",
        "%%app\ndef stand(path):\n    open(path).read()\n\ndef quick():\n    return 'there it is'",
        f"quick().result()\nall_three = [stand({str(gate)!r}) for _ in range(3)]",
        "%nbflow graph",
    ]
    lab = open_notebook(write_notebook(tmp_path / "restarted.ipynb", cells))
    page = lab.page
    lab.run_all()
    lab.wait_until("tasks('running').length === 1 && tasks('waiting').length === 2")
    expect(page.locator(".nbl")).to_contain_text("1 running", timeout=30_000)

    lab.restart_kernel()
    expect(page.locator(".nbf-notice")).to_contain_text("3 tasks had not ended")
    assert lab.states() == {"1": "done", "2": "running", "3": "waiting", "4": "waiting"}, (
        "there to be looked at"
    )
    lab.reload()
    standing = "4 tasks, 1 done, 1 running, 2 waiting"
    picture = page.locator(f'.jp-OutputArea img[alt$="{standing}"]')
    expect(picture).to_be_visible(timeout=60_000)
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    expect(page.get_by_text("The kernel is gone, and the flow with it")).to_have_count(2)
    expect(page.locator(".nbflow-line")).to_contain_text("1 running")
    expect(page.get_by_text("model not found")).to_have_count(0)
    page.locator(".jp-Notebook").screenshot(path=OUTPUT / "restarted.png")
    page.get_by_text(standing).dispatch_event("click")
    expect(page.get_by_role("row").filter(has_text="stand")).to_have_count(3)
    assert "widget" not in "".join(mimes(lab))


def mimes(lab: Lab) -> list[str]:
    """The types of all that is displayed in the notebook's file."""
    cells = json.loads(lab.saved())["cells"]
    return [mime for cell in cells for output in cell["outputs"] for mime in output.get("data", {})]
