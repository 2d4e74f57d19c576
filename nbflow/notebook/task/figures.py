"""matplotlib's backend while a cell runs as a task: it draws as Agg does, and `pyplot.show()` shows under the cell."""

from __future__ import annotations

from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas

from nbflow.notebook.task.displays import show_figures

__all__ = ["FigureCanvas", "show"]


def show(*_: Any, **__: Any) -> None:
    """Show all open figures, and close them."""
    show_figures()
