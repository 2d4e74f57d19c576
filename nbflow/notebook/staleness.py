"""Which cells that ran as tasks are not up to date any more, and why; and running those again.

A cell is stale when the cell that gave it a name has run again since, or is stale itself; and when a name that no such
cell gave it stands for another value than when it ran. What a cell binds itself never makes it stale: `x += 1` would be
so at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbflow.core.states import State
from nbflow.errors import describe
from nbflow.legible import shorten
from nbflow.notebook.running import Run
from nbflow.notebook.sources import ABSENT, Kept, Runs, Source

FRESH, STALE = "fresh", "stale"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a cell stands: `word` is fresh, stale, or the label of its task's state; `why` it is to run again.

    `remark` says of what it is not known.
    """

    run: Run
    word: str
    why: str
    remark: str = ""

    @property
    def due(self) -> bool:
        """Whether it is to run again: what it reads has changed, or its run came to no good end."""
        return bool(self.why) or self.word in _BAD


_BAD = {State.FAILED.label, State.SKIPPED.label, State.CANCELLED.label}


def standings(runs: Runs, space: Mapping[str, Any]) -> list[Standing]:
    """How each cell stands, given what names stand for now: each behind those that it builds on."""
    found: dict[str, Standing] = {}
    for run in runs.in_order():
        found[run.sent.key] = _standing(run, runs, space, found)
    return list(found.values())


def _standing(run: Run, runs: Runs, space: Mapping[str, Any], others: Mapping[str, Standing]) -> Standing:
    state = run.future.state
    uncompared = [f"`{name}`: {seen.why_not}" for name, seen in run.witnesses.items() if seen.why_not]
    remark = "; ".join(uncompared)
    changes = (_change(run, name, runs, space, others) for name in run.plan.reads)
    why = ", ".join(filter(None, changes))
    if not state.ended:
        return Standing(run, state.label, why, remark)
    if state is not State.DONE:
        return Standing(run, state.label, why, remark or _error_of(run))
    return Standing(run, STALE if why else FRESH, why, remark)


def _change(run: Run, name: str, runs: Runs, space: Mapping[str, Any], others: Mapping[str, Standing]) -> str:
    """What has changed of a name that a cell was given, in words; "" if nothing has."""
    if name in run.plan.turns:
        return ""  # `for i in ...` depends on no `i` from elsewhere
    supplier, source = runs.supplier(run, name, space), run.sources.get(name)
    seen = run.witnesses[name]
    if isinstance(supplier, Kept):
        is_changed = seen.future is None and not seen.still(supplier.value)  # in place, under another name
        return f"`{name}` has changed" if is_changed else ""
    if supplier is not None and isinstance(source, Source):
        comes = f"`{name}` comes from {supplier.sent.label}, which"
        if supplier.future.tid != source.tid:
            return f"{comes} has run again since"
        return f"{comes} is to run again" if others[supplier.sent.key].due else ""
    value = space.get(name, ABSENT)
    if runs.is_its_own(run, name, value):
        return ""
    if value is ABSENT:
        return f"`{name}` is gone"
    if not seen.still(value):
        return f"`{name}` has changed"
    for source in run.used.get(name, ()):
        if source.key in others and others[source.key].due:
            return f"`{name}` uses what comes from {others[source.key].run.sent.label}, which is to run again"
    return ""


def _error_of(run: Run) -> str:
    """What a run that has no value has raised, in words; "" if it was cancelled."""
    if run.future.cancelled():
        return ""
    error = run.future.exception(0)
    return "" if error is None else shorten(describe(error))
