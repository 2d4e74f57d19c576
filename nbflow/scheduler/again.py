"""The answer to who wants tasks tried again: which are, and in words why others are not; and to who wants to do so."""

from __future__ import annotations

from nbflow.core.again import Hindrance, Obstacle, chosen, failed
from nbflow.core.tasks import Tasks
from nbflow.numbers import name_of
from nbflow.scheduler.hands import Kept
from nbflow.scheduler.jobs import Jobs
from nbflow.wire.messages import Retry, Retrying, Saved
from nbflow.wire.outcomes import VALUES


def answer(wish: Retry, tasks: Tasks, jobs: Jobs) -> Retrying:
    """Which tasks are tried again. Those of sweeps never are: what failed of their items is known to the sweep."""
    named = {number: job for number in wish.tasks if (job := jobs.find(number)) is not None}
    parts = [number for number, job in named.items() if job.part is not None]
    choice = chosen(tasks, wish.tasks or failed(tasks), wish.dependants)
    again = [number for number in choice.again if (job := jobs.find(number)) is None or job.part is None]
    refused = {
        number: _in_words(number, obstacle, tasks, jobs) for number, obstacle in choice.refused.items()
    }
    refused |= {number: _part_in_words(number, jobs) for number in parts}
    return Retrying(wish.id, again, refused if wish.tasks else {})


def saved(number: int, kept: Kept | None, tasks: Tasks, jobs: Jobs) -> Saved:
    """The call of a task that ended without a value, with the values of its needs; or why it cannot be had."""
    if kept is None:
        refused = chosen(tasks, [number], dependants=False).refused
        why = _in_words(number, refused.get(number, Obstacle(Hindrance.UNKNOWN)), tasks, jobs)
        outcome = jobs.outcome(number) if number in tasks else None
        return Saved(number, why, outcome=outcome if type(outcome) in VALUES else None)  # type: ignore[arg-type] # as it says
    values = [jobs.outcome(need) for need in kept.submit.needs]
    for need, value in zip(kept.submit.needs, values, strict=True):
        if type(value) not in VALUES:
            return Saved(
                number,
                f"{_name(number, jobs)} needs {_name(need, jobs)}, which has no value: look at that one",
            )
    submit = kept.submit
    return Saved(number, "", submit.app, submit.kind, kept.function, submit.payload, values)  # type: ignore[arg-type] # see above


def _in_words(number: int, obstacle: Obstacle, tasks: Tasks, jobs: Jobs) -> str:
    name = _name(number, jobs)
    job = jobs.find(number)
    if job is not None and job.part is not None:
        return _part_in_words(number, jobs)
    if obstacle.why is Hindrance.UNKNOWN:
        if not jobs.knows(number):
            return f"there is no {name}"
        return f"nobody holds {name} any more, so what it was called with is gone: call the app anew"
    if obstacle.why is Hindrance.GOING_ON:
        return f"{name} has not ended, it is {tasks[number].state.label}: only what ended is tried again"
    if obstacle.why is Hindrance.DONE:
        return f"{name} is done: call the app anew to have it run once more"
    if obstacle.why is Hindrance.ONCE:
        return f"{name} cannot be tried again: its value, or that of a need, comes from outside the flow"
    root = _name(obstacle.root, jobs)
    return f"{name} needs {root}, which gave no value: retry that one with its dependants"


def _part_in_words(number: int, jobs: Jobs) -> str:
    return f"{_name(number, jobs)} runs items of a sweep: call those anew"


def _name(number: int, jobs: Jobs) -> str:
    job = jobs.find(number)
    return f"task {name_of(number)}" + (f" `{job.app}`" if job is not None else "")
