"""Cells that run as tasks: each run of one, what it was given, and what stands under it.

    %%app ──> plan ──> values from the namespace ──> one call ──> names bound to futures ──> the next cell
                                                        └──> two displays: what it prints, and its value

A cell is known again when it is run again: by its `--name`, else by the id that the front end gives it, else by its
text. A run that still goes on then is withdrawn, and what it had bound is as if it had never run.
"""

from __future__ import annotations

import builtins
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nbflow.client import current
from nbflow.client.carriage import Callee
from nbflow.client.future import AppFuture
from nbflow.client.options import Options
from nbflow.client.parameters import Parameters
from nbflow.core.states import State
from nbflow.notebook.cells import with_magic_as_comment
from nbflow.notebook.execution import file_of_cell, parse
from nbflow.notebook.output import request_of
from nbflow.notebook.plan import Chosen, Plan, plan
from nbflow.notebook.task.cell import Cell
from nbflow.notebook.task.future import NameFuture
from nbflow.notebook.under import Under
from nbflow.notebook.witness import Witness
from nbflow.values.functions import Captor

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbflow.notebook.display import Cards

ABSENT = object()
"""What a name has that has no value."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A cell as it was sent. `number` is that of the cell in the notebook, `label` what people call it."""

    key: str  #: by which it is known when it is run again
    cell_id: str | None  #: that the front end gives the cell, where it does
    number: int
    label: str
    line: str
    body: str
    file: str
    chosen: Chosen
    options: Options


@dataclass(eq=False, slots=True)
class Run:
    """One run of a cell."""

    sent: Sent
    plan: Plan
    future: AppFuture
    names: Mapping[str, NameFuture]
    witnesses: Mapping[str, Witness]
    under: Under
    before: dict[str, Any] = field(default_factory=dict)
    """Of names that it has bound: what they had; empty once it has ended well."""
    submitted: float = field(default_factory=time.time)

    @property
    def ended_well(self) -> bool:
        """Whether the cell has come to its end."""
        return self.future.done() and self.future.state is State.DONE


class TaskCells:
    """Those of one shell, in the order of their last runs."""

    def __init__(self, shell: InteractiveShell, cards: Cards) -> None:
        self._shell = shell
        self._cards = cards
        self._runs: dict[str, Run] = {}
        #: tasks of runs that a later one of the same cell has taken the place of
        self.withdrawn: set[int] = set()
        self._cell_id: str | None = None

    @property
    def runs(self) -> list[Run]:
        """The last run of each cell, in the order in which they were first run."""
        return list(self._runs.values())

    def before_cell(self, info: Any) -> None:
        """A cell is about to be executed: which one. To be registered as `pre_run_cell`.

        With it JupyterLab says which cells were deleted since the one before: they are not to be run again.
        """
        self._cell_id = getattr(info, "cell_id", None)
        if deleted := request_of(self._shell).get("metadata", {}).get("deletedCells"):
            self._runs = {key: run for key, run in self._runs.items() if run.sent.cell_id not in deleted}

    def run(self, line: str, body: str, chosen: Chosen, options: Options) -> Run:
        """Have a cell run as a task; returns at once.

        Raises:
            CellError: it cannot be told what it reads or binds, or it reads what does not exist.
            CannotPickle: a value that it reads cannot travel; the text names it.
        """
        __tracebackhide__ = True
        text = with_magic_as_comment(line, body)
        file = file_of_cell(self._shell, text)
        number = len(self._shell.user_ns["In"]) - 1
        key = f"name {chosen.name}" if chosen.name else f"id {self._cell_id}" if self._cell_id else text
        label = chosen.name or f"In[{number}]"
        options = replace(options, name=label)
        sent = Sent(key, self._cell_id, number, label, line, body, file, chosen, options)
        return self._start(sent, Under(self._cards))

    def again(self, run: Run) -> Run:
        """Run a cell anew, as it was, with what the names that it reads stand for now. Raises as `run`."""
        return self._start(run.sent, run.under)

    def _start(self, sent: Sent, under: Under) -> Run:
        __tracebackhide__ = True
        space = self._shell.user_ns
        earlier = self._runs.get(sent.key)
        back = {} if earlier is None else self._as_before(earlier)
        text = with_magic_as_comment(sent.line, sent.body)
        known = self._own_names() - {name for name, value in back.items() if value is ABSENT}
        known |= {name for name, value in back.items() if value is not ABSENT}
        made = plan(parse(self._shell, text, sent.file), sent.file, sent.body, sent.chosen, known)
        values = {name: back.get(name, space.get(name)) for name in made.reads}
        values = {
            name: value
            for name, value in values.items()
            if not self._is_out_of_place(name, value, made, earlier)
        }
        reads = tuple(values)
        witnesses = {name: Witness.of(value) for name, value in values.items()}
        cell = Cell(made.code, reads, made.binds)
        callee = Callee(sent.options, Captor(cell), Parameters(positional=reads))
        future = current.current().call(callee, tuple(values.values()), {})
        if earlier is not None:
            self._withdraw(earlier, back)
        names = {name: NameFuture(future, name) for name in made.binds if name not in made.imports}
        future.accompany(list(names.values()))
        run = Run(sent, replace(made, reads=reads), future, names, witnesses, under)
        self._bind(run)
        self._runs[sent.key] = run
        under.show(run.future, run.plan)
        return run

    def _own_names(self) -> set[str]:
        """The names that have a value, without what IPython has put in the place of builtins, as of `open`."""
        space, hidden = self._shell.user_ns, self._shell.user_ns_hidden
        return {
            name
            for name, value in space.items()
            if not (hasattr(builtins, name) and hidden.get(name, ABSENT) is value)
        }

    @staticmethod
    def _is_out_of_place(name: str, value: Any, made: Plan, earlier: Run | None) -> bool:
        """Whether a value is not to be given: of a name that may stay as it was, if it would be waited for in vain.

        Nor is what another cell's loop leaves behind: each would wait for the one before it that has an `i` as well.
        """
        if not isinstance(value, (NameFuture, AppFuture)):
            return False
        if name in made.turns:
            return True
        if name not in made.keeps:
            return False
        own = earlier is not None and value is earlier.names.get(name)
        return own or (value.done() and value.exception(0) is not None if not _cancelled(value) else True)

    def _as_before(self, run: Run) -> dict[str, Any]:
        """What the names had before a run that has not ended well, as far as they still are its own."""
        if run.ended_well:
            return {}
        space = self._shell.user_ns
        return {
            name: value
            for name, value in run.before.items()
            if (space.get(name) is run.names[name] if name in run.names else name not in space)
        }

    def _withdraw(self, run: Run, back: Mapping[str, Any]) -> None:
        """The cell is run again: this run is not wanted any more."""
        self.withdrawn.add(run.future.tid)
        if not run.future.done():
            run.future.cancel(wait=False)
        space = self._shell.user_ns
        for name, value in back.items():
            if value is ABSENT:
                space.pop(name, None)
            else:
                space[name] = value

    def _bind(self, run: Run) -> None:
        """From here on the names are what the run will give."""
        space = self._shell.user_ns
        for name in (*run.names, *run.plan.deletes):
            run.before[name] = space.get(name, ABSENT)
        for name in run.plan.deletes:
            space.pop(name, None)
        space.update(run.plan.imports)
        space.update(run.names)
        before = run.before

        def let_go(
            future: Any,
        ) -> None:
            # the values that were there before are not kept for longer than needed
            if future.state is State.DONE:
                before.clear()

        run.future.add_done_callback(let_go)


def _cancelled(value: Any) -> bool:
    return value.done() and bool(value.cancelled())
