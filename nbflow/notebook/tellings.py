"""Which failures have been told at length, and under which cell: what they led to refers to that in a line.

Of a hundred tasks that were skipped for one reason, one shows it. A cell that runs again loses what stood under it, so
that what it has told counts no more.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow.errors import describe
from nbflow.notebook.traces import failed_task, root_of
from nbflow.numbers import name_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class Cell(NamedTuple):
    """A cell that runs, or ran. `id`: what the front end calls it, None where it does not say."""

    id: str | None
    name: str


class _Teller(NamedTuple):
    owner: object
    cell: Cell


class Tellings:
    """What has been told in one shell. `cell` is the one that runs, or ran last."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell: Any = shell
        self._told: dict[tuple[int, str, str], _Teller] = {}
        self._lock = threading.Lock()
        self.cell = Cell(None, self._name())

    def install(self) -> None:
        """Look at the cells that begin from now on."""
        self._shell.events.register("pre_run_cell", self._begins)

    def remove(self) -> None:
        """Undo `install`."""
        self._shell.events.unregister("pre_run_cell", self._begins)

    def before(self, error: BaseException, owner: object, cell: Cell) -> str:
        """Where a task's error has been told, in words; "" if `owner`, which stands under `cell`, is to tell it."""
        failed = failed_task(error)
        if failed is None:
            return ""
        key = (*failed, describe(root_of(error)))
        with self._lock:
            first = self._told.setdefault(key, _Teller(owner, cell))
        return (
            "" if first.owner == owner else f"see {first.cell.name}, or `%nbflow traceback {name_of(key[0])}`"
        )

    def _begins(self, info: Any) -> None:
        self.cell = Cell(getattr(info, "cell_id", None), self._name())
        with self._lock:
            gone = [
                key for key, teller in self._told.items() if self.cell.id and teller.cell.id == self.cell.id
            ]
            for key in gone:
                del self._told[key]

    def _name(self) -> str:
        """The cell that is about to run: when `execution_count` changes depends on IPython's version."""
        return f"Cell In[{len(self._shell.history_manager.input_hist_parsed)}]"
