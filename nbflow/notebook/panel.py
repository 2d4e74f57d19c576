"""What the panel of one task tells.

Pure: the task's row, its details (fetched only when somebody looks) and its neighbours' rows become short texts.
The page puts each of them into the document as text.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from nbflow.core.states import State
from nbflow.legible import shorten
from nbflow.notebook.acts import Act, acts, kept_no_more
from nbflow.notebook.marks import MARKS, mark_of, silence_of, tally_of
from nbflow.notebook.text import LEFT_OUT, plain, seconds
from nbflow.sizes import in_words
from nbflow.wire.rows import TELLING, Progress, TaskDetails, TaskRow, WorkerRow

MOST_NEIGHBOURS = 10
MOST_TRIES = 5  # attempts that are told one by one, the last ones
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
    acts: list[Act]
    has_value: bool


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
        facts=[*_items(row, details), *_facts(row, rows, worker), *_tries(row, details)],
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
        acts=acts(row, rows, details),
        has_value=row.state is State.DONE and row.part is None,
    )


def _end_of(text: str) -> str:
    """The last lines, as many as there is room for."""
    shown = plain(text[-2 * _MOST_TEXT :])
    if len(shown) <= _MOST_TEXT:
        return shown
    end = shown[-_MOST_TEXT:]
    return f"{LEFT_OUT}\n{end.partition(chr(10))[2] or end}"


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
    facts = [Fact("why", _why(row, known))]
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
    facts.append(Fact("transfer", _transfer(row)))
    if row.progress is not None:
        facts.append(Fact("progress", _progress(row.progress)))
    if worker is not None and worker.memory and worker.task == row.id:
        facts.append(Fact("memory", f"{in_words(worker.memory)} in all processes of its worker"))
    if row.peak:
        facts.append(
            Fact("peak memory", f"{in_words(row.peak)} in all processes of its worker, when looked at")
        )
    if worker is not None and not worker.responding:
        facts.append(Fact("not responding", silence_of(worker)))
    return [fact for fact in facts if fact.text or fact.links]


def _transfer(row: TaskRow) -> str:
    """How long values were on their way, of the time that it ran."""
    if row.transfer is None:
        return ""
    spans = (
        (row.transfer.fetch, "to load its function and arguments"),
        (row.transfer.store, "to put its result away"),
    )
    return " · ".join(f"{seconds(span)} {what}" for span, what in spans if span >= TELLING)


def _why(row: TaskRow, known: Mapping[int, TaskRow]) -> str:
    """Why it stands as it does, where the state alone does not say."""
    if row.state is State.RUNNING:
        return (
            f"running since {time.strftime('%H:%M:%S', time.localtime(row.started))}" if row.started else ""
        )
    if row.state is State.RECALLING:
        return "is looked up in the memo"
    if row.state is State.SKIPPED:
        return "a task that it needs gave no value"
    if row.state is State.CANCELLED:
        return "somebody cancelled it" if row.root is None else "a task that it needs was cancelled"
    if row.recalled:
        return shorten(row.note, _MOST_NOTE)
    if row.state is not State.WAITING:
        return ""
    if row.joining:
        return "waits for the tasks that it called"
    lacking = sum(not known[need].state.ended for need in dict.fromkeys(row.needs) if need in known)
    if lacking:
        return f"waits for {lacking} of {len(set(row.needs))} needs"
    return "waits for its next attempt" if row.again else "waits for a worker"


def _tries(row: TaskRow, details: TaskDetails | None) -> list[Fact]:
    """Each attempt where there was more than one, and whether there may be another."""
    tries = details.attempts if details is not None else []
    facts = [
        Fact(
            f"attempt {attempt.number}",
            f"{seconds(attempt.end - attempt.begin)} on worker {attempt.worker}: "
            f"{shorten(attempt.outcome, _MOST_NOTE)}"
            if attempt.end
            else f"on worker {attempt.worker}, still going",
        )
        for attempt in (tries[-MOST_TRIES:] if len(tries) > 1 else [])
    ]
    return [*facts, Fact("can be retried", why)] if (why := kept_no_more(row, details)) else facts


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
    begun = row.runs[0].begin if row.runs else row.started
    if begun and begun - row.submitted >= 0.01:
        parts.append(f"after {seconds(begun - row.submitted)} of waiting")
    return " · ".join(parts)
