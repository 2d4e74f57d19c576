"""The memo of a flow: values of cached calls by their keys, and which task computes a value that is not there yet.

    recall ──> known            ──> Recalled(found)
           ──> being computed   ──> the task waits, and ends as that one does
           ──> neither          ──> Recalled(not found): it runs, and later equal calls wait for it

A call that is waited for and cancelled hands over to the next one, and so does one on a thread whose value can be read
but once, which is not remembered. What else stays in the client's process is kept as bytes
as soon as the client has made them, so that nothing that is done to the object changes what is recalled.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeGuard

from nbflow.core.events import Awaited, Recalled
from nbflow.numbers import name_of
from nbflow.scheduler.checkpoints import Checkpoints
from nbflow.scheduler.exports import Exports, NotExported
from nbflow.scheduler.history import Job
from nbflow.values.memo import lasts
from nbflow.wire.messages import MemoSpec, Submit
from nbflow.wire.outcomes import Blamed, Composed, Failure, Held, Inline, Lost, Outcome, Stored, Value


class _Known(NamedTuple):
    value: Value
    task: int  # that computed it


class Memo:
    """What is remembered. `jobs` are those of the flow, `emit` takes events, `hold` values that are to stay, `discard`
    what need not stay any more, `warn` what the user is to know."""

    def __init__(
        self,
        spec: MemoSpec,
        jobs: Mapping[int, Job],
        exports: Exports,
        *,
        emit: Callable[[Awaited | Recalled], None],
        hold: Callable[[Value], None],
        discard: Callable[[Held], None],
        warn: Callable[[str], None],
    ) -> None:
        self._jobs = jobs
        self._exports = exports
        self._emit = emit
        self._hold_files = hold
        self._discard = discard
        self._warn = warn
        self._known: dict[bytes, _Known] = {}
        self._files: set[str] = set()  # of values that are to stay, each held once
        # values of the client's process that are to stay -> whether only for us
        self._held: dict[int, bool] = {}
        self._shared: set[int] = set()  # those that several tasks have
        self._runners: dict[bytes, int] = {}  # key -> the task that computes its value
        self._waiters: dict[bytes, dict[int, None]] = {}  # key -> tasks that wait for that, in order
        self._store = Checkpoints(spec, warn) if spec.mode or spec.earlier else None
        self._inside: dict[int, set[bytes]] = {}  # task -> keys that calls made inside it wait for
        self._mode = spec.mode
        self._period = spec.period
        self._unwritten: dict[bytes, str] = {}  # key -> app
        self._failed: dict[bytes, str] = {}  # the same of what could not be written when it was to be
        self._coming: set[int] = set()  # tasks of whose values the client is making bytes
        self._asked: list[Callable[[], None]] = []
        self.due: float | None = None  #: when `write` is to be called next, in seconds since the epoch

    def recall(self, job: Job) -> None:
        """Look a cached call up; `Recalled` follows, now or when an equal call has ended."""
        assert job.submit is not None
        key = job.submit.key
        if (found := self._find(key)) is not None and _are_there(job.submit):
            value, task = found
            self._share(value)
            self._hold_files(value)
            job.outcome = value
            job.note = f"recalled from task {name_of(task)}" if task else "recalled from a checkpoint"
            self._emit(Recalled(job.id, True))
            return
        runner = self._runners.setdefault(key, job.id)
        if runner == job.id or self._in_a_circle(job, runner):
            self._emit(Recalled(job.id, False))
        else:
            job.note = f"waits for the equal call, task {name_of(runner)}"
            self._waiters.setdefault(key, {})[job.id] = None
            self._note_waiters(key, [job.id])
            self._emit(Awaited(runner, job.id))

    def remember(self, job: Job, value: Outcome | None) -> None:
        """A cached call has given its value; with "task_exit" it is written when this returns, if it is bytes."""
        if job.submit is not None and job.submit.key and _lends_itself(value):
            self._keep(job.submit.key, job.submit.app, _Known(value, job.id))

    def ended(self, job: Job, outcome: Outcome, root: int | None) -> None:
        """A cached call has ended, well or not: so do those that wait for it."""
        assert job.submit is not None
        key = job.submit.key
        if self._runners.get(key) != job.id:
            if job.id in self._waiters.get(key, ()):
                del self._waiters[key][job.id]
                job.note = ""
            return
        del self._runners[key]
        waiters = self._waiters.pop(key, {})
        if not waiters:
            return
        self._forget_waiters(key, waiters)
        if isinstance(outcome, (Failure, Lost)) or (
            isinstance(outcome, Blamed) and outcome.cause is not None
        ):
            for number in waiters:
                self._jobs[number].outcome = outcome
                self._emit(Recalled(number, False, True, job.id if root is None else root))
        elif _lends_itself(outcome):
            self._share(outcome)
            for number in waiters:
                self._hold_files(outcome)
                self._jobs[number].outcome = outcome
                self._jobs[number].note = f"recalled from task {name_of(job.id)}"
                self._emit(Recalled(number, True))
        else:
            first, *others = waiters
            self._runners[key] = first
            if others:
                self._waiters[key] = dict.fromkeys(others)
                self._note_waiters(key, others)
            self._jobs[first].note = ""
            self._emit(Recalled(first, False))
            for number in others:
                self._emit(Awaited(first, number))

    def forget(self, key: bytes, app: str, why: str) -> None:
        """A value was recalled that cannot be rebuilt. One that an earlier session has kept is recalled no more."""
        known = self._known.get(key)
        if self._store is None or known is None or known.task:
            return  # as it was in this flow, it would be again
        del self._known[key]
        where = self._store.forget(key)
        self._warn(
            f"a value of `{app}` that an earlier session has kept in {where} cannot be rebuilt ({why}), as when a "
            "class of it is gone or was renamed. It is recalled no more: the next equal call runs"
        )

    def keeps(self, value: Held) -> bool:
        """Whether a value is to stay that a task holds no more."""
        if value.number in self._held:
            self._held[value.number] = True
            return True
        return False

    def when_written(self, then: Callable[[], None]) -> None:
        """Write what has not been written yet, and call `then`: once the bytes have come that the client is making."""
        self._asked.append(then)
        self._answer()

    def write(self) -> None:
        """Write what has not been written yet, and is here."""
        self.due = None
        unwritten, self._unwritten = self._unwritten, {}
        self._write_again()
        for key, app in unwritten.items():
            self._write(key, app)
        self._write_later()  # what could not be written

    def end(self) -> None:
        """The flow ends."""
        if self._mode in ("dfk_exit", "periodic"):
            self.write()
        else:
            self._write_again()
        if self._store is not None:
            self._store.close()

    def _find(self, key: bytes) -> _Known | None:
        if (known := self._known.get(key)) is not None:
            return known
        value = self._store.get(key) if self._store is not None else None
        if value is None:
            return None
        self._hold(value)
        known = self._known[key] = _Known(value, 0)
        return known

    def _in_a_circle(self, job: Job, runner: int) -> bool:
        """Whether the task that a call would wait for may wait, inside, for one that the call was made in."""
        outer = set(self._outer(job.id))
        if not outer:
            return False
        seen, pending = {runner}, [runner]
        for number in pending:  # grows as it is walked
            if number in outer:
                return True
            for key in self._inside.get(number, ()):
                other = self._runners.get(key)
                if other is not None and other not in seen:
                    seen.add(other)
                    pending.append(other)
        return False

    def _outer(self, number: int) -> Iterator[int]:
        """The tasks inside which a call was made, the innermost first."""
        while number in self._jobs and (parent := self._jobs[number].parent) is not None:
            yield parent
            number = parent

    def _note_waiters(self, key: bytes, waiters: Iterable[int]) -> None:
        """Calls wait for the equal one under way."""
        for number in waiters:
            for outer in self._outer(number):
                self._inside.setdefault(outer, set()).add(key)

    def _forget_waiters(self, key: bytes, waiters: Iterable[int]) -> None:
        """It has ended."""
        for number in waiters:
            for outer in self._outer(number):
                keys = self._inside.get(outer, set())
                keys.discard(key)
                if not keys:
                    self._inside.pop(outer, None)

    def _keep(self, key: bytes, app: str, known: _Known) -> None:
        self._hold(known.value)
        self._known[key] = known
        if not self._exports.used or self._bring(key, app, known):
            self._record(key, app)
        self._answer()

    def _answer(self) -> None:
        if self._asked and not self._coming:
            self.write()
            asked, self._asked = self._asked, []
            for then in asked:
                then()

    def _bring(self, key: bytes, app: str, known: _Known) -> bool:
        """Get the bytes of what stays in the client's process; True if there are none to be waited for."""

        def go_on() -> None:
            if self._known.get(key) == known:
                self._keep(key, app, known)
            else:  # the call has run again meanwhile
                self._coming.discard(known.task)
                self._answer()

        if not self._exports.fetch([known.value], go_on):
            self._coming.add(known.task)
            return False
        self._coming.discard(known.task)
        try:
            value = self._exports.put_in(known.value)
        except NotExported:
            return False  # it is recalled by reference, in this flow alone
        self._hold(value)
        self._known[key] = _Known(value, known.task)
        for held in _held_in(known.value):
            if held.number not in self._shared and self._held.pop(held.number, False):
                self._discard(held)
        return True

    def _hold(self, value: Outcome) -> None:
        if isinstance(value, Stored):
            if not self._files.issuperset(value.files):
                self._files.update(value.files)
                self._hold_files(value)
        elif isinstance(value, Held):
            self._held.setdefault(value.number, False)
        elif isinstance(value, Composed):
            for part in value.parts:
                self._hold(part)

    def _share(self, value: Value) -> None:
        self._shared.update(held.number for held in _held_in(value))

    def _record(self, key: bytes, app: str) -> None:
        if not self._mode or not lasts(key):
            return
        if self._mode == "task_exit":
            if self._write(key, app):
                self._write_again()  # there may be room again
            return
        self._unwritten[key] = app
        self._write_later()

    def _write_later(self) -> None:
        if self._mode == "periodic" and (self._unwritten or self._failed) and self.due is None:
            self.due = time.time() + self._period

    def _write(self, key: bytes, app: str) -> bool:
        """False if it could not be written: it is tried again with others that are."""
        assert self._store is not None
        written = self._store.put(key, app, self._known[key].value)
        if not written:
            self._failed[key] = app
        return written

    def _write_again(self) -> None:
        failed, self._failed = self._failed, {}
        for key, app in failed.items():
            self._write(key, app)


def _are_there(submit: Submit) -> bool:
    """Whether the files are that the call would write: all of them where one executor's tasks run."""
    if not submit.outputs:
        return True
    return any(
        all(os.path.exists(os.path.join(place, path)) for path in submit.outputs) for place in submit.places
    )


def _lends_itself(value: Outcome | None) -> TypeGuard[Value]:
    """Whether it is a value that several may have."""
    return isinstance(value, (Inline, Stored, Held, Composed)) and not any(
        held.once for held in _held_in(value)
    )


def _held_in(value: Value) -> Iterator[Held]:
    if isinstance(value, Held):
        yield value
    elif isinstance(value, Composed):
        for part in value.parts:
            yield from _held_in(part)
