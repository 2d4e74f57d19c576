"""Cells that run as tasks: each run of one, what it was given, and what stands under it.

    %%app ──> plan ──> values from the namespace ──> one call ──> names bound to futures ──> the next cell
                                                        └──> two displays: what it prints, and its value

A cell is known again when it is run again: by its `--name`, else by the id that the front end gives it, else by its
text. A run that still goes on then is withdrawn, and what it had bound is as if it had never run; not where the text
alone says that it is the same cell, for two cells may have one text.

A cell that a person runs is given what the names stand for. One that is run again because it is not up to date, is
given what the cells have bound that gave it those names before, and binds only names that are still its own: so that
it all ends as if the cells had been run once, in their order. Which cells gave it what, is in `sources`.
"""

from __future__ import annotations

import builtins
import time
from collections.abc import Callable, Mapping, Sequence
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
from nbflow.notebook.sources import ABSENT, Kept, Runs, Source
from nbflow.notebook.task.cell import Cell
from nbflow.notebook.task.future import NameFuture
from nbflow.notebook.under import Under
from nbflow.notebook.witness import Witness
from nbflow.values.functions import Captor

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbflow.notebook.display import Cards


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
    sources: Mapping[str, Source | Kept]
    """Where that came from which it was given, by name, as far as that is known."""
    used: Mapping[str, tuple[Source, ...]]
    """Which cells have bound what the functions use that it reads, by the function's name."""
    before: dict[str, Any] = field(default_factory=dict)
    """Of names that it has bound: what they had; empty once it has ended well."""
    submitted: float = field(default_factory=time.time)

    @property
    def ended_well(self) -> bool:
        """Whether the cell has come to its end."""
        return self.future.done() and self.future.state is State.DONE

    def binds(self, name: str, value: Any) -> bool:
        """Whether this is what it has bound to a name, or what has come of that: `x = x.result()` changes nothing."""
        future = self.names.get(name)
        return future is not None and (future is value or future.has_given(value))


