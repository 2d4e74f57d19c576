"""A live graph full of hostile texts, in a real browser: nothing of them runs, and the layout holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OUTPUT
from tests.browser.lab import Lab, write_notebook
from tests.faults.hostile import HOSTILE, UNFIT, Markup, assert_inert

CHOSEN = [
    "script", "handler", "end of svg", "end of style", "templates", "NUL", "colours", "bidi marks", "lone surrogates",
    "ten thousand characters", "ten thousand wide characters", "forged lines", "marks upon marks", "up",
]  # fmt: skip
STILL = '.jp-OutputArea img[alt*="tasks"]'


@pytest.fixture
def full_of_it(tmp_path: Path) -> Path:
    """A notebook whose flow is full of hostile texts. One of its tasks ends when a file `enough` is there."""
    texts = [HOSTILE[name] for name in CHOSEN]
    cells = [
        "%load_ext nbflow",
        (
            f"TEXTS = {texts!r}\n"
            "def app_called(text):\n"
            "    def function(argument, needs=(), fail=False):\n"
            "        print(argument)\n"
            "        if fail:\n"
            "            raise ValueError(argument)\n"
            "        return argument\n"
            "    function.__name__ = text\n"
            "    return python_app(function)\n"
            "@python_app\n"
            f"def wait_for(needs, path={str(tmp_path / 'enough')!r}):\n"
            "    import os, time\n"
            "    while not os.path.exists(path):\n"
            "        time.sleep(0.02)\n"
        ),
        (
            "good = [app_called(text)(text) for text in TEXTS]\n"
            "bad = [app_called(text)(text, good[i], fail=True) for i, text in enumerate(TEXTS)]\n"
            "last = wait_for(good)\n"
            "last"
        ),
        "%nbflow graph",
        "[future.exception() is not None for future in bad]",
        "bad[0]",
        "%nbflow wait",
    ]
    path = tmp_path / "hostile.ipynb"
    return write_notebook(path, cells)


def test_nothing_of_hostile_texts_runs_in_the_page(
    open_notebook: Callable[..., Lab], full_of_it: Path, tmp_path: Path
) -> None:
    lab = open_notebook(full_of_it)
    page = lab.page
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: said.append(str(error)))
    lab.hide_side_bar()
    lab.run_all()
    lab.wait_until("tasks('failed').length >= argument", len(CHOSEN), timeout=120)

    panel = page.get_by_role("region", name="task")
    for number in range(1, 2 * len(CHOSEN) + 1):
        page.locator(f'[data-task="{number}"]').dispatch_event("click")
        expect(panel).to_contain_text(f"task {number}")
        for tab in panel.get_by_role("tab").all():
            tab.click()
        shown = page.locator(".nbf").first
        assert not UNFIT.search(shown.inner_text())
        assert shown.locator("script, img, iframe, [onerror], [onload], [onmouseover]").count() == 0
        assert page.evaluate(
            "() => document.querySelector('.nbf').scrollWidth <= document.querySelector('.nbf').clientWidth"
        )
    for theme, number in (("Light", len(CHOSEN) + 1), ("Dark", len(CHOSEN) + 8)):
        lab.set_theme(f"JupyterLab {theme}")
        page.locator(f'[data-task="{number}"]').dispatch_event("click")
        expect(panel).to_contain_text(f"task {number}")
        panel.get_by_role("tab").first.click()
        page.locator(".nbf").first.screenshot(path=OUTPUT / f"hostile-{theme.lower()}.png")

    panel.get_by_role("button", name="Close").click()
    page.evaluate("() => document.activeElement.blur()")  # nobody uses it any more
    page.mouse.move(0, 0)
    (tmp_path / "enough").touch()
    expect(page.locator(STILL)).to_be_visible(timeout=90_000)
    page.locator(STILL).screenshot(path=OUTPUT / "hostile-still.png")
    assert page.evaluate("() => window.__pwned") is None
    assert not said
    lab.save()
    saved = nbformat.from_dict(json.loads(lab.saved()))
    for cell in saved.cells:
        for output in cell.outputs:
            assert_inert(Markup(output.get("data", {}).get("text/html", "")))
