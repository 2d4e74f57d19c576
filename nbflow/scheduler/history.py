"""What is known of every task for people: rows for the picture and the table, details for the panel.

The decisions are the machine's, and so is the story of a task until it is settled. A job outlives the machine's task,
so that a task nobody holds any more is still in the picture.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import msgspec

from nbflow.core.instructions import Change, Why
from nbflow.core.states import State
from nbflow.core.story import tell
from nbflow.values.outcome import one_line
from nbflow.wire.messages import Define, Submit
from nbflow.wire.outcomes import Blamed, Failure, Inline, Lost, Outcome
from nbflow.wire.rows import Attempt, Part, Progress, Run, Tally, TaskDetails, TaskRow, Transfer

MOST_ATTEMPTS = 20  # that are told one by one
NO_FUNCTION = Define(b"", b"", True, "", "", 0, {})  # of what no app computes


class Job(msgspec.Struct):
    """A task as the host has it: what was submitted, and what came of it."""

    id: int
    app: str
    parent: int | None
    needs: tuple[int, ...]
    detail: str
    origin: int  # the worker that made the call; 0 = the client
    function: Define
    submitted: float
    submit: Submit | None  # until it is settled
    story: list[Change] = []  # once it is settled
    template: bytes = b""  # of a join whose body has ended
    inner: list[int] = []  # the tasks whose values it is made of
    outcome: Outcome | None = None  # until it is forgotten
    note: str = ""
    traceback: str = ""
    error_line: int = 0
    output: str = ""
    failures: list[str] = []  # the errors of attempts that were not the last, or were judged, a line each
    spent: float | None = None  # what they cost, where they are judged
    started: float = 0.0
    ended: float = 0.0
    part: Part | None = None
    tally: Tally | None = None
    progress: Progress | None = None  # as the present attempt has said last
    transfer: Transfer | None = None  # of the last attempt that has ended
    before: list[Change] = []  # of one that is tried again: its story up to its last end


def row(job: Job, story: list[Change], peak: int = 0) -> TaskRow:
    """The row of a task as it is now; `story`: its changes up to now, `peak`: bytes its worker had at most."""
    last = story[-1] if story else _NOTHING_YET
    state, why, tally = last.state, last.why, job.tally
    ended = state >= _DONE
    waits = state is _WAITING
    joining = waits and why is _JOINED
    again = waits and last.attempt > 0 and why not in _NO_FAILURES
    return TaskRow(
        job.id,
        job.app,
        job.parent,
        job.needs,
        job.detail,
        state,
        last.attempt,
        last.worker or None,
        job.submitted,
        job.started or _began(story),
        (job.ended or last.at) if ended else 0.0,
        why is _RECALLED,
        job.note,
        last.root,
        joining,
        again,
        job.part,
        0 if tally is None else tally.failed,
        0 if tally is None else tally.skipped,
        job.progress if state is _RUNNING else None,
        peak,
        job.transfer if ended else None,
        _runs(job, story) if again or joining or last.attempt > 1 or _joined(story) else (),
    )


# tens of thousands of rows a second may be made: to look a member up takes as long as all else of one's field
_WAITING, _DONE, _RUNNING = State.WAITING, State.DONE, State.RUNNING
_RECALLED, _JOINED = Why.RECALLED, Why.JOINED
_NO_FAILURES = (_JOINED, _RECALLED, Why.RETURNED)
_NOTHING_YET = Change(0, _WAITING, 0.0, 0, 0, Why.ATTEMPT, None)


def _joined(story: list[Change]) -> bool:
    """Whether it is a join that has ended."""
    return len(story) > 2 and any(change.why is _JOINED for change in story)


def _began(story: list[Change]) -> float:
    for change in reversed(story):
        if change.state is _RUNNING:
            return change.at
    return 0.0


def _visits(story: list[Change]) -> Iterator[tuple[Change, Change | None]]:
    """Each beginning of a task on a worker, and what followed; not those that were given back before they began."""
    for change, follows in itertools.zip_longest(story, story[1:]):  # of a task that waits, it is empty
        if change.state is _RUNNING and (follows is None or follows.why is not Why.RETURNED):
            yield change, follows


def _runs(job: Job, story: list[Change]) -> tuple[Run, ...]:
    """The last ones, where there were very many. A bar is drawn for each."""
    runs = []
    for begin, follows in _visits(story):
        if follows is None:
            runs.append(Run(begin.worker, job.started or begin.at, 0.0, None))
        elif follows is story[-1] and follows.state >= _DONE:
            runs.append(Run(begin.worker, job.started or begin.at, job.ended or follows.at, None))
        elif follows.state is _WAITING:
            state = None if follows.why is _JOINED else State.FAILED
            runs.append(Run(begin.worker, begin.at, follows.at, state))
        else:  # somebody has asked for it once more after that end
            runs.append(Run(begin.worker, begin.at, follows.at, follows.state))
    return tuple(runs[-MOST_ATTEMPTS:])


def details(job: Job, story: list[Change], kept: bool = False, executor: str = "") -> TaskDetails:
    """What the panel shows beyond the row; `story`: the changes up to now; `kept`: it can be tried again."""
    define = job.function
    line = define.line + job.error_line - 1 if job.error_line and define.line else define.line
    name = define.places.get(define.file, (define.file, ""))[0]
    failures = _failures(job, story)
    return TaskDetails(
        job.id,
        job.traceback,
        job.output,
        [
            (job.submitted, "submitted"),
            *((change.at, tell(change, _error(job, change, change is story[-1]))) for change in story),
        ],
        define.source,
        define.file,
        define.line,
        f"{name}, line {line}" if line else name,
        job.error_line,
        failures,
        float(len(failures)) if job.spent is None else job.spent,
        kept,
        _attempts(job, story),
        executor,
    )


def _attempts(job: Job, story: list[Change]) -> list[Attempt]:
    """Each run of the task, as long as there are not very many; the last ones count."""
    found: list[Attempt] = []
    for change, follows in _visits(story):
        if follows is None:
            found.append(Attempt(change.attempt, change.worker, change.at, 0.0, ""))
        else:
            outcome = _error(job, follows, follows is story[-1]) or follows.state.label
            if follows.state is State.WAITING and follows.why is Why.JOINED:
                outcome = "called other tasks"
            found.append(Attempt(change.attempt, change.worker, change.at, follows.at, outcome))
    return found[-MOST_ATTEMPTS:]


def _failures(job: Job, story: list[Change]) -> list[str]:
    """A line for each failed attempt. The last one's is among them already where it was judged before the end."""
    if job.tally is not None:
        return job.tally.lines
    last_failed = bool(story) and story[-1].state is State.FAILED and len(job.failures) < story[-1].attempt
    return [*job.failures, job.note] if last_failed else list(job.failures)


