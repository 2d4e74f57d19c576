"""The machine: one door, `handle(events, now) -> Step`. It decides everything and does nothing.

What lives here is the truth about every task that is not forgotten. What must not live here: values, sockets, clocks,
and anything that depends on the user's code. The host (`nbflow.scheduler`) turns messages into events and carries out
the instructions; the tests play the host as well.

    events ──> handle ──> instructions (carried out in order) and changes (published to observers)

A task is WAITING until its needs are DONE and a worker begins it; the ones that a worker was sent ahead stay WAITING
until they are at the head of its queue. A late or doubled event is ignored. A move outside the table is a bug of ours
and raises `IllegalMove` with the task's story.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nbflow.core import events as ev
from nbflow.core.instructions import (
    Abort,
    Dismiss,
    Hire,
    Judge,
    Launch,
    Note,
    Recall,
    TakeBack,
    Why,
)
from nbflow.core.invariants import check
from nbflow.core.ledger import Ledger
from nbflow.core.placement import AHEAD, PATIENCE, TRIES, Desk, Pool
from nbflow.core.retry import NEVER
from nbflow.core.states import State
from nbflow.core.story import Journal
from nbflow.core.task import Step, Task
from nbflow.core.timers import Timers

WAITING, RECALLING, RUNNING = State.WAITING, State.RECALLING, State.RUNNING
DONE, FAILED, CANCELLED = State.DONE, State.FAILED, State.CANCELLED


class Machine(Ledger):
    """All tasks, all pools, and the rules. `judged`: the host is asked what each failure costs, see `Judge`."""

    def __init__(
        self, *, judged: bool = False, validate: bool = False, journal: Journal | None = None
    ) -> None:
        super().__init__()
        self.pools: dict[str, Pool] = {}
        self._open: list[Pool] = []  # those for tasks that name no executor
        self.desks: dict[int, Desk] = {}
        self.timers = Timers(self.tasks)
        self._judging = judged
        self._validate = validate
        self._journal = journal
        self._touched: set[str] = set()  # executors whose pool may place or hire
        self._on: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.Submitted: self._submitted,
            ev.Promised: self._promised,
            ev.Delivered: self._delivered,
            ev.Succeeded: self._succeeded,
            ev.Failed: self._failed,
            ev.Judged: self._judged,
            ev.Joined: self._joined,
            ev.Recalled: self._recalled,
            ev.Released: self._released,
            ev.Returned: self._returned,
            ev.CancelRequested: self._cancel_requested,
            ev.ExecutorAdded: self._executor_added,
            ev.WorkerJoined: self._worker_joined,
            ev.HireFailed: self._hire_failed,
            ev.WorkerLost: self._worker_lost,
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
        for executor in self._touched:
            self._place(self.pools[executor])
        self._touched.clear()
        step.wake_at = self._wake_at()
        if self._validate:
            check(self.tasks, self.pools, self.desks, self.timers)
        return step

    # ------------------------------------------------------------ calls

    def _submitted(self, event: ev.Submitted) -> None:
        task = Task(
            event.task,
            event.app,
            event.needs,
            event.executors,
            event.terms,
            event.walltime,
            event.cached,
            event.priority,
        )
        self.tasks[task.id] = task
        self.counts[WAITING] += 1
        unknown = next((number for number in event.needs if number not in self.tasks), None)
        if unknown is not None:
            task.needs = ()  # none of them is held for this task
            self._end(task, FAILED, Why.NEED_GONE, unknown)
            return
        culprit = self._wait_for(task, event.needs)
        if culprit is not None:
            self._end(task, *self._fate(culprit))
        elif not task.unmet:
            self._ready(task)

    def _promised(self, event: ev.Promised) -> None:
        task = self.tasks[event.task] = Task(event.task, event.app, (), (), NEVER, 0.0, False, attempt=1)
        self.counts[WAITING] += 1
        self._move(task, RUNNING, Why.ATTEMPT)

    def _delivered(self, event: ev.Delivered) -> None:
        task = self.tasks.get(event.task)
        if task is not None and task.state is RUNNING and task.outside:
            self._end(task, event.state, Why.ASKED if event.state is CANCELLED else Why.ATTEMPT, None)

    def _released(self, event: ev.Released) -> None:
        for number in event.tasks:
            if number in self.tasks:
                self._drop(number)

    def _cancel_requested(self, event: ev.CancelRequested) -> None:
        task = self.tasks.get(event.task)
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
                self._say(Abort(task.worker))
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

    # ------------------------------------------------------------ attempts

    def _recalled(self, event: ev.Recalled) -> None:
        task = self.tasks.get(event.task)
        if task is None or task.state is not RECALLING:
            return
        if event.found:
            self._end(task, DONE, Why.RECALLED, None)
        elif event.failed:
            self._end(task, FAILED, Why.RECALLED, event.root)
        else:
            self._move(task, WAITING, Why.RECALLED)
            self._enqueue(task)

    def _succeeded(self, event: ev.Succeeded) -> None:
        task = self._current(event.task, event.attempt, event.worker)
        if task is None:
            return
        pool = self._leave_desk(task)
        pool.measured(task.app, event.took)
        self._end(task, DONE, Why.ATTEMPT, None)
        self._top_up(pool, self.desks[event.worker])

    def _failed(self, event: ev.Failed) -> None:
        task = self._current(event.task, event.attempt, event.worker)
        if task is None:
            return
        self._leave_desk(task)
        self._gave_nothing(task, Why.ATTEMPT, event.may_retry)

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
        task = self.tasks.get(number)
        if task is None or not task.queued or task.attempt != attempt or task.worker != worker:
            return None
        if task.state is WAITING:
            self._move(task, RUNNING, Why.ATTEMPT)
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
        task = self.tasks.get(event.task)
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

    # ------------------------------------------------------------ workers

    def _executor_added(self, event: ev.ExecutorAdded) -> None:
        pool = self.pools[event.executor] = Pool(event.executor, event.slots, event.on_demand)
        if not event.reserved:
            self._open.append(pool)
        self._touched.add(event.executor)

    def _worker_joined(self, event: ev.WorkerJoined) -> None:
        pool = self.pools[event.executor]
        pool.hiring -= 1
        pool.misses = 0
        desk = self.desks[event.worker] = pool.desks[event.worker] = Desk(event.worker, event.executor)
        pool.idle[event.worker] = desk
        self._touched.add(event.executor)

    def _hire_failed(self, event: ev.HireFailed) -> None:
        pool = self.pools[event.executor]
        pool.hiring -= 1
        pool.misses += 1
        self._touched.add(event.executor)
        if pool.misses >= TRIES and not pool.desks:
            pool.broken = True
            while (task := self._next_ready(pool)) is not None:
                self._end(task, FAILED, Why.NO_WORKERS, None)

    def _worker_lost(self, event: ev.WorkerLost) -> None:
        desk = self.desks.pop(event.worker, None)
        if desk is None:
            return
        pool = self.pools[desk.executor]
        del pool.desks[desk.worker]
        pool.blocked -= desk.blocked
        pool.idle.pop(desk.worker, None)
        self._touched.add(desk.executor)
        for number in reversed(tuple(desk.queue)):  # reversed: put back in front, the order stays
            task = self.tasks[number]
            self._leave_desk(task, desk, pool)
            if task.state is RUNNING:
                why = task.doom or Why.LOST
                self._gave_nothing(task, why, task.terms.covers(why))
            elif task.doom is not None or task.unwanted:
                self._end(task, CANCELLED, Why.ASKED, None)
            else:
                task.attempt -= 1
                pool.put_back(number, task.priority)

    def _returned(self, event: ev.Returned) -> None:
        desk = self.desks.get(event.worker)
        if desk is None:
            return
        pool = self.pools[desk.executor]
        desk.recalling = False
        self._touched.add(desk.executor)
        for number in reversed(event.tasks):
            if number not in desk.queue:
                continue
            task = self.tasks[number]
            self._leave_desk(task, desk, pool)
            if task.state is RUNNING:  # given back in the moment in which it was about to begin
                self._move(task, WAITING, Why.RETURNED)
            task.attempt -= 1
            if task.doom is not None or task.unwanted:
                self._end(task, CANCELLED, Why.ASKED, None)
            else:
                pool.put_back(number, task.priority)
        for number in event.kept:
            if number in desk.queue:
                task = self.tasks[number]
                task.unwanted = False  # it has begun
                if task.doom is Why.ASKED:
                    self._say(Abort(desk.worker))

    def _blocked(self, event: ev.Blocked) -> None:
        desk = self.desks.get(event.worker)
        if desk is not None and not desk.blocked:
            desk.blocked = True
            pool = self.pools[desk.executor]
            pool.blocked += 1
            pool.idle.pop(desk.worker, None)
            for worker, tasks in pool.tails(self._now):
                self._say(TakeBack(worker, tasks))
            self._touched.add(desk.executor)

    def _unblocked(self, event: ev.Unblocked) -> None:
        desk = self.desks.get(event.worker)
        if desk is not None and desk.blocked:
            desk.blocked = False
            pool = self.pools[desk.executor]
            pool.blocked -= 1
            if not desk.queue:
                pool.idle[desk.worker] = desk
            self._touched.add(desk.executor)

    def _ticked(self, event: ev.Ticked) -> None:
        for task in self.timers.take(self._now):
            if task.state is WAITING:
                self._enqueue(task)
            elif task.state is RUNNING and task.doom is None:
                task.doom = Why.TIMEOUT
                self._say(Abort(task.worker))
        for pool in self.pools.values():
            if pool.stuck:
                for worker, tasks in pool.tails(self._now):
                    self._say(TakeBack(worker, tasks))

    def _wake_at(self) -> float | None:
        at = self.timers.next
        for pool in self.pools.values():
            if pool.stuck and (at is None or at > self._now + PATIENCE):
                at = self._now + PATIENCE
        return at

    # ------------------------------------------------------------ placing

    def _ready(self, task: Task) -> None:
        """All needs are DONE."""
        if task.cached:
            task.cached = False  # asked once
            self._move(task, RECALLING, Why.ATTEMPT)
            self._say(Recall(task.id))
        else:
            self._enqueue(task)

    def _enqueue(self, task: Task) -> None:
        pool = self._choose(task)
        if pool is None:
            self._end(task, FAILED, Why.NO_EXECUTOR, None)
        elif pool.broken:
            self._end(task, FAILED, Why.NO_WORKERS, None)
        else:
            if task.priority is None:
                pool.ready.append(task.id)
            else:
                pool.rank(task.id, task.priority)
            self._touched.add(pool.executor)

    def _choose(self, task: Task) -> Pool | None:
        """The pool with the least work per slot among those that the task may use."""
        if not task.executors and len(self._open) == 1:
            return self._open[0]
        pools = [self.pools[e] for e in task.executors if e in self.pools] if task.executors else self._open
        return min(pools, key=lambda pool: (pool.waiting + pool.launched) / pool.slots, default=None)

    def _place(self, pool: Pool) -> None:
        """Give ready tasks to idle desks; hire and dismiss so that every slot is at work."""
        while pool.idle and (task := self._next_ready(pool)):
            self._launch(task, pool, pool.idle[next(reversed(pool.idle))])  # its memory is still warm
        for _ in range(pool.workers_short):
            pool.hiring += 1
            self._say(Hire(pool.executor))
        surplus = pool.at_work - pool.slots
        for worker in tuple(pool.idle)[:surplus] if surplus > 0 else ():
            del pool.idle[worker]
            del pool.desks[worker]
            del self.desks[worker]
            self._say(Dismiss(worker))

    def _next_ready(self, pool: Pool) -> Task | None:
        ready, ranked = pool.ready, pool.ranked
        while ranked or ready:
            task = self.tasks.get(pool.first_ranked() if ranked else ready.popleft())
            if task is not None and task.state is WAITING and not task.queued:  # else: cancelled meanwhile
                return task
        return None

    def _top_up(self, pool: Pool, desk: Desk) -> None:
        """Send tasks ahead to a desk that has just ended one."""
        took = pool.took
        for _ in range(pool.room(desk)):
            task = self._next_ready(pool)
            if task is None:
                return
            if desk.queue and (task.app not in took or desk.load + took[task.app] > AHEAD):
                pool.put_back(task.id, task.priority)
                return
            self._launch(task, pool, desk)

    def _launch(self, task: Task, pool: Pool, desk: Desk) -> None:
        task.attempt += 1
        task.worker = desk.worker
        task.queued = True
        self._say(Launch(task.id, task.attempt, desk.worker))
        first = not desk.queue
        desk.add(task.id, pool.took.get(task.app, AHEAD))
        pool.launched += 1
        if first:
            pool.idle.pop(desk.worker, None)
            self._begin(task, desk)

    def _begin(self, task: Task, desk: Desk) -> None:
        """The task is at the head of its desk."""
        desk.head_since = self._now
        self._move(task, RUNNING, Why.ATTEMPT)
        if task.walltime:
            self.timers.set(task, self._now + task.walltime)

    def _leave_desk(self, task: Task, desk: Desk | None = None, pool: Pool | None = None) -> Pool:
        """Take the task off its desk; what stands next there begins. `desk` is given where it is off the books."""
        task.queued = False
        if task.due:
            self.timers.clear(task)
        on_books = desk is None or desk.worker in self.desks
        desk = desk or self.desks[task.worker]
        pool = pool or self.pools[desk.executor]
        was_head = desk.head == task.id
        desk.remove(task.id)
        pool.launched -= 1
        if on_books:
            if not desk.queue:
                desk.recalling = False
                if not desk.blocked:
                    pool.idle[desk.worker] = desk
                    self._touched.add(pool.executor)
            elif was_head and (head := desk.head) is not None:
                self._begin(self.tasks[head], desk)
        return pool
