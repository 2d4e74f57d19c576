"""The workforce: every worker of every executor, as it comes and goes, and which task stands where.

What lives here moves tasks onto desks, off them, and back when a worker is lost. What must not live here: what a call
or an attempt means, which is `machine`'s subject, and the sums about queues, which are `placement`'s.
"""

from __future__ import annotations

import sys

from nbflow.core import events as ev
from nbflow.core.instructions import Abort, Dismiss, Hire, Launch, TakeBack, Why
from nbflow.core.ledger import Ledger
from nbflow.core.placement import AHEAD, AT_MOST, BEHIND, NEXT, TOGETHER, Desk, Pool
from nbflow.core.states import State
from nbflow.core.task import Task
from nbflow.core.timers import Timers

WAITING, RUNNING = State.WAITING, State.RUNNING
DONE, FAILED, CANCELLED = State.DONE, State.FAILED, State.CANCELLED
ATTEMPT = Why.ATTEMPT


class Workforce(Ledger):
    """All pools and their desks. Whoever decides about attempts says by `_gave_nothing` what a lost one means."""

    def __init__(self) -> None:
        super().__init__()
        self.pools: dict[str, Pool] = {}
        self._open: list[Pool] = []  # those for tasks that name no executor
        self.desks: dict[int, Desk] = {}
        self.timers = Timers(self._live)
        self._touched: set[str] = set()  # executors whose pool may place or hire
        self._short: dict[int, Desk] = {}  # desks that may be sent more

    def _gave_nothing(self, task: Task, why: Why, may_retry: bool) -> None:
        """An attempt that is off its desk gave no value."""
        raise NotImplementedError

    # ------------------------------------------------------------ workers

    def _executor_added(self, event: ev.ExecutorAdded) -> None:
        pool = self.pools[event.executor] = Pool(
            event.executor, event.slots, event.on_demand, event.tasks_per_worker
        )
        if not event.reserved:
            self._open.append(pool)
        self._touched.add(event.executor)

    def _worker_joined(self, event: ev.WorkerJoined) -> None:
        pool = self.pools[event.executor]
        pool.hiring -= 1
        pool.starts.succeeded()
        desk = Desk(event.worker, event.executor, pool.per_worker or sys.maxsize)
        desk.predecessor = event.successor_of
        self.desks[event.worker] = pool.desks[event.worker] = desk
        pool.idle[event.worker] = desk
        self._touched.add(event.executor)

    def _hire_failed(self, event: ev.HireFailed) -> None:
        pool = self.pools[event.executor]
        pool.hiring -= 1
        self._touched.add(event.executor)
        hopeless = pool.starts.failed(self._now, event.lasting, pool.hiring)
        if hopeless and not pool.at_work:  # else those who are may yet end what waits
            while (task := self._next_ready(pool, whatever=True)) is not None:
                self._end(task, FAILED, Why.NO_WORKERS, None)

    def _worker_lost(self, event: ev.WorkerLost) -> None:
        desk = self.desks.get(event.worker)
        if desk is None:
            return
        pool = self.pools[desk.executor]
        self._take_off_the_books(desk, pool)
        self._touched.add(desk.executor)
        for number in reversed(tuple(desk.queue)):  # reversed: put back in front, the order stays
            task = self._live[number]
            begun = event.begun is None or event.begun == (number, task.attempt)
            self._leave_desk(task, desk, pool)
            if task.state is RUNNING and (begun or task.doom is not None):
                why = task.doom or Why.LOST
                self._gave_nothing(task, why, task.terms.covers(why))
            else:
                self._not_begun(task, pool)

    def _overgrown(self, event: ev.Overgrown) -> None:
        desk = self.desks.get(event.worker)
        if desk is None:
            return
        if event.task is None:
            pool = self.pools[desk.executor]
            if not desk.queue and not desk.blocked:
                self._dismiss(desk, pool)
                self._touched.add(desk.executor)
        elif event.task in desk.queue:
            task = self._live[event.task]
            if task.doom is None:  # else it is being ended already
                task.doom = Why.MEMORY
                self._abort(task)

    def _dismiss(self, desk: Desk, pool: Pool) -> None:
        """Part with a desk that has nothing."""
        self._take_off_the_books(desk, pool)
        self._say(Dismiss(desk.worker))

    def _take_off_the_books(self, desk: Desk, pool: Pool) -> None:
        pool.blocked -= desk.blocked
        pool.absent -= desk.absent
        pool.idle.pop(desk.worker, None)
        pool.silent.pop(desk.worker, None)
        del pool.desks[desk.worker]
        del self.desks[desk.worker]

    def _returned(self, event: ev.Returned) -> None:
        desk = self.desks.get(event.worker)
        if desk is None:
            return
        pool = self.pools[desk.executor]
        if not event.unasked:
            desk.recalling = False
        self._touched.add(desk.executor)
        for number in reversed(event.tasks):
            if number not in desk.queue:
                continue
            self._comes_back(self._live[number], desk, pool)
        for number in event.kept:
            if number in desk.queue:
                task = self._live[number]
                task.unwanted = False  # it has begun
                if task.doom is Why.ASKED:
                    self._abort(task)

    def _comes_back(self, task: Task, desk: Desk, pool: Pool) -> None:
        """A worker that goes on did not begin the task, and will not."""
        desk.left += 1
        self._leave_desk(task, desk, pool)
        self._not_begun(task, pool)

    def _not_begun(self, task: Task, pool: Pool) -> None:
        """The task has left a desk before it began: it goes elsewhere, uncounted, unless nobody wants it any more."""
        if task.state is RUNNING:  # it was about to
            self._move(task, WAITING, Why.RETURNED)
        task.attempt -= 1
        if task.doom is Why.ASKED or task.unwanted:
            self._end(task, CANCELLED, Why.ASKED, None)
            return
        task.doom = None
        if not task.unmet:  # else it was to run behind what it needs
            pool.add(task, first=True)

    def _withdraw(self, task: Task) -> None:
        # it was on its way when its need was lost there: the worker will find the need missing and begin it not
        desk = self.desks[task.worker]
        desk.left += 1
        self._leave_desk(task, desk)

    def _abort(self, task: Task) -> None:
        """End the worker for what it runs, if that is this task."""
        queue = tuple(self.desks[task.worker].queue)
        self._say(Abort(task.worker, queue[queue.index(task.id) + 1 :]))

    def _blocked(self, event: ev.Blocked) -> None:
        desk = self.desks.get(event.worker)
        if desk is not None and not desk.blocked:
            pool = self._mark(desk, blocked=True)
            self._take_tails_back(pool)

    def _unblocked(self, event: ev.Unblocked) -> None:
        desk = self.desks.get(event.worker)
        if desk is not None and desk.blocked:
            self._mark(desk, blocked=False)

    def _silent(self, event: ev.Silent) -> None:
        desk = self.desks.get(event.worker)
        if desk is None:
            return
        pool = self._mark(desk, silent=True, away=event.away)
        for number in reversed(event.tasks):
            if number in desk.queue:
                self._comes_back(self._live[number], desk, pool)
        if desk.queue:
            desk.recalling = True  # there is nothing more to ask for
        else:
            self._mark(desk, away=True)

    def _answers(self, event: ev.Answers) -> None:
        desk = self.desks.get(event.worker)
        if desk is not None and desk.silent:
            desk.recalling = False
            self._mark(desk, silent=False, away=False)

    def _mark(
        self, desk: Desk, *, blocked: bool | None = None, silent: bool | None = None, away: bool | None = None
    ) -> Pool:
        """Note what has changed of a worker."""
        pool = self.pools[desk.executor]
        was_blocked, was_absent = desk.blocked, desk.absent
        desk.blocked = desk.blocked if blocked is None else blocked
        desk.silent = desk.silent if silent is None else silent
        desk.away = desk.away if away is None else away
        pool.blocked += desk.blocked - was_blocked
        pool.absent += desk.absent - was_absent
        for books, belongs in ((pool.idle, desk.idle), (pool.silent, desk.silent)):
            if belongs:
                books[desk.worker] = desk
            else:
                books.pop(desk.worker, None)
        self._touched.add(pool.executor)
        return pool

    # ------------------------------------------------------------ placing

    def _take_tails_back(self, pool: Pool) -> None:
        """Ask for what waits behind tasks that run for long."""
        for worker, tasks in pool.tails(self._now):
            self._say(TakeBack(worker, tasks))

    def _enqueue(self, task: Task) -> None:
        pool = self._choose(task)
        if pool is None:
            self._end(task, FAILED, Why.NO_EXECUTOR, None)
        else:
            pool.add(task)
            self._touched.add(pool.executor)

    def _choose(self, task: Task) -> Pool | None:
        """The pool with the least work per slot among those that the task may use."""
        if not task.executors and len(self._open) == 1:
            return self._open[0]
        pools = [self.pools[e] for e in task.executors if e in self.pools] if task.executors else self._open
        return min(pools, key=lambda pool: (pool.waiting + pool.launched) / pool.slots, default=None)

    def _place_all(self) -> None:
        """After a batch of events: whatever desk and pool they have touched."""
        for desk in self._short.values():
            if desk.worker in self.desks:
                self._top_up(self.pools[desk.executor], desk)
        self._short.clear()
        for executor in self._touched:
            self._place(self.pools[executor])
        self._touched.clear()
        for pool in self.pools.values():
            if pool.blocked and pool.crowded:
                self._place_where_all_wait()
                break

    def _place(self, pool: Pool) -> None:
        """Give ready tasks to idle desks; hire and dismiss so that every slot is at work."""
        if pool.per_worker:
            for desk in pool.spent():
                if not desk.queue:
                    self._dismiss(desk, pool)
        while pool.waiting and pool.slot_free and (begins := self._idle(pool)) is not None:
            if (task := self._next_ready(pool)) is None:
                break
            # neighbours stay together: they are likely to be needed together
            share = -(-(pool.waiting + 1) // min(len(pool.idle), pool.slots - pool.busy))
            self._launch(task, pool, begins)
            if share > 1:
                self._send_ahead(pool, begins, min(share - 1, AT_MOST))
            self._short[begins.worker] = begins
        for desk in self._short.values():  # once each of them has one
            self._top_up(pool, desk)
        self._short.clear()
        there = len(pool.desks)
        unmanned = pool.slots > there - pool.absent + pool.hiring
        if (unmanned or pool.per_worker) and (short := pool.workers_short):
            self._hire(pool, short)
        if there > pool.slots and (surplus := pool.surplus(self._now)):
            for desk in tuple(pool.idle.values())[:surplus]:
                self._dismiss(desk, pool)
            self._place(pool)  # the place of one may be what another one waits for

    def _idle(self, pool: Pool) -> Desk | None:
        """The desk that is to begin: of those whose place is free, the one whose memory is still warm."""
        for desk in reversed(pool.idle.values()):
            if self._place_is_free(desk):
                return desk
        return None

    def _place_is_free(self, desk: Desk) -> bool:
        """Whether a worker may begin: one that takes the place of another waits until that has left, or lends it.

        They may have been given the same accelerator.
        """
        predecessor = self.desks.get(desk.predecessor)
        return predecessor is None or predecessor.absent

    def _hire(self, pool: Pool, count: int) -> None:
        """Ask for workers as far as they can be had, for the places of those first that are at their last tasks."""
        leaving = [desk for desk in pool.spent() if not desk.has_successor]
        for _ in range(pool.starts.allowed(count, self._now, pool.hiring)):
            pool.hiring += 1
            predecessor = leaving.pop() if leaving else None
            if predecessor is not None:
                predecessor.has_successor = True
            self._say(Hire(pool.executor, predecessor.worker if predecessor is not None else 0))

    def _place_where_all_wait(self) -> None:
        """Where no task does anything but wait, what they wait for may be what is held back in a crowded pool."""
        pools = self.pools.values()
        if any(pool.busy or pool.hiring for pool in pools):
            return
        for pool in pools:
            if pool.idle and (task := self._next_ready(pool, whatever=True)):
                self._launch(task, pool, pool.idle[next(reversed(pool.idle))])
                return
            if pool.waiting:
                self._hire(pool, 1)
                return

    def _next_ready(self, pool: Pool, *, whatever: bool = False) -> Task | None:
        while (number := pool.take(whatever=whatever)) is not None:
            task = self._live.get(number)
            if task is not None and task.state is WAITING and not task.queued:  # else: cancelled meanwhile
                return task
        return None

    def _top_up(self, pool: Pool, desk: Desk) -> None:
        """Send tasks ahead to a desk that has just ended or begun one, and what follows the last of them."""
        if room := pool.room(desk):
            self._send_ahead(pool, desk, room)
        queue = desk.queue
        if queue and (last := self._live[next(reversed(queue))]).dependants:
            self._send_behind(last)

    def _send_ahead(self, pool: Pool, desk: Desk, count: int) -> None:
        """Send at most so many tasks ahead, as far as a desk is sent ahead at all."""
        took, queue = pool.took, desk.queue
        for _ in range(count):
            task = self._next_ready(pool) if desk.left > 0 else None  # what was sent behind others counts
            if task is None:
                return
            if queue and (
                (estimate := took.get(task.app)) is None
                or (desk.load + estimate > AHEAD and not (estimate <= NEXT and pool.one_more(desk)))
            ):
                pool.add(task, first=True)
                return
            self._launch(task, pool, desk)
            if task.dependants:
                self._send_behind(task)

    def _send_behind(self, task: Task) -> None:
        """Send what lacks nothing but tasks that a worker has to the same worker, as far as it is sent ahead.

        Only the first of many that wait for the same task are looked at: its end is told for all of them at once.
        """
        pending = [task]
        while pending:
            task = pending.pop()
            for number in task.dependants[:BEHIND]:
                dependant = self._live.get(number)
                if dependant is not None and self._follow(dependant, task) and dependant.dependants:
                    pending.append(dependant)

    def _follow(self, task: Task, need: Task) -> bool:
        """Send a task to where one that it needs is queued, if all else that it lacks is queued there as well."""
        if task.queued or not need.queued or task.state is not WAITING or task.unmet > TOGETHER:
            return False
        if (task.cached and not task.asked) or task.inner is not None:  # a join, whose body has ended
            return False
        worker = need.worker
        if task.unmet > 1:
            for other in map(self._live.get, task.needs):  # None: it is DONE
                if other is not None and other.state < DONE and not (other.queued and other.worker == worker):
                    return False
        desk = self.desks[worker]
        pool = self.pools[desk.executor]
        estimate = pool.took.get(task.app)
        if estimate is None or desk.load + estimate > AHEAD or len(desk.queue) >= AT_MOST or desk.left <= 0:
            return False
        if pool.on_demand or desk.blocked or desk.silent or desk.recalling or pool.crowded:
            return False
        # one of those that need it stays where the value is; the others only if no other worker has less to do
        crowds = pool.idle or len(desk.queue) * len(pool.desks) > pool.launched + len(pool.desks)
        if need.dependants[0] != task.id and crowds:
            return False
        if pool.executor not in task.executors if task.executors else pool not in self._open:
            return False
        self._launch(task, pool, desk)
        return True

    def _launch(self, task: Task, pool: Pool, desk: Desk) -> None:
        task.attempt += 1
        task.worker = worker = desk.worker
        task.queued = True
        self._step.instructions.append(Launch(task.id, task.attempt, worker))
        queue = desk.queue
        first = not queue
        queue[task.id] = estimate = pool.took.get(task.app, AHEAD)
        desk.load += estimate
        desk.left -= 1
        if desk.left <= 0:
            self._touched.add(pool.executor)  # another worker is to take its place
        pool.launched += 1
        if first:
            pool.idle.pop(worker, None)
            self._begin(task, desk)

    def _begin(self, task: Task, desk: Desk) -> None:
        """The task is at the head of its desk."""
        desk.head_since = self._now
        self._move(task, RUNNING, ATTEMPT)
        if task.walltime:
            self.timers.set(task, self._now + task.walltime)

    def _begin_next(self, desk: Desk) -> None:
        """What stands first on the desk begins, unless it has begun, or lacks what was to run there before it."""
        head = next(iter(desk.queue), None)
        if head is not None and (task := self._live[head]).state is WAITING and not task.unmet:
            self._begin(task, desk)

    def _leave_desk(self, task: Task, desk: Desk | None = None, pool: Pool | None = None) -> Pool:
        """Take the task off its desk; what stands next there begins. `desk` is given where it is off the books."""
        on_books = desk is None or desk.worker in self.desks
        desk = desk or self.desks[task.worker]
        pool = pool or self.pools[desk.executor]
        self._take_off(task, desk, pool, on_books)
        if on_books:
            self._begin_next(desk)
        return pool

    def _take_off(self, task: Task, desk: Desk, pool: Pool, on_books: bool = True) -> None:
        """Take the task off its desk, and let nothing else begin there yet."""
        task.queued = False
        if task.due:
            self.timers.clear(task)
        desk.remove(task.id)
        pool.launched -= 1
        if on_books and not desk.queue:
            desk.recalling = False
            if desk.idle:
                pool.idle[desk.worker] = desk
            self._touched.add(pool.executor)  # it may have had its tasks
