"""What Parsl calls a task: its states, and the record of one task as its programs read it.

The record is a view. What never changes was known at the call; the rest is asked from the scheduler when it is read.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from nbflow.client.options import Options
from nbflow.core.states import State
from nbflow.wire.rows import TaskDetails, TaskRow


class States(enum.IntEnum):
    """The states of a task, as Parsl names and numbers them; `cancelled` is nbflow's own.

    `launched` and `running_ended` are names only: a task is `running` from its first moment on a worker to its end.
    """

    pending = 0
    running = 2
    exec_done = 3
    failed = 4
    dep_fail = 5
    launched = 7
    fail_retryable = 8
    memo_done = 9
    joining = 10
    running_ended = 11
    cancelled = 12

    def __str__(self) -> str:
        return f"{type(self).__name__}.{self.name}"


FINAL_FAILURE_STATES = frozenset({States.failed, States.dep_fail, States.cancelled})
FINAL_STATES = FINAL_FAILURE_STATES | {States.exec_done, States.memo_done}

_STATES = {
    State.WAITING: States.pending,
    State.RECALLING: States.pending,
    State.RUNNING: States.running,
    State.DONE: States.exec_done,
    State.FAILED: States.failed,
    State.SKIPPED: States.dep_fail,
    State.CANCELLED: States.cancelled,
}


class Facts(NamedTuple):
    """What the scheduler knows of a task."""

    row: TaskRow
    details: TaskDetails


def status_of(state: State, row: TaskRow | None) -> States:
    """Parsl's word for where a task stands; `row`: None where nothing more than the state is known."""
    if row is not None:
        if state is State.DONE and row.recalled:
            return States.memo_done
        if row.joining:
            return States.joining
        if row.again:
            return States.fail_retryable
    return _STATES[state]


class TaskRecord(Mapping[str, Any]):
    """A task as a read-only mapping with Parsl's keys.

    `known` is what the maker of the record knows; `ask` gives the rest, None if nobody can tell any more, and then
    those keys give None. Times are local, as `datetime.datetime` without a zone, None if not yet; `depends` are the
    numbers of the tasks that it needs; `executor` is the label of that where it has run last, None if it has not;
    `fail_history` has a line for each failed attempt; `try_id` counts all attempts, from 0.
    """

    def __init__(self, known: Mapping[str, Any], ask: Callable[[], Facts | None]) -> None:
        self._known = known
        self._ask = ask

    def __getitem__(self, key: str) -> Any:
        if key in self._known:
            return self._known[key]
        tell = _TOLD[key]
        facts = self._ask()
        return None if facts is None else tell(facts)

    def knowing(self, more: Mapping[str, Any]) -> TaskRecord:
        """The same record, to whoever knows more already."""
        return TaskRecord({**self._known, **more}, self._ask)

    def __iter__(self) -> Iterator[str]:
        yield from self._known
        yield from (key for key in _TOLD if key not in self._known)

    def __len__(self) -> int:
        return len(self._known.keys() | _TOLD.keys())

    def __repr__(self) -> str:
        return f"<TaskRecord of task {self['id']} {self['func_name']}>"


def record_of_call(number: int, options: Options, args: Any, kwargs: Any, flow: Any) -> TaskRecord:
    """The record of a call that is being made: with its arguments, and nothing that only a task has."""
    known = {
        **known_of(number, options),
        "dfk": flow,
        "args": args,
        "kwargs": dict(kwargs),
        "status": States.pending,
        "fail_count": 0,
        "try_id": 0,
    }
    return TaskRecord(known, lambda: None)


def known_of(number: int, options: Options) -> dict[str, Any]:
    """What a record says of any call of an app."""
    return {
        "id": number,
        "func_name": options.name,
        "app_type": options.kind,
        "join": options.kind == "join",
        "memoize": options.cache,
        "ignore_for_cache": sorted(options.ignore_for_cache),
    }


def _time(seconds: float) -> datetime.datetime | None:
    return datetime.datetime.fromtimestamp(seconds) if seconds else None  # noqa: DTZ006 # Parsl's have no zone


_TOLD: dict[str, Callable[[Facts], Any]] = {
    "id": lambda facts: facts.row.id,
    "func_name": lambda facts: facts.row.app,
    "status": lambda facts: status_of(State(facts.row.state), facts.row),
    "depends": lambda facts: list(facts.row.needs),
    "executor": lambda facts: facts.details.executor or None,
    "fail_count": lambda facts: len(facts.details.failures),
    "fail_history": lambda facts: list(facts.details.failures),
    "fail_cost": lambda facts: facts.details.spent,
    "try_id": lambda facts: max(0, facts.row.attempt - 1),
    "from_memo": lambda facts: facts.row.recalled,
    "time_invoked": lambda facts: _time(facts.row.submitted),
    "time_returned": lambda facts: _time(facts.row.ended),
    "try_time_launched": lambda facts: _time(facts.row.started),
    "try_time_returned": lambda facts: _time(facts.row.ended),
}
