"""The machine: one door, `handle(events, now) -> Step`. It decides everything and does nothing.

What lives here is what a call, an attempt and their ends mean for a task; how tasks move and end is `ledger`'s subject,
where they stand and who runs them `workforce`'s. What must not live in any of the three: values, sockets, clocks, and
anything that depends on the user's code. The host (`nbflow.scheduler`) turns messages into events and carries out
the instructions; the tests play the host as well.

    events ──> handle ──> instructions (carried out in order) and changes (published to observers)

A task is WAITING until its needs are DONE and a worker begins it; the ones that a worker was sent ahead stay WAITING
until they are at the head of its queue. A late or doubled event is ignored. A move outside the table is a bug of ours
and raises `IllegalMove` with the task's story.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from nbflow.core import events as ev
from nbflow.core.again import again_from, goes_on
from nbflow.core.instructions import Judge, Note, Recall, Revive, TakeBack, Why
from nbflow.core.invariants import check
from nbflow.core.placement import PATIENCE, TOGETHER
from nbflow.core.retry import NEVER
from nbflow.core.states import State
from nbflow.core.story import Journal
from nbflow.core.task import Step, Task
from nbflow.core.workforce import Workforce

WAITING, RECALLING, RUNNING = State.WAITING, State.RECALLING, State.RUNNING
DONE, FAILED, CANCELLED = State.DONE, State.FAILED, State.CANCELLED
ATTEMPT = Why.ATTEMPT

_FAR = 1.0  # seconds within which the next look for what waits behind long tasks is due


class Machine(Workforce):
    """All tasks, all pools, and the rules. `judged`: the host is asked what each failure costs, see `Judge`."""

    def __init__(
        self, *, judged: bool = False, validate: bool = False, journal: Journal | None = None
    ) -> None:
        super().__init__()
        self._judging = judged
        self._validate = validate
        self._journal = journal
        self._on: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.Submitted: self._submitted,
            ev.Promised: self._promised,
            ev.Delivered: self._delivered,
            ev.Succeeded: self._succeeded,
            ev.Failed: self._failed,
            ev.Judged: self._judged,
            ev.Joined: self._joined,
            ev.Recalled: self._recalled,
            ev.Awaited: self._awaited,
            ev.Released: self._released,
            ev.Returned: self._returned,
            ev.CancelRequested: self._cancel_requested,
            ev.RetryRequested: self._retry_requested,
            ev.ExecutorAdded: self._executor_added,
            ev.WorkerJoined: self._worker_joined,
            ev.HireFailed: self._hire_failed,
            ev.WorkerLost: self._worker_lost,
            ev.Overgrown: self._overgrown,
            ev.Silent: self._silent,
            ev.Answers: self._answers,
            ev.Blocked: self._blocked,
            ev.Unblocked: self._unblocked,
            ev.Ticked: self._ticked,
        }

    def handle(self, events: Sequence[ev.Event], now: float) -> Step:
        """Take in what has happened up to `now` (seconds) and say what to do about it."""
        if self._journal is not None:
            self._journal.record(events, now)
        self._now = now
        self._step = step = Step([], [])
        on = self._on
        for event in events:
            on[type(event)](event)
        self._place_all()
        self._take_back_what_waits_for_long()
        step.wake_at = self._wake_at()
        if self._validate:
            check(self.tasks, self.pools, self.desks, self.timers)
        return step

    # ------------------------------------------------------------ calls

    def _submitted(self, event: ev.Submitted) -> None:
        needs = event.needs
        task = Task(
            event.task,
            event.app,
            needs,
            event.executors,
            event.terms,
            event.walltime,
            event.cached,
            event.priority,
            event.keyed,
        )
        if event.parent is not None and (parent := self.tasks.get(event.parent)) is not None:
            task.depth = parent.depth + 1
            task.rank = parent.priority if parent.rank is None else parent.rank
        self._live[event.task] = task
        self.counts[WAITING] += 1
        if not needs:
            self._ready(task)
            return
        unknown = next((number for number in needs if number not in self.tasks), None)
        if unknown is not None:
            task.needs, task.once = (), True  # none of them is held for this task
            self._end(task, FAILED, Why.NEED_GONE, unknown)
            return
        culprit = self._wait_for(task, needs)
        if culprit is not None:
            self._end(task, *self._fate(culprit))
        elif not task.unmet:
            self._ready(task)
        elif task.unmet <= TOGETHER:
            self._follow(task, next(other for n in needs if (other := self.tasks[n]).state < DONE))

    def _promised(self, event: ev.Promised) -> None:
        task = self._live[event.task] = Task(
            event.task, event.app, (), (), NEVER, 0.0, False, once=True, attempt=1
        )
        self.counts[WAITING] += 1
        self._move(task, RUNNING, ATTEMPT)

    def _delivered(self, event: ev.Delivered) -> None:
        task = self._live.get(event.task)
        if task is not None and task.state is RUNNING and task.outside:
            self._end(task, event.state, Why.ASKED if event.state is CANCELLED else ATTEMPT, None)

    def _released(self, event: ev.Released) -> None:
        for number in event.tasks:
            if number in self.tasks:
                self._drop(number)

    def _cancel_requested(self, event: ev.CancelRequested) -> None:
        task = self._live.get(event.task)
        if task is None or task.state >= DONE or task.doom is Why.ASKED:
            return
        begun = task.state is RUNNING or task.inner is not None
        if event.unless_begun and (begun or task.unwanted):
            return
        if event.unless_begun and task.queued:
            task.unwanted = True
            self._say(TakeBack(task.worker, (task.id,)))
        elif task.state is RUNNING and not task.outside:
            if task.doom is None:  # else: it is being ended for its walltime
                self._abort(task)
            task.doom = Why.ASKED
        elif task.queued:
            task.doom = Why.ASKED  # the answer decides: given back, or kept and then aborted
            self._say(TakeBack(task.worker, (task.id,)))
        else:
            if task.due:
                self.timers.clear(task)
            inner = task.inner or ()
            self._end(task, CANCELLED, Why.ASKED, None)
            for number in inner:
                self._cancel_requested(ev.CancelRequested(number))

    def _retry_requested(self, event: ev.RetryRequested) -> None:
        again = [task for task in map(self._live.get, event.tasks) if task is not None and again_from(task)]
        numbers = {task.id for task in again}
        if any(task.state is CANCELLED for task in again):
            for pool in self.pools.values():
                pool.clear_of(numbers)
        self._unlist(again, numbers)
        left = [number for task in again for number in self._reopen(task, numbers)]
        for task in again:
            if task.state is not WAITING:
                continue  # another one has taken it along in its end
            joins = task.inner is not None
            culprit = self._wait_for(task, task.needs if task.inner is None else task.inner, 0)
            if culprit is not None:
                fate = (FAILED, Why.NEED, self._root(culprit)) if joins else self._fate(culprit)
                self._end(task, *fate)
            elif not task.unmet and joins:
                self._end(task, DONE, Why.JOINED, None)
            elif not task.unmet:
                self._ready(task)
        for number in left:
            self._drop(number)

    def _unlist(self, again: Sequence[Task], numbers: Collection[int]) -> None:
        """They ended before all that they waited for had: there they are no dependants any more."""
        waited_for = {number for task in again for number in (*task.needs, *(task.inner or ()))}
        for other in map(self.tasks.__getitem__, waited_for):
            if other.dependants:
                other.dependants = [number for number in other.dependants if number not in numbers]

    def _reopen(self, task: Task, again: Collection[int]) -> tuple[int, ...]:
        """The task waits as if it had just been called, but for the number of its attempts; gives back what it lets go.

        A join goes on with the tasks that it has called if those that failed are tried again, too; else its body runs.
        """
        joins = goes_on(task, self.tasks, again)
        left = () if joins or task.inner is None else task.inner
        if not joins:
            task.inner = None
        task.failures, task.spent, task.unmet = 0, 0.0, 0
        task.asked = task.unwanted = False
        task.trial = task.doom = task.root = None
        task.story = []
        self._say(Revive(task.id, joins))
        self._move(task, WAITING, Why.JOINED if joins else Why.RETRIED)
        return left

    # ------------------------------------------------------------ attempts

    def _ready(self, task: Task) -> None:
        """All needs are DONE."""
        if task.cached and not task.asked:
            task.asked = True
            self._move(task, RECALLING, ATTEMPT)
            self._say(Recall(task.id))
        else:
            self._enqueue(task)

    def _recalled(self, event: ev.Recalled) -> None:
        task = self._live.get(event.task)
        if task is None or task.state is not RECALLING:
            return
        if event.found:
            self._end(task, DONE, Why.RECALLED, None)
        elif event.failed:
            self._end(task, FAILED, Why.RECALLED, event.root)
        else:
            self._move(task, WAITING, Why.RECALLED)
            self._enqueue(task)

    def _awaited(self, event: ev.Awaited) -> None:
        """What a call made inside a task waits for counts as called there as well, and is not held back."""
        task, by = self._live.get(event.task), self._live.get(event.by)
        if task is None or by is None or by.depth <= task.depth:
            return
        pool = next((pool for pool in self.pools.values() if pool.remove(task)), None)
        task.depth, task.rank = by.depth, by.rank
        if pool is not None:
            pool.add(task)
            self._touched.add(pool.executor)

    def _succeeded(self, event: ev.Succeeded) -> None:
        task = self._current(event.task, event.attempt, event.worker)
        if task is None:
            return
        desk = self.desks[event.worker]
        pool = self.pools[desk.executor]
        self._take_off(task, desk, pool)
        pool.measured(task.app, event.took)
        self._end(task, DONE, ATTEMPT, None)
        self._begin_next(desk)  # which may have needed this one
        self._short[desk.worker] = desk

    def _failed(self, event: ev.Failed) -> None:
        task = self._current(event.task, event.attempt, event.worker)
        if task is None:
            return
        pool = self._leave_desk(task)
        self._gave_nothing(task, ATTEMPT, event.may_retry)
        if event.took is not None:
            pool.measured(task.app, event.took)
            self._short[event.worker] = self.desks[event.worker]

    def _joined(self, event: ev.Joined) -> None:
        task = self._current(event.task, event.attempt, event.worker)
        if task is None:
            return
        self._leave_desk(task)
        task.inner = event.inner
        self._move(task, WAITING, Why.JOINED)
        # the worker that called them holds them until after this event
        culprit = self._wait_for(task, event.inner)
        doom, task.doom = task.doom, None
        if doom is Why.ASKED:
            self._cancel_requested(ev.CancelRequested(task.id))
        elif culprit is not None:
            self._end(task, FAILED, Why.NEED, self._root(culprit))
        elif not task.unmet:
            self._end(task, DONE, Why.JOINED, None)

    def _current(self, number: int, attempt: int, worker: int) -> Task | None:
        """The task, if this is its attempt under way; begun now if its beginning was not seen."""
        task = self._live.get(number)
        if task is None or not task.queued or task.attempt != attempt or task.worker != worker:
            return None
        if task.state is WAITING:
            self._move(task, RUNNING, ATTEMPT)
        return task

    def _gave_nothing(self, task: Task, why: Why, may_retry: bool) -> None:
        """An attempt gave no value: another one, now, later or once somebody has judged it, or the end."""
        task.failures += 1
        if task.doom is Why.ASKED:
            self._end(task, CANCELLED, Why.ASKED, None)
            return
        if not may_retry or not (self._judging or self._affords(task, 1.0)):
            self._end(task, FAILED, why, None)
            return
        task.doom = None
        task.unwanted = False
        self._say(Note(task.id, task.attempt, task.worker, why))
        if self._judging:
            task.trial = why
            self._move(task, WAITING, why)
            self._say(Judge(task.id, task.attempt, task.spent))
        else:
            self._try_again(task, why)

    def _judged(self, event: ev.Judged) -> None:
        task = self._live.get(event.task)
        if task is None or task.state is not WAITING or task.trial is None or task.attempt != event.attempt:
            return
        why, task.trial = task.trial, None
        if event.refused:
            self._end(task, FAILED, Why.JUDGED, None)
        elif self._affords(task, event.cost):
            self._try_again(task, Why.JUDGED)
        else:
            self._end(task, FAILED, why, None)

    @staticmethod
    def _affords(task: Task, cost: float) -> bool:
        """Note what a failure costs; whether that leaves the task another attempt."""
        task.spent += cost
        return task.spent <= task.terms.times

    def _try_again(self, task: Task, why: Why) -> None:
        at = self._now + task.terms.pause(task.failures)
        self._move(task, WAITING, why, until=at)
        if at > self._now:
            self.timers.set(task, at)
        else:
            self._enqueue(task)

    # ------------------------------------------------------------ time

    def _ticked(self, event: ev.Ticked) -> None:
        for task in self.timers.take(self._now):
            if task.state is WAITING:
                self._enqueue(task)
            elif task.state is RUNNING and task.doom is None:
                task.doom = Why.TIMEOUT
                self._abort(task)
        for pool in self.pools.values():
            # another start may be due, or the end of workers that have stayed
            if pool.starts.failing or pool.parts_at is not None:
                self._touched.add(pool.executor)

    def _take_back_what_waits_for_long(self) -> None:
        for pool in self.pools.values():
            # it is due, or the clock was set back
            if pool.launched and pool.stuck and not 0.0 < pool.look_at - self._now < _FAR:
                self._take_tails_back(pool)

    def _wake_at(self) -> float | None:
        dues = [self.timers.next]
        for pool in self.pools.values():
            if pool.launched and pool.stuck:
                dues.append(pool.look_at)
            if pool.starts.failing and not pool.hiring and (pool.workers_short or pool.crowded):
                dues.append(max(pool.starts.not_before, self._now + PATIENCE))
            if not pool.launched:
                dues.append(pool.parts_at)
        return min((due for due in dues if due is not None), default=None)
