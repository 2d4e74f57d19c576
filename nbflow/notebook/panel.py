"""What the panel of one task tells.

Pure: the task's row, its details (fetched only when somebody looks) and its neighbours' rows become short texts.
The page puts each of them into the document as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from nbflow.core.states import State
from nbflow.legible import shorten
from nbflow.notebook.marks import MARKS, mark_of, silence_of, tally_of
from nbflow.notebook.text import plain, seconds
from nbflow.sizes import in_words
from nbflow.wire.rows import Progress, TaskDetails, TaskRow, WorkerRow

MOST_NEIGHBOURS = 12
MOST_FAILED = 5  # items whose errors are told
_MOST_TEXT = 40_000  # characters of output, traceback or source
_MOST_NOTE = 450  # characters of an error, or a result, in one line
_MOST_STORY = 600


class Link(msgspec.Struct, frozen=True):
    """Another task that can be looked at from here."""

    task: int
    app: str
    mark: int


class Fact(msgspec.Struct, frozen=True):
    """One line at the left: text, or links with the count of those that are left out."""

    label: str
    text: str = ""
    code: bool = False
    links: list[Link] = []
    more: int = 0


class Panel(msgspec.Struct, frozen=True):
    """The panel's content. Texts may be empty; `fail` is a line of `source` counted from 1, 0 for none."""

    task: int
    app: str
    mark: int
    place: str
    facts: list[Fact]
    story: list[tuple[str, str]]
    error: str
    traceback: str
    output: str
    result: str
    source: str
    first: int  # number of the first line of `source`
    fail: int
    can_cancel: bool


def panel(
    row: TaskRow,
    rows: Sequence[TaskRow],
    details: TaskDetails | None,
    flow_start: float,
    worker: WorkerRow | None = None,
) -> Panel:
    """The panel of the task `row`, among all `rows`. Without `details` it tells what the row tells.

    `worker`: the one that runs it now, if that is known.
    """
    failed = row.state in (State.FAILED, State.SKIPPED)
    return Panel(
        task=row.id,
        app=shorten(row.app),
        mark=mark_of(row, () if worker is None or worker.responding else (worker.worker,)),
        place=shorten(details.place) if details else "",
        facts=[*_items(row, details), *_facts(row, rows, worker)],
        story=[(f"{when - flow_start:+.2f} s", shorten(what, _MOST_STORY)) for when, what in details.story]
        if details
        else [],
        error=shorten(row.note, _MOST_NOTE) if failed or row.failed else "",
        traceback=_end_of(details.traceback) if details else "",
        output=_end_of(details.output) if details else "",
        result=shorten(row.note, _MOST_NOTE) if row.state is State.DONE and not row.failed else "",
        source=plain(details.source)[:_MOST_TEXT] if details else "",
        first=max(1, details.line) if details else 1,
        fail=details.error_line if details else 0,
        can_cancel=not row.state.ended,
    )


def _end_of(text: str) -> str:
    return plain(text[-2 * _MOST_TEXT :])[-_MOST_TEXT:]


def _items(row: TaskRow, details: TaskDetails | None) -> list[Fact]:
    """Of a task that runs many items of a sweep: how they stand, and those that failed."""
    part = row.part
    if part is None:
        return []
    told = [f"{count} {MARKS[mark].word}" for mark, count in tally_of(row, mark_of(row))]
    text = f"{part.count} of {part.total}, from item {part.first} on: {', '.join(told)}"
    lines = details.failures[:MOST_FAILED] if details is not None and row.failed else []
    return [Fact("items", text), *(Fact("failed", shorten(line, _MOST_NOTE)) for line in lines)]


def _facts(row: TaskRow, rows: Sequence[TaskRow], worker: WorkerRow | None) -> list[Fact]:
    known = {other.id: other for other in rows}
    facts = []
    if row.detail:
        facts.append(Fact("arguments", shorten(row.detail), code=True))
    if row.root is not None and row.root in known:
        facts.append(_links("because of", [known[row.root]]))
    if row.parent is not None and row.parent in known:
        facts.append(_links("called by", [known[row.parent]]))
    facts.append(_links("needs", [known[need] for need in row.needs if need in known]))
    facts.append(_links("needed by", [other for other in rows if row.id in other.needs]))
    facts.append(_links("called", [other for other in rows if other.parent == row.id]))
    facts.append(Fact("ran", _ran(row)))
    if row.progress is not None:
        facts.append(Fact("progress", _progress(row.progress)))
    if worker is not None and worker.memory and worker.task == row.id:
        facts.append(Fact("memory", f"{in_words(worker.memory)} in all processes of its worker"))
    if worker is not None and not worker.responding:
        facts.append(Fact("not responding", silence_of(worker)))
    return [fact for fact in facts if fact.text or fact.links]


def _links(label: str, others: Iterable[TaskRow]) -> Fact:
    """Those that did not go well first: they are what one looks for."""
    ordered = sorted(others, key=lambda other: other.state is State.DONE)
    links = [Link(other.id, shorten(other.app), mark_of(other)) for other in ordered[:MOST_NEIGHBOURS]]
    return Fact(label, links=links, more=len(ordered) - len(links))


def _progress(said: Progress) -> str:
    """ "62 %, fitting: 38 of 61"; of a mere count that alone."""
    percent = "" if said.fraction is None else f"{int(said.fraction * 100)} %"
    return ", ".join(filter(None, (percent, shorten(said.text))))


def _ran(row: TaskRow) -> str:
    if row.recalled:
        return "not at all: recalled from the memo"
    parts = []
    if row.attempt > 1:
        parts.append(f"attempt {row.attempt}")
    if row.started and row.ended:
        parts.append(seconds(row.ended - row.started))
    elif row.started and row.state is State.RUNNING:
        parts.append("still going")
    if row.worker is not None and row.attempt:
        parts.append(f"on worker {row.worker}")
    if row.started and row.started - row.submitted >= 0.01:
        parts.append(f"after {seconds(row.started - row.submitted)} of waiting")
    return " · ".join(parts)
