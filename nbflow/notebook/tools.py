"""What the extension has in one shell, for the commands that work with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbflow.notebook.display import Cards
    from nbflow.notebook.errors import TaskErrors
    from nbflow.notebook.lines import Lines
    from nbflow.notebook.places import Places
    from nbflow.notebook.running import TaskCells


@dataclass(frozen=True, slots=True)
class Tools:
    """Made and owned by the extension."""

    shell: InteractiveShell
    places: Places
    errors: TaskErrors
    cards: Cards
    cells: TaskCells
    lines: Lines
