"""Which failures have been told at length, and under which cell: what they led to refers to that in a line.

Of a hundred tasks that were skipped for one reason, one shows it. A cell that runs again loses what stood under it, so
that what it has told counts no more.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from nbflow.errors import describe
from nbflow.notebook.traces import failed_task, root_of
from nbflow.numbers import name_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbflow.client.future import AppFuture


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
        self._told: dict[_Failure, _Teller] = {}
        self._expected: dict[int, tuple[AppFuture, _Teller]] = {}  # by the number of the task
        self._lock = threading.Lock()
        self.cell = Cell(None, self._name())

    def install(self) -> None:
        """Look at the cells that begin from now on."""
        self._shell.events.register("pre_run_cell", self._begins)

    def remove(self) -> None:
        """Undo `install`."""
        self._shell.events.unregister("pre_run_cell", self._begins)

    def expect(self, future: AppFuture, owner: object, cell: Cell) -> None:
        """`owner`, a card under `cell`, will tell of the future's own task if that fails, however late it does so."""
        with self._lock:
            self._expected.setdefault(future.tid, (future, _Teller(owner, cell)))

    def has_told(self, future: AppFuture, owner: object) -> None:
        """The card has its last content."""
        with self._lock:
            if (found := self._expected.get(future.tid)) is not None and found[1].owner == owner:
                del self._expected[future.tid]

    def before(self, error: BaseException, owner: object, cell: Cell) -> str:
        """Where a task's error has been told, in words; "" if `owner`, which stands under `cell`, is to tell it."""
        key = _failure_of(error)
        if key is None:
            return ""
        expected = self._expected.get(key[0])
        teller = _Teller(owner, cell)
        if expected is not None and _has_failed_so(expected[0], key):
            # asks the user's code: without the lock
            teller = expected[1]
        with self._lock:
            first = self._told.setdefault(key, teller)
        if first.owner == owner:
            return ""
        return f"see {first.cell.name}, or `%nbflow traceback {name_of(key[0])}`"

    def _begins(self, info: Any) -> None:
        self.cell = Cell(getattr(info, "cell_id", None), self._name())
        with self._lock:
            gone = [
                key for key, teller in self._told.items() if self.cell.id and teller.cell.id == self.cell.id
            ]
            for key in gone:
                del self._told[key]
            replaced = [tid for tid, (_, teller) in self._expected.items() if teller.cell.id == self.cell.id]
            for tid in replaced if self.cell.id else ():
                del self._expected[tid]

    def _name(self) -> str:
        """The cell that is about to run: when `execution_count` changes depends on IPython's version."""
        return f"Cell In[{len(self._shell.history_manager.input_hist_parsed)}]"


_Failure: TypeAlias = tuple[int, str, str]
"""Task, app and error: the same for all that one failure led to."""


def _failure_of(error: BaseException) -> _Failure | None:
    failed = failed_task(error)
    return None if failed is None else (*failed, describe(root_of(error)))


def _has_failed_so(future: AppFuture, failure: _Failure) -> bool:
    if not future.done() or future.cancelled():
        return False
    error = future.exception(0)
    return error is not None and _failure_of(error) == failure