class TaskCells:
    """Those of one shell, in the order of their last runs."""

    def __init__(self, shell: InteractiveShell, cards: Cards) -> None:
        self._shell = shell
        self._cards = cards
        #: the last run of each cell
        self.runs = Runs()
        #: tasks of runs that a later one of the same cell has taken the place of
        self.withdrawn: set[int] = set()
        self._cell_id: str | None = None

    def has_run(self, task: int) -> bool:
        """Whether a task is a run of a cell, the last one or an earlier one. In any thread."""
        return task in self.withdrawn or any(run.future.tid == task for run in list(self.runs.values()))

    def before_cell(self, info: Any) -> None:
        """A cell is about to be executed: which one. To be registered as `pre_run_cell`.

        With it JupyterLab says which cells were deleted since the one before: they are not to be run again.
        """
        self._cell_id = getattr(info, "cell_id", None)
        if deleted := request_of(self._shell).get("metadata", {}).get("deletedCells"):
            self._forget(lambda run: run.sent.cell_id in deleted)

    def after_cell(self, result: Any) -> None:
        """A cell was executed. To be registered as `post_run_cell`.

        What it had run as a task before is not its text any more, where it has now been executed as something else.
        """
        if (cell_id := getattr(result.info, "cell_id", None)) and result.success:
            self._forget(lambda run: run.sent.cell_id == cell_id and run.sent.number != self._number())

    def _forget(self, which: Callable[[Run], bool]) -> None:
        """They are not to be run again."""
        for key in [key for key, run in self.runs.items() if which(run)]:
            del self.runs[key]

    def _number(self) -> int:
        """That of the cell that is executed."""
        return len(self._shell.user_ns["In"]) - 1

    def run(self, line: str, body: str, chosen: Chosen, options: Options) -> Run:
        """Have a cell run as a task; returns at once.

        Raises:
            CellError: it cannot be told what it reads or binds, or it reads what does not exist.
            CannotPickle: a value that it reads cannot travel; the text names it.
        """
        __tracebackhide__ = True
        text = with_magic_as_comment(line, body)
        file = file_of_cell(self._shell, text)
        number = self._number()
        key = f"name {chosen.name}" if chosen.name else f"id {self._cell_id}" if self._cell_id else text
        label = chosen.name or f"In[{number}]"
        options = replace(options, name=label)
        sent = Sent(key, self._cell_id, number, label, line, body, file, chosen, options)
        return self._start(sent, Under(self._cards))

    def again(self, run: Run) -> Run:
        """Run a cell anew, as it was, with what those have bound by now that gave it its names. Raises as `run`."""
        return self._start(run.sent, run.under, self.runs.supplied(run, self._shell.user_ns))

    def _start(self, sent: Sent, under: Under, supplied: Mapping[str, Any] | None = None) -> Run:
        """`supplied`: what other cells give it, where it is run again by itself; None = a person runs it."""
        __tracebackhide__ = True
        earlier = self.runs.get(sent.key)
        is_this_cell = supplied is not None or sent.chosen.name or sent.cell_id
        undone = [] if earlier is None else self._undone(earlier, sure=bool(is_this_cell))
        space = {**self._as_if_never_run(undone), **(supplied or {})}
        text = with_magic_as_comment(sent.line, sent.body)
        made = plan(parse(self._shell, text, sent.file), sent.file, sent.body, sent.chosen, space.keys())
        values = {
            name: space[name]
            for name in made.reads
            if not self._is_out_of_place(name, space[name], made, earlier)
        }
        made = replace(made, reads=tuple(values))
        witnesses = {name: Witness.of(value) for name, value in values.items()}
        cell = Cell(made.code, made.reads, made.binds)
        callee = Callee(sent.options, Captor(cell), Parameters(positional=made.reads))
        future = current.current().call(callee, tuple(values.values()), {})
        names = {name: NameFuture(future, name) for name in made.binds if name not in made.imports}
        future.accompany(list(names.values()))
        small = {name for name, seen in witnesses.items() if seen.future is None and not seen.why_not}
        sources = self.runs.sources(sent.key, values, small)
        used = self.runs.used(sent.key, {name: seen.uses for name, seen in witnesses.items()})
        run = Run(sent, made, future, names, witnesses, under, sources, used)
        # one that is run again by itself leaves names alone that others have bound since
        bound = {
            name: future
            for name, future in names.items()
            if earlier is None
            or supplied is None
            or (name in values and name not in supplied)
            or self._is_its(name, earlier)
        }
        if undone:
            self._withdraw(undone[0], space)
        if earlier is not None and (undone or earlier.ended_well):
            self.withdrawn.add(earlier.future.tid)
        self._bind(run, bound, values)
        self.runs[sent.key] = run
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

    def _undone(self, earlier: Run, sure: bool) -> list[Run]:
        """The runs that are as if they had never been once a cell is run again, its own first: it, if it has come to no
        good end, and those that wait for it. `sure`: it is the same cell, and not one of the same text.
        """
        if earlier.ended_well or not (sure or earlier.future.done()):
            return []
        return [run for run in self.runs.resting_on(earlier) if not run.ended_well]

    def _as_if_never_run(self, undone: Sequence[Run]) -> dict[str, Any]:
        """What the names stand for, without what these runs have made of them."""
        space = self._shell.user_ns
        found = {name: space[name] for name in self._own_names()}
        for run in undone[:1]:
            found |= {
                name: run.before[name]
                for name in run.plan.deletes
                if name not in space and name in run.before
            }
        makers = {id(future): run for run in undone for future in run.names.values()}
        for name, value in list(found.items()):
            while (maker := makers.get(id(value))) is not None and value.name == name:
                value = maker.before.get(name, ABSENT)
            found[name] = value
        return {name: value for name, value in found.items() if value is not ABSENT}

    def _is_its(self, name: str, run: Run) -> bool:
        """Whether a name stands for what this run has bound to it."""
        return run.binds(name, self._shell.user_ns.get(name, ABSENT))

    def _withdraw(self, run: Run, before: Mapping[str, Any]) -> None:
        """The cell is run again: this run is not wanted any more, and its names are what they were without it."""
        if not run.future.done():
            run.future.cancel(wait=False)
        space = self._shell.user_ns
        for name in run.before:
            if self._is_its(name, run) if name in run.names else name not in space:
                if name in before:
                    space[name] = before[name]
                else:
                    space.pop(name, None)

    def _bind(self, run: Run, names: Mapping[str, NameFuture], given: Mapping[str, Any]) -> None:
        """From here on these names are what the run will give."""
        space = self._shell.user_ns
        before = run.before
        for name in (*names, *run.plan.deletes):
            before[name] = given.get(name, space.get(name, ABSENT))
        for name in run.plan.deletes:
            space.pop(name, None)
        space.update(run.plan.imports)
        space.update(names)

        def let_go(future: Any) -> None:
            # the values that were there before are not kept for longer than needed
            if future.state is State.DONE:
                before.clear()

        run.future.add_done_callback(let_go)


def _cancelled(value: Any) -> bool:
    return value.done() and bool(value.cancelled())
