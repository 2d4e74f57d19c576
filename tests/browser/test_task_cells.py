"""Cells that run as tasks, in JupyterLab: the next cell runs at once, and all that comes of one comes under it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import OUTPUT
from tests.browser.lab import PANEL, Lab, write_notebook


def cell(lab: Lab, text: str) -> Locator:
    """The first cell whose source holds `text`."""
    return lab.page.locator(".jp-Notebook .jp-Cell").nth(lab.cell_index(text))


def left_of(cell: Locator, text: str) -> float:
    """Where a text in the output of a cell begins, in pixels."""
    found: float = cell.locator(".jp-OutputArea").evaluate(
        """(area, text) => {
            const walker = document.createTreeWalker(area, NodeFilter.SHOW_TEXT);
            const range = document.createRange();
            while (!walker.nextNode().textContent.trim().replace(/^'/, "").startsWith(text));
            range.selectNodeContents(walker.currentNode);
            return range.getBoundingClientRect().left;
        }""",
        text,
    )
    return found


def run_again(lab: Lab, text: str) -> None:
    lab.page.evaluate(
        f"index => {{ {PANEL}.content.activeCellIndex = index;"
        " window.jupyterapp.commands.execute('notebook:run-cell') }",
        lab.cell_index(text),
    )


def test_a_cell_runs_as_a_task_and_what_comes_of_it_comes_under_it(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    lab = open_notebook(
        write_notebook(
            tmp_path / "cells.ipynb",
            [
                "%load_ext nbflow\npoints = 3",
                (
                    "%%app\nimport os, time\nimport matplotlib.pyplot as plt\n"
                    f"while not os.path.exists({str(gate)!r}):\n    time.sleep(0.02)\n"
                    "print('counted', points)\nplt.figure(figsize=(4, 1.5))\nplt.plot([1, 3, 2])\nplt.show()\n"
                    "total = points * 2\ntotal"
                ),
                "%%app\nmore = total + 1\n1 / (more - 7)",
                "'at once'",
            ],
        )
    )
    page = lab.page
    lab.hide_side_bar()
    lab.run_all()
    lab.wait_until("executed(argument)", lab.cell_index("'at once'"))
    first, second = cell(lab, "points * 2"), cell(lab, "more = total")
    expect(first.locator(".jp-OutputArea")).to_contain_text("reads points · binds")
    expect(first.locator(".jp-OutputArea")).to_contain_text("running")
    expect(second.locator(".jp-OutputArea")).to_contain_text("waiting")
    gate.touch()
    outputs = first.locator(".jp-OutputArea-output")
    expect(outputs.filter(has_text="counted 3")).to_have_count(1, timeout=60_000)
    expect(first.locator(".jp-OutputArea img")).to_have_count(1)
    # not by what it contains: the line under the cell may tell of 0.6 s
    expect(first.locator(".jp-OutputArea").get_by_text("6", exact=True)).to_have_count(1)
    # text stands where JupyterLab puts that of any other cell
    plain = left_of(cell(lab, "'at once'"), "at once")
    assert [left_of(first, text) - plain for text in ("reads points", "counted 3", "6")] == pytest.approx(
        [0, 0, 0], abs=0.5
    )
    expect(second.locator(".jp-OutputArea")).to_contain_text("ZeroDivisionError: division by zero")
    expect(second.locator(".jp-OutputArea")).to_contain_text("1 / (more - 7)")
    for theme in ("Light", "Dark"):
        lab.set_theme(f"JupyterLab {theme}")
        page.locator(".jp-Notebook").first.screenshot(path=OUTPUT / f"task-cells-{theme.lower()}.png")

    gate.unlink()
    run_again(lab, "points * 2")
    expect(first.locator(".jp-OutputArea")).to_contain_text("running")
    expect(outputs.filter(has_text="counted 3")).to_have_count(0)
    gate.touch()
    expect(outputs.filter(has_text="counted 3")).to_have_count(1, timeout=60_000)
    expect(first.locator(".jp-OutputArea img")).to_have_count(1)


def test_a_view_whose_kernel_was_killed_says_so_and_stands_still(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    number = tmp_path / "kernel"
    lab = open_notebook(
        write_notebook(
            tmp_path / "killed.ipynb",
            [
                f"%load_ext nbflow\nimport os\nopen({str(number)!r}, 'w').write(str(os.getpid()))",
                "%%app\ndef go_on():\n    import threading\n    threading.Event().wait()",
                "futures = [go_on() for _ in range(3)]",
                "%nbflow graph",
            ],
        )
    )
    page = lab.page
    lab.run_all()
    lab.wait_until("tasks('running').length > 0")
    line = page.locator(".nbl")
    expect(line).to_contain_text("running")
    os.kill(int(number.read_text()), signal.SIGKILL)
    said = "The kernel is gone, and the flow with it: 3 tasks had not ended."
    expect(page.locator(".nbf-notice")).to_contain_text(said, timeout=60_000)
    expect(line).to_contain_text(said)
    page.locator(".jp-Dialog").get_by_role("button", name="Ok").click()  # JupyterLab's own word about it

    # the new kernel knows nothing of these views: they ask it for nothing, and promise no answer
    lab.wait_for_kernel()
    expect(line.get_by_role("button", name="Graph")).to_have_count(0)
    page.evaluate(
        """() => {
            const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
            window.asked = [];
            kernel.anyMessage.connect((_, { msg, direction }) =>
                direction === "send" && msg.header.msg_type === "comm_msg" && window.asked.push(msg.content));
        }"""
    )
    page.locator('[data-task="1"]').click()
    expect(page.locator(".nbf-selected").first).to_be_visible()
    assert page.evaluate("() => window.asked") == []
    page.screenshot(path=OUTPUT / "killed.png")
