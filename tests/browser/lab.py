"""A notebook open in JupyterLab or Notebook 7, as a test sees it: cells by their text, the graph by its tasks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page

from tools.notebooks import METADATA

# The notebook in front, in terms of JupyterLab's own objects.
PANEL = "window.jupyterapp.shell.currentWidget"
STATUS = f"({PANEL}?.context?.sessionContext?.session?.kernel?.status)"
FRONT_ENDS = {"lab": "lab/tree/{name}?token={token}&reset", "notebook": "notebooks/{name}?token={token}"}


def write_notebook(path: Path, cells: Iterable[str]) -> Path:
    """Write a notebook of these code cells; returns `path`."""
    made = new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata=METADATA)
    path.write_text(nbformat.writes(made))
    return path


class Lab:
    """One browser page with one notebook."""

    def __init__(self, page: Page, url: str, token: str, name: str, front_end: str = "lab") -> None:
        self.page = page
        self.name = name
        self._address = url + FRONT_ENDS[front_end].format(name=name, token=token)

    def open(self) -> None:
        """Load the page, and wait until the notebook's kernel can be used."""
        self.page.goto(self._address)
        self.wait_for_kernel()

    def open_without_kernel(self) -> None:
        """Load the page of a notebook whose kernel is not installed, whatever the front end asks or starts for it."""
        self.page.goto(self._address)

    def reload(self) -> None:
        """Save the notebook, then load the page again with the kernel as it is."""
        self.save()
        self.page.reload()
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Wait until a notebook is there and its kernel is at rest."""
        self.page.wait_for_function(f"() => window.jupyterapp && {STATUS} === 'idle'", timeout=60_000)

    def set_theme(self, theme: str) -> None:
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
        )

    def hide_side_bar(self) -> None:
        self.page.evaluate("() => window.jupyterapp.shell.collapseLeft?.()")

    def run_all(self) -> None:
        """Start all cells; does not wait."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")

    def save(self) -> None:
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    def restart_kernel(self) -> None:
        """Start the kernel anew, and wait until it can be used."""
        self.page.evaluate(f"() => {PANEL}.context.sessionContext.restartKernel()")
        self.wait_for_kernel()

    def shut_kernel_down(self) -> None:
        self.page.evaluate(f"() => {PANEL}.context.sessionContext.shutdown()")

    def cell_index(self, text: str) -> int:
        """The number, among all cells, of the first code cell whose source holds `text`."""
        index: int = self.page.evaluate(
            f"text => {PANEL}.content.widgets.findIndex("
            "w => w.model.type === 'code' && w.model.sharedModel.getSource().includes(text))",
            text,
        )
        assert index >= 0, f"no cell with {text!r}"
        return index

    def has_executed(self, index: int) -> bool:
        """Whether a cell has been executed."""
        return bool(
            self.page.evaluate(f"i => {PANEL}.content.widgets[i].model.executionCount !== null", index)
        )

    def wait_until(self, condition: str, argument: object = None, timeout: float = 60) -> None:
        """Wait for a JavaScript condition on `argument`; `executed(i)` and `tasks(state)` may be used in it.

        `executed(i)`: cell i has been executed. `tasks(state)`: the ids of the graph's nodes in that state.
        """
        self.page.wait_for_function(
            f"""argument => {{
                const executed = i => {PANEL}.content.widgets[i].model.executionCount !== null;
                const tasks = state => [...document.querySelectorAll(`[data-task][data-state="${{state}}"]`)]
                    .map(node => node.dataset.task);
                return {condition};
            }}""",
            arg=argument,
            timeout=timeout * 1000,
        )

    def states(self) -> dict[str, str]:
        """The state of each task that the graph shows."""
        found: dict[str, str] = self.page.evaluate(
            "() => Object.fromEntries([...document.querySelectorAll('[data-task]')]"
            ".map(node => [node.dataset.task, node.dataset.state]))"
        )
        return found

    def saved(self) -> str:
        """The text of the notebook's file, as the server holds it."""
        text: str = self.page.evaluate(
            f"() => {PANEL}.context.contentsModel && window.jupyterapp.serviceManager.contents"
            f".get({PANEL}.context.path, {{ content: true }}).then(file => JSON.stringify(file.content))"
        )
        return text
