"""A kernel that hears no click beside a cell: the page says so, and the click counts when the cell has ended."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from tests.browser.conftest import Server
from tests.browser.lab import Lab
from tools.notebooks import METADATA

PYTHON = os.environ.get("NBFLOW_OLD_KERNEL", "")
HINT = "Buttons act when the cell ends; use Interrupt."

pytestmark = pytest.mark.skipif(
    not PYTHON, reason="`make test-matrix` runs it, on a kernel of an environment of its own"
)


@pytest.fixture
def old_kernel(server: Server) -> str:
    """The name of a kernel with an ipykernel that has no subshells."""
    folder = server.kernels / "old"
    folder.mkdir(parents=True)
    spec = {
        "argv": [PYTHON, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Old",
        "language": "python",
    }
    (folder / "kernel.json").write_text(json.dumps(spec))
    return "old"


def test_a_click_beside_a_cell_gets_a_hint_and_counts_when_the_cell_has_ended(
    open_notebook: Callable[..., Lab], old_kernel: str, tmp_path: Path
) -> None:
    cells = [
        "import ipykernel; assert ipykernel.version_info < (7,), ipykernel.__version__",
        "%load_ext nbflow",
        "%%app\ndef stand():\n    import threading\n    threading.Event().wait()\n",
        "future = stand()",
        "%nbflow graph",
        f"while not __import__('os').path.exists({str(tmp_path / 'enough')!r}):\n    sum(range(1000))\n'computed'",
    ]
    kernelspec = {**METADATA["kernelspec"], "name": old_kernel}
    notebook = new_notebook(
        cells=[new_code_cell(cell) for cell in cells], metadata={**METADATA, "kernelspec": kernelspec}
    )
    path = tmp_path / "old.ipynb"
    path.write_text(nbformat.writes(notebook))
    lab = open_notebook(path)
    busy = lab.cell_index("computed")
    lab.run_all()
    lab.wait_until("tasks('running').length === 1 && !executed(argument)", busy)

    hint = lab.page.get_by_text(HINT).locator("visible=true")
    expect(hint).to_have_count(0)
    lab.page.locator('[data-task="1"]').click()
    expect(hint).to_have_count(1)
    assert not lab.has_executed(busy)
    (tmp_path / "enough").touch()
    expect(lab.page.get_by_role("region", name="task")).to_contain_text("Cell In[3]")
    expect(hint).to_have_count(0)