def _error(job: Job, change: Change, last: bool) -> str:
    """The error in a line of the attempt that a change is about; "" where none is known."""
    if change.state is State.FAILED and last:
        return job.note
    return job.failures[change.attempt - 1] if 0 < change.attempt <= len(job.failures) else ""


def attempt_failed(job: Job) -> None:
    """An attempt gave no value, and the task has not ended: keep the words of it, and await the next."""
    outcome = job.outcome
    assert isinstance(outcome, (Failure, Lost))
    _blame(job, outcome)
    job.failures.append(job.note)
    job.started = job.ended = 0.0
    job.transfer = None
    job.progress = None


def tried_again(job: Job) -> None:
    """A task that had ended without a value goes on: keep a line of its last attempt, and await the next."""
    last = job.story[-1]
    if len(job.failures) < last.attempt:
        job.failures.append(job.note if last.state is State.FAILED else last.state.label)
    job.before, job.story = job.story, []
    job.outcome, job.note, job.traceback, job.error_line = None, "", "", 0
    job.started = job.ended = 0.0
    job.transfer = None
    job.progress = None


def forgive(job: Job) -> None:
    """A later attempt gave a value: the errors before it are its story alone."""
    job.traceback, job.error_line = "", 0


def answered(job: Job, tally: Tally) -> None:
    """A task of many items has ended: keep what is told of those that failed."""
    job.tally = tally
    shorten(job, tally.ran)
    job.traceback, job.error_line = tally.traceback, tally.line


def shorten(job: Job, count: int) -> None:
    """The items behind the first `count` of a task of many are another task's by now."""
    if job.part is not None and count < job.part.count:
        job.part = msgspec.structs.replace(job.part, count=count)


def _blame(job: Job, outcome: Failure | Lost) -> None:
    job.note = one_line(outcome)
    if isinstance(outcome, Failure):
        job.traceback = outcome.traceback
    else:  # not to say twice what the note says
        job.traceback = "" if job.note.endswith(outcome.text) else outcome.text


def conclude(job: Job, outcome: Outcome) -> None:
    """The task has ended: keep the words of it."""
    job.outcome = outcome
    job.submit = None
    job.progress = None
    if type(outcome) is Inline:
        return
    if isinstance(outcome, Blamed):
        job.note = one_line(outcome)
        outcome = outcome.cause if outcome.cause is not None else outcome
    if isinstance(outcome, (Failure, Lost)):
        _blame(job, outcome)
