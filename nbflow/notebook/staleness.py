"""Which cells that ran as tasks are not up to date any more, and why; and running those again.

A cell is stale when a name that it reads stands for another value than when it ran, or is bound by a cell that is stale
itself. What a cell binds itself never makes it stale: `x += 1` would be so at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbflow.core.states import State
from nbflow.errors import describe
from nbflow.legible import shorten
from nbflow.notebook.running import ABSENT, Run
from nbflow.notebook.task.future import NameFuture

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


def standings(runs: Sequence[Run], space: Mapping[str, Any]) -> list[Standing]:
    """How each cell stands, given what names stand for now; in an order in which each comes behind those it needs."""
    found: dict[str, Standing] = {}
    for run in in_order(runs, space):
        found[run.sent.key] = _standing(run, space, found)
    return list(found.values())


def in_order(runs: Sequence[Run], space: Mapping[str, Any]) -> list[Run]:
    """Each cell behind those whose names it reads; where they need each other, as they were run."""
    makers = {id(future): run for run in runs for future in run.names.values()}
    placed: dict[str, Run] = {}
    begun: set[str] = set()

    pending = [(run, False) for run in reversed(runs)]
    while pending:
        run, ready = pending.pop()
        if ready:
            placed.setdefault(run.sent.key, run)
            continue
        if run.sent.key in begun:
            continue
        begun.add(run.sent.key)
        pending.append((run, True))
        needed = (makers.get(id(space.get(name))) for name in run.plan.reads)
        pending += [(one, False) for one in needed if one is not None and one is not run]
    return list(placed.values())


def _standing(run: Run, space: Mapping[str, Any], others: Mapping[str, Standing]) -> Standing:
    state = run.future.state
    uncompared = [f"`{name}`: {seen.why_not}" for name, seen in run.witnesses.items() if seen.why_not]
    remark = "; ".join(uncompared)
    changed = list(_changes(run, space, others.values()))
    why = ", ".join(changed)
    if not state.ended:
        return Standing(run, state.label, why, remark)
    if state is not State.DONE:
        return Standing(run, state.label, why, remark or _error_of(run))
    return Standing(run, STALE if changed else FRESH, why, remark)


def _changes(run: Run, space: Mapping[str, Any], others: Iterable[Standing]) -> Iterable[str]:
    """What has changed of what a cell was given, in words."""
    due = {id(future): one.run for one in others if one.due for future in one.run.names.values()}
    for name, seen in run.witnesses.items():
        value = space.get(name, ABSENT)
        if name in run.plan.turns:
            continue  # `for i in ...` depends on no `i` from elsewhere
        if name in run.names and value is run.names[name]:
            continue  # its own
        if value is ABSENT:
            yield f"`{name}` is gone"
        elif not seen.still(value):
            yield f"`{name}` has changed"
        elif isinstance(value, NameFuture) and id(value) in due:
            yield f"`{name}` comes from {due[id(value)].sent.label}, which is to run again"


def _error_of(run: Run) -> str:
    """What a run that has no value has raised, in words; "" if it was cancelled."""
    if run.future.cancelled():
        return ""
    error = run.future.exception(0)
    return "" if error is None else shorten(describe(error))
