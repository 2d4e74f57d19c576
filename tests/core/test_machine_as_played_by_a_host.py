"""Hypothesis plays the host: it submits, finishes, fails, judges, loses workers, cancels, answers late, in any order.

After every step: the machine's own invariants; no launch before its needs are done or before its time; every task
settled once; a task that was given back or lost never runs twice at the same time; and in the end nothing is left
unsettled.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nbflow.core import again
from nbflow.core import events as ev
from nbflow.core.instructions import (
    Abort,
    Dismiss,
    Forget,
    Hire,
    Judge,
    Launch,
    Recall,
    Revive,
    Settle,
    TakeBack,
    Why,
)
from nbflow.core.machine import Machine
from nbflow.core.retry import NEVER, Terms
from nbflow.core.states import MOVES, State
from nbflow.core.story import Journal

TERMS = st.builds(
    Terms,
    st.integers(0, 2),
    st.sampled_from([0.0, 0.03, 10.0]),
    st.sampled_from([1.0, 2.0]),
    st.just(15.0),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


class Host(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.journal = Journal()
        self.machine = Machine(validate=True, journal=self.journal)
        self.steps: list[object] = []
        self.now = 0.0
        self.next_task = 1
        self.next_worker = 1
        self.judged = False
        self.wake_at: float | None = None
        self.terms: dict[int, Terms] = {}
        self.spent: dict[int, float] = {}  # what the failures of a task have cost
        self.not_before: dict[int, float] = {}  # when its next attempt may begin
        self.to_judge: list[Judge] = []
        self.asked: set[int] = set()  # tasks that somebody wants to end, whatever they are at
        self.needs: dict[int, tuple[int, ...]] = {}
        self.inner: dict[int, tuple[int, ...]] = {}
        self.held: set[int] = set()
        self.settled: dict[int, State] = {}
        self.forgotten: set[int] = set()
        self.lost: set[int] = set()  # tasks a need of which was not known when they were called
        self.launched: list[Launch] = []  # every launch ever, for late answers
        self.desks: dict[int, list[Launch]] = {}  # what each worker has, in order
        self.last: dict[int, tuple[int, int]] = {}  # the last (task, attempt) that each has begun
        self.kills: dict[int, int] = {}  # task -> attempts begun and lost or failed
        self.to_hire: list[str] = []
        self.to_recall: list[int] = []
        self.to_return: list[TakeBack] = []
        self.to_kill: list[Abort] = []
        self.blocked: set[int] = set()
        self.silent: set[int] = set()
        self.per_worker = 0
        self.begun: dict[int, int] = {}  # tasks that each worker was given and has not given back
        self.leaving = 0  # the worker whose end is told in this very step
        self.promised: list[int] = []
        # (task, attempt, worker) of a launch -> the needs that were to run on that worker before it
        self.follows: dict[tuple[int, int, int], set[int]] = {}

    # ---------------------------------------------------------- the host

    def tell(self, *events: ev.Event) -> None:
        self.now += 0.01
        step = self.machine.handle(events, self.now)
        self.steps.append(step)
        self.wake_at = step.wake_at
        for change in step.changes:
            if change.state is State.WAITING:
                self.not_before[change.task] = change.until
        for instruction in step.instructions:
            self.carry_out(instruction)
        state: dict[int, State] = {}
        for change in step.changes:
            before = state.get(change.task)
            assert before is None or change.state in MOVES[before]
            state[change.task] = change.state

    def launch(self, instruction: Launch) -> None:
        assert instruction.task not in self.settled
        assert instruction.task not in self.asked
        earlier = (other.attempt for other in self.launched if other.task == instruction.task)
        assert instruction.attempt >= max(earlier, default=1), "attempts are counted on"
        assert self.now >= self.not_before.get(instruction.task, 0.0)
        assert self.spent.get(instruction.task, 0.0) <= self.terms[instruction.task].times
        unended = [need for need in self.needs[instruction.task] if need not in self.settled]
        for need in self.needs[instruction.task]:
            assert need in unended or self.settled[need] is State.DONE
        if unended:  # sent behind what it needs
            here = {other.task for other in self.desks[instruction.worker]}
            assert here.issuperset(unended)
        self.follows[instruction.task, instruction.attempt, instruction.worker] = set(unended)
        for desk in self.desks.values():
            assert all(other.task != instruction.task for other in desk)
        self.launched.append(instruction)
        if instruction.worker == self.leaving:  # sent in vain
            return
        assert instruction.worker not in self.silent
        self.desks[instruction.worker].append(instruction)
        self.begun[instruction.worker] += 1
        assert self.begun[instruction.worker] <= (self.per_worker or 1_000_000)

    def carry_out(self, instruction: object) -> None:
        if isinstance(instruction, Launch):
            self.launch(instruction)
        elif isinstance(instruction, (Settle, Revive)):
            self.end_or_go_on(instruction)
        elif isinstance(instruction, Judge):
            assert self.judged
            assert instruction.task not in self.settled
            self.to_judge.append(instruction)
        elif isinstance(instruction, Hire):
            self.to_hire.append(instruction.executor)
        elif isinstance(instruction, Recall):
            self.to_recall.append(instruction.task)
        elif isinstance(instruction, TakeBack):
            self.to_return.append(instruction)
        elif isinstance(instruction, Abort):
            self.to_kill.append(instruction)
        elif isinstance(instruction, Dismiss):
            assert not self.desks.pop(instruction.worker)
        elif isinstance(instruction, Forget):
            self.forget(instruction.task)

    def end_or_go_on(self, instruction: Settle | Revive) -> None:
        if isinstance(instruction, Revive):
            assert self.settled.pop(instruction.task) is not State.DONE
            assert instruction.task not in self.forgotten
            self.to_recall = [task for task in self.to_recall if task != instruction.task]
            if not instruction.joins:
                self.inner.pop(instruction.task, None)
        else:
            assert instruction.task not in self.settled
            self.settled[instruction.task] = instruction.state
            if instruction.why is Why.NEED_GONE:
                self.lost.add(instruction.task)
            if instruction.state is State.SKIPPED:
                assert instruction.root is not None
                assert self.settled[instruction.root] in (State.FAILED, State.CANCELLED, State.SKIPPED)

    def forget(self, task: int) -> None:
        assert task in self.settled
        assert task not in self.held
        for other, needs in self.needs.items():  # what could be tried again has what it needs
            if other not in self.forgotten and self.settled.get(other) is not State.DONE:
                assert task not in needs or other == task or other in self.lost
        self.forgotten.add(task)

    def alive_desks(self) -> list[int]:
        return [worker for worker, desk in self.desks.items() if desk and worker not in self.blocked]

    @initialize(
        slots=st.integers(1, 3),
        on_demand=st.booleans(),
        judged=st.booleans(),
        per_worker=st.sampled_from([0, 0, 1, 2, 3]),
    )
    def load(self, slots: int, on_demand: bool, judged: bool, per_worker: int) -> None:
        self.judged = judged
        self.per_worker = per_worker
        self.machine = Machine(judged=judged, validate=True, journal=self.journal)
        self.tell(
            ev.ExecutorAdded("processes", slots, on_demand, False, per_worker),
            ev.ExecutorAdded("reserved", 2, True, True, per_worker),
        )

    # ---------------------------------------------------------- calls

    @rule(data=st.data(), terms=TERMS, cached=st.booleans(), app=st.sampled_from("ab"))
    def submit(self, data: st.DataObject, terms: Terms, cached: bool, app: str) -> None:
        needs = (
            data.draw(st.lists(st.sampled_from(sorted(self.held)), max_size=3, unique=True))
            if self.held
            else []
        )
        task = self.next_task
        self.next_task += 1
        self.needs[task] = tuple(needs)
        self.terms[task] = terms
        self.held.add(task)
        walltime = data.draw(st.sampled_from([0.0, 0.0, 0.05]))
        executors = data.draw(st.sampled_from([(), (), ("reserved",)]))
        priority = data.draw(st.sampled_from([None, None, 1.0, 2.0]))
        running = [self.desks[worker][0].task for worker in self.alive_desks()]
        parent = data.draw(st.sampled_from([None, *running]))
        self.tell(ev.Submitted(task, app, tuple(needs), executors, terms, walltime, cached, priority, parent))

    @rule()
    def promise(self) -> None:
        task = self.next_task
        self.next_task += 1
        self.needs[task] = ()
        self.held.add(task)
        self.promised.append(task)
        self.tell(ev.Promised(task, "outside"))

    @precondition(lambda self: self.promised)
    @rule(data=st.data(), state=st.sampled_from([State.DONE, State.FAILED, State.CANCELLED]))
    def deliver(self, data: st.DataObject, state: State) -> None:
        task = data.draw(st.sampled_from(self.promised))
        self.promised.remove(task)
        self.tell(ev.Delivered(task, state))

    @rule()
    def submit_to_an_executor_that_is_not_there(self) -> None:
        task = self.next_task
        self.next_task += 1
        self.needs[task] = ()
        self.held.add(task)
        self.tell(ev.Submitted(task, "a", (), ("nowhere",)))
        assert self.settled[task] is State.FAILED

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from(sorted(self.held)))
        self.held.remove(task)
        self.tell(ev.Released((task,)))

    @precondition(lambda self: self.needs)
    @rule(data=st.data(), unless_begun=st.booleans())
    def cancel(self, data: st.DataObject, unless_begun: bool) -> None:
        task = data.draw(st.sampled_from(sorted(self.needs)))
        begun = any(desk[:1] and desk[0].task == task for desk in self.desks.values())
        if not unless_begun:
            self.asked.add(task)
        self.tell(ev.CancelRequested(task, unless_begun))
        if unless_begun and begun:
            assert task not in self.settled, "what has begun goes on"

    @precondition(lambda self: self.settled)
    @rule(data=st.data(), dependants=st.booleans(), everything=st.booleans())
    def retry(self, data: st.DataObject, dependants: bool, everything: bool) -> None:
        """Somebody wants some tasks tried again, whatever has become of them."""
        tasks = self.machine.tasks
        wanted = data.draw(st.lists(st.sampled_from(sorted(self.needs)), min_size=1, max_size=3, unique=True))
        wanted = again.failed(tasks) if everything else wanted
        chosen = again.chosen(tasks, wanted, dependants)
        assert set(wanted) == chosen.refused.keys() | set(chosen.again).intersection(wanted)
        for task in chosen.again:
            assert self.settled[task] is not State.DONE
            for need in self.needs[task]:
                assert need in chosen.again or self.settled.get(need) in (None, State.DONE)
        for task, (why, root) in chosen.refused.items():
            assert (why is again.Hindrance.UNKNOWN) == (task not in tasks)
            assert why is not again.Hindrance.NEED or self.settled[root] is not State.DONE
        for task in chosen.again:
            self.kills[task] = 0
            self.spent[task] = 0.0
            self.asked.discard(task)
        before = dict.fromkeys(chosen.refused, self.machine.counts[:])
        self.tell(ev.RetryRequested(tuple(chosen.again)))
        for task in chosen.again:
            state = self.settled.get(task)
            assert state in (None, State.DONE) or "nowhere" in str(self.executors_of(chosen.again))
        if not chosen.again:
            assert all(counts == self.machine.counts for counts in before.values())

    def executors_of(self, tasks: list[int]) -> list[tuple[str, ...]]:
        return [self.machine.tasks[task].executors for task in tasks if task in self.machine.tasks]

    @precondition(lambda self: self.settled)
    @rule(data=st.data())
    def retry_what_cannot_be(self, data: st.DataObject) -> None:
        """A request that comes late, or twice, is ignored."""
        fine = [task for task in self.needs if self.settled.get(task, State.DONE) is State.DONE]
        gone = sorted(self.forgotten.union(fine))
        if gone:
            counts = list(self.machine.counts)
            self.tell(ev.RetryRequested((data.draw(st.sampled_from(gone)),)))
            assert self.machine.counts == counts

    @precondition(lambda self: self.to_recall)
    @rule(data=st.data(), found=st.booleans())
    def recall(self, data: st.DataObject, found: bool) -> None:
        # some wait for equal calls
        task = self.to_recall.pop(data.draw(st.integers(0, len(self.to_recall) - 1)))
        self.tell(ev.Recalled(task, found))

    @precondition(lambda self: len(self.needs) > 1)
    @rule(data=st.data())
    def wait_for_an_equal_call(self, data: st.DataObject) -> None:
        tasks = st.sampled_from(sorted(self.needs))
        self.tell(ev.Awaited(data.draw(tasks), data.draw(tasks)))

    @precondition(lambda self: self.to_recall)
    @rule(data=st.data())
    def share_a_failure(self, data: st.DataObject) -> None:
        failed = sorted(t for t, state in self.settled.items() if state is State.FAILED)
        if failed:
            task, root = self.to_recall.pop(), data.draw(st.sampled_from(failed))
            cancelled = self.settled.get(task) is State.CANCELLED
            self.tell(ev.Recalled(task, False, True, root))
            assert self.settled[task] is (State.CANCELLED if cancelled else State.FAILED)

    # ---------------------------------------------------------- workers

    @precondition(lambda self: self.to_hire)
    @rule(fails=st.integers(0, 5), lasting=st.booleans())
    def hire(self, fails: int, lasting: bool = True) -> None:
        executor = self.to_hire.pop(0)
        if fails == 0:
            self.tell(ev.HireFailed(executor, lasting))
        else:
            worker = self.next_worker
            self.next_worker += 1
            self.desks[worker] = []
            self.begun[worker] = 0
            self.tell(ev.WorkerJoined(worker, executor))

    @precondition(lambda self: self.desks)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.end_worker(data.draw(st.sampled_from(sorted(self.desks))))

    @precondition(lambda self: self.desks)
    @rule(data=st.data(), behind=st.integers(0, 1))
    def outgrow(self, data: st.DataObject, behind: int) -> None:
        """A worker has too much memory; the task to blame may have begun before its forerunner's end was told."""
        worker = data.draw(st.sampled_from(sorted(self.desks)))
        desk = self.desks[worker]
        task = desk[min(behind, len(desk) - 1)].task if desk else None
        self.tell(ev.Overgrown(worker, task))
        assert (
            any(a.worker == worker for a in self.to_kill)
            or worker not in self.desks
            or not desk
            or task in self.asked
        )
        if not desk and worker not in self.blocked:
            assert worker not in self.desks, "it is replaced"

    @precondition(lambda self: self.launched)
    @rule(data=st.data())
    def outgrow_with_what_is_not_there(self, data: st.DataObject) -> None:
        launch = data.draw(st.sampled_from(self.launched))
        here = [other.task for other in self.desks.get(launch.worker, [])]
        if launch.task not in here and (here or launch.worker not in self.desks):
            before = list(self.machine.counts), list(self.to_kill)
            self.tell(ev.Overgrown(launch.worker, launch.task), ev.Overgrown(launch.worker, None))
            assert before == (list(self.machine.counts), self.to_kill)

    @precondition(lambda self: self.to_kill)
    @rule()
    def kill(self) -> None:
        asked = self.to_kill.pop()
        if asked.worker in self.desks and self.last.get(asked.worker, (0, 0))[0] not in asked.behind:
            self.end_worker(asked.worker)

    def end_worker(self, worker: int) -> None:
        queue = self.desks.pop(worker)
        self.blocked.discard(worker)
        self.silent.discard(worker)
        begun = self.last.get(worker, (0, 0))
        if queue and begun == (queue[0].task, queue[0].attempt):
            self.no_value(queue[0].task)
        self.tell(ev.WorkerLost(worker, begun))

    @precondition(lambda self: self.alive_desks())
    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """A worker begins what stands first; it tells nobody."""
        self.begin_head(data.draw(st.sampled_from(self.alive_desks())))

    def begin_head(self, worker: int) -> Launch:
        launch = self.desks[worker][0]
        for need in self.follows[launch.task, launch.attempt, worker]:
            assert self.settled[need] is State.DONE, "what follows a task has its value"
        self.last[worker] = (launch.task, launch.attempt)
        return launch

    @precondition(lambda self: self.alive_desks())
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """A worker ends by itself after an answer: what else it was sent has not begun."""
        worker = data.draw(st.sampled_from(self.alive_desks()))
        launch = self.desks.pop(worker)[0]
        self.silent.discard(worker)
        self.leaving = worker
        self.tell(ev.Succeeded(launch.task, launch.attempt, worker, 0.001), ev.WorkerLost(worker, False))
        self.leaving = 0

    @precondition(lambda self: self.to_return)
    @rule()
    def give_back(self) -> None:
        asked = self.to_return.pop(0)
        desk = self.desks.get(asked.worker)
        if desk is None:
            return
        if desk:
            self.begin_head(asked.worker)
        back = [launch for launch in desk[1:] if launch.task in asked.tasks]
        tasks = self.part_with(asked.worker, back)
        self.tell(ev.Returned(asked.worker, tasks, tuple(t for t in asked.tasks if t not in tasks)))

    def part_with(self, worker: int, parted: list[Launch]) -> tuple[int, ...]:
        """A worker gives back what it has not begun, and what was to follow that; those tasks, in order."""
        desk = self.desks[worker]
        gone = {launch.task for launch in parted}
        for launch in desk:
            if self.follows[launch.task, launch.attempt, worker] & gone:
                gone.add(launch.task)
        back = [launch for launch in desk if launch.task in gone]
        self.desks[worker] = [launch for launch in desk if launch not in back]
        self.begun[worker] -= len(back)
        return tuple(launch.task for launch in back)

    def without_value(self, launch: Launch) -> list[ev.Event]:
        """What a worker says before it says that a task gave no value: that what was to follow does not."""
        desk = self.desks[launch.worker]
        followers = [o for o in desk if launch.task in self.follows[o.task, o.attempt, o.worker]]
        back = self.part_with(launch.worker, followers)
        return [ev.Returned(launch.worker, back)] if back else []

    def end_head(self, worker: int) -> Launch:
        self.begin_head(worker)
        return self.desks[worker].pop(0)

    @precondition(lambda self: self.desks)
    @rule(data=st.data(), begun=st.integers(0, 1), away=st.booleans())
    def fall_silent(self, data: st.DataObject, begun: int, away: bool) -> None:
        """What a worker has not begun is taken from it; when it goes on, it has thrown that away."""
        worker = data.draw(st.sampled_from(sorted(self.desks)))
        if self.desks[worker] and (begun or worker in self.blocked):
            begun = 1
            self.begin_head(worker)
        else:
            head = self.desks[worker][:1]
            begun = int(any(self.last.get(worker) == (launch.task, launch.attempt) for launch in head))
        self.desks[worker], taken = self.desks[worker][:begun], self.desks[worker][begun:]
        self.begun[worker] -= len(taken)
        self.silent.add(worker)
        self.tell(ev.Silent(worker, tuple(launch.task for launch in taken), away))

    @precondition(lambda self: self.silent)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.silent)))
        self.silent.discard(worker)
        self.tell(ev.Answers(worker))

    @precondition(lambda self: self.alive_desks())
    @rule(data=st.data())
    def block(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(self.alive_desks()))
        self.begin_head(worker)
        self.blocked.add(worker)
        self.tell(ev.Blocked(worker))

    @precondition(lambda self: self.blocked)
    @rule(data=st.data())
    def unblock(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.blocked)))
        self.blocked.remove(worker)
        self.tell(ev.Unblocked(worker))

    # ---------------------------------------------------------- attempts

    @precondition(lambda self: self.alive_desks())
    @rule(data=st.data(), took=st.sampled_from([0.00001, 0.001, 1.0]))
    def finish(self, data: st.DataObject, took: float) -> None:
        launch = self.end_head(data.draw(st.sampled_from(self.alive_desks())))
        self.tell(ev.Succeeded(launch.task, launch.attempt, launch.worker, took))

    @precondition(lambda self: self.alive_desks())
    @rule(data=st.data(), may_retry=st.booleans(), took=st.sampled_from([None, 0.00001, 1.0]))
    def fail(self, data: st.DataObject, may_retry: bool, took: float | None) -> None:
        launch = self.end_head(data.draw(st.sampled_from(self.alive_desks())))
        self.no_value(launch.task)
        failed = ev.Failed(launch.task, launch.attempt, launch.worker, may_retry, took)
        self.tell(*self.without_value(launch), failed)
        assert may_retry or self.settled[launch.task] in (State.FAILED, State.CANCELLED)

    def no_value(self, task: int) -> None:
        self.kills[task] = self.kills.get(task, 0) + 1
        if not self.judged:
            self.spent[task] = self.spent.get(task, 0.0) + 1.0

    @precondition(lambda self: self.to_judge)
    @rule(data=st.data(), cost=st.sampled_from([0.0, 0.5, 1.0, 2.0]), refused=st.booleans())
    def judge(self, data: st.DataObject, cost: float, refused: bool) -> None:
        asked = data.draw(st.sampled_from(self.to_judge))
        self.to_judge.remove(asked)
        wanted = asked.task not in self.settled
        self.spent[asked.task] = self.spent.get(asked.task, 0.0) + cost
        counts = list(self.machine.counts)
        self.tell(ev.Judged(asked.task, asked.attempt, cost, refused))
        if not wanted:
            assert self.machine.counts == counts
        elif refused:
            assert self.settled[asked.task] is State.FAILED

    @precondition(lambda self: self.launched)
    @rule(data=st.data())
    def judge_what_nobody_asks_about(self, data: st.DataObject) -> None:
        launch = data.draw(st.sampled_from(self.launched))
        if any((launch.task, launch.attempt) == (asked.task, asked.attempt) for asked in self.to_judge):
            return
        counts = list(self.machine.counts)
        self.tell(ev.Judged(launch.task, launch.attempt, 0.0))
        assert self.machine.counts == counts

    @precondition(lambda self: self.alive_desks())
    @rule(data=st.data(), count=st.integers(0, 3))
    def join(self, data: st.DataObject, count: int) -> None:
        launch = self.end_head(data.draw(st.sampled_from(self.alive_desks())))
        inner = tuple(range(self.next_task, self.next_task + count))
        self.next_task += count
        for task in inner:
            self.needs[task] = ()
            self.terms[task] = NEVER
        self.inner[launch.task] = inner
        calls = [ev.Submitted(task, "inner", parent=launch.task) for task in inner]
        joined = ev.Joined(launch.task, launch.attempt, launch.worker, inner)
        self.tell(*calls, *self.without_value(launch), joined, ev.Released(inner))

    @precondition(lambda self: self.launched)
    @rule(data=st.data())
    def answer_late(self, data: st.DataObject) -> None:
        launch = data.draw(st.sampled_from(self.launched))
        if any(launch in desk for desk in self.desks.values()):
            return  # not late
        counts = list(self.machine.counts)
        self.tell(ev.Succeeded(launch.task, launch.attempt, launch.worker, 0.1))
        assert self.machine.counts == counts

    @rule()
    def tick(self) -> None:
        self.now += 0.05
        self.tell(ev.Ticked())

    @precondition(lambda self: self.wake_at is not None)
    @rule()
    def wait(self) -> None:
        self.now = max(self.now, self.wake_at or 0.0)
        self.tell(ev.Ticked())

    # ---------------------------------------------------------- what must hold

    @invariant()
    def no_task_is_tried_more_often_than_allowed(self) -> None:
        for task, lost in self.kills.items():
            most = self.terms.get(task, NEVER).times + 1
            assert self.judged or lost <= most or self.settled.get(task) is State.CANCELLED

    @invariant()
    def counts_agree_with_what_was_settled(self) -> None:
        ended = [s for s in State if s.ended]
        assert sum(self.machine.counts[s] for s in ended) == len(self.settled)
        assert sum(self.machine.counts) == len(self.needs)

    def teardown(self) -> None:
        """Let everything run to its end: nothing in flight means nothing unsettled; replay gives the same steps.

        Workers that are silent stay so: only what they have begun waits for them.
        """
        for worker in tuple(self.blocked):
            self.blocked.discard(worker)
            self.tell(ev.Unblocked(worker))
        for _ in range(10_000):
            if self.to_kill:
                self.kill()
            elif self.to_return:
                self.give_back()
            elif self.to_recall:
                self.tell(ev.Recalled(self.to_recall.pop(0), False))
            elif self.to_hire:
                self.hire(1)
            elif self.promised:
                self.tell(ev.Delivered(self.promised.pop(), State.DONE))
            elif self.to_judge:
                asked = self.to_judge.pop()
                self.tell(ev.Judged(asked.task, asked.attempt, 100.0))
            elif alive := self.alive_desks():
                launch = self.end_head(alive[0])
                self.tell(ev.Succeeded(launch.task, launch.attempt, launch.worker, 0.001))
                if launch.worker in self.silent:  # it goes on, so it answers
                    self.silent.discard(launch.worker)
                    self.tell(ev.Answers(launch.worker))
            elif self.wake_at is not None:
                self.wait()
            else:
                break
        assert set(self.settled) == set(self.needs)
        held, self.held = sorted(self.held), set()
        self.tell(ev.Released(tuple(held)))
        assert not self.machine.tasks
        again = Machine(judged=self.judged, validate=False)
        assert self.journal.replay(again.handle) == self.steps


Host.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestTheMachineAsPlayedByAHost = Host.TestCase


def test_a_late_answer_changes_nothing() -> None:
    machine = Machine(validate=True)
    machine.handle(
        [ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p"), ev.Submitted(1, "a", terms=Terms(1))], 0.0
    )
    machine.handle([ev.WorkerLost(1)], 1.0)
    before = machine.counts[:]
    step = machine.handle([ev.Succeeded(1, 1, 1, 0.1)], 2.0)
    assert machine.counts == before
    assert not step.instructions
    assert not step.changes


def test_the_end_of_a_need_launches_its_dependant_in_the_same_step() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p")], 0.0)
    machine.handle([ev.Submitted(1, "a"), ev.Submitted(2, "b", (1,))], 0.0)
    step = machine.handle([ev.Succeeded(1, 1, 1, 0.1)], 1.0)
    kinds = [type(i).__name__ for i in step.instructions]
    assert kinds.index("Settle") < kinds.index("Launch")


def test_a_failure_skips_100_000_dependants_in_one_step_and_names_the_root() -> None:
    machine = Machine()
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p"), ev.Submitted(1, "head")], 0.0)
    machine.handle([ev.Submitted(n, "link", (n - 1,)) for n in range(2, 100_001)], 0.0)
    step = machine.handle([ev.Failed(1, 1, 1)], 1.0)
    settles = [i for i in step.instructions if isinstance(i, Settle)]
    assert len(settles) == 100_000
    assert all(s.state is State.SKIPPED and s.root == 1 for s in settles[1:])


def test_a_task_that_its_lost_worker_had_not_begun_goes_elsewhere_uncounted() -> None:
    machine = Machine(validate=True)
    machine.handle(
        [ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p"), ev.Submitted(1, "a"), ev.Submitted(2, "a")], 0.0
    )
    machine.handle([ev.Succeeded(1, 1, 1, 0.1)], 1.0)
    assert machine.tasks[2].state is State.RUNNING, "as far as is known"
    step = machine.handle([ev.WorkerLost(1, (1, 1)), ev.WorkerJoined(2, "p")], 2.0)
    assert Launch(2, 1, 2) in step.instructions, "its first attempt"
    step = machine.handle([ev.WorkerLost(2, (2, 1))], 3.0)
    assert [i.why for i in step.instructions if isinstance(i, Settle)] == [Why.LOST]


def test_a_task_that_is_to_end_and_had_not_begun_ends_for_that_reason() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 2), ev.WorkerJoined(1, "p"), ev.WorkerJoined(2, "p")], 0.0)
    machine.handle([ev.Submitted(1, "a"), ev.Submitted(2, "a", walltime=0.5)], 0.0)
    step = machine.handle([ev.CancelRequested(1), ev.Ticked()], 1.0)
    assert sorted(i.worker for i in step.instructions if isinstance(i, Abort)) == [1, 2]
    step = machine.handle([ev.WorkerLost(1, (0, 0)), ev.WorkerLost(2, (0, 0))], 1.1)
    settled = {i.task: (i.state, i.why) for i in step.instructions if isinstance(i, Settle)}
    assert settled == {1: (State.CANCELLED, Why.ASKED), 2: (State.FAILED, Why.TIMEOUT)}


def test_what_waits_behind_a_long_task_goes_to_an_idle_worker() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 2), ev.WorkerJoined(1, "p"), ev.Submitted(1, "a")], 0.0)
    machine.handle([ev.Submitted(n, "a") for n in range(2, 12)], 0.0)
    # the app looks short: the rest is sent ahead
    step = machine.handle([ev.Succeeded(1, 1, 1, 0.00001)], 0.0)
    assert sum(isinstance(i, Launch) for i in step.instructions) == 10
    step = machine.handle([ev.WorkerJoined(2, "p")], 0.0)
    assert step.wake_at is not None
    step = machine.handle([ev.Ticked()], step.wake_at)
    asked = next(i for i in step.instructions if isinstance(i, TakeBack))
    assert asked.tasks == tuple(range(3, 12))
    step = machine.handle([ev.Returned(1, asked.tasks)], 0.1)
    launches = [i for i in step.instructions if isinstance(i, Launch)]
    assert launches[0] == Launch(3, 1, 2)
    assert machine.tasks[2].state is State.RUNNING


def test_a_walltime_aborts_and_says_why() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p")], 0.0)
    step = machine.handle([ev.Submitted(1, "a", walltime=2.0)], 0.0)
    assert step.wake_at == 2.0
    step = machine.handle([ev.Ticked()], 2.0)
    assert step.instructions == [Abort(1)]
    step = machine.handle([ev.WorkerLost(1)], 2.1)
    settled = next(i for i in step.instructions if isinstance(i, Settle))
    assert (settled.state, settled.why, settled.root) == (State.FAILED, Why.TIMEOUT, None)
    assert [change.state for change in settled.story] == [State.RUNNING, State.FAILED]


def test_workers_on_demand_are_hired_for_ready_tasks_only() -> None:
    machine = Machine(validate=True)
    step = machine.handle([ev.ExecutorAdded("p", 3, on_demand=True)], 0.0)
    assert not step.instructions
    step = machine.handle([ev.Submitted(1, "a"), ev.Submitted(2, "a")], 0.0)
    assert [type(i) for i in step.instructions] == [Hire, Hire]


def test_a_reserved_executor_takes_only_tasks_that_name_it() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("open", 1), ev.ExecutorAdded("own", 1, reserved=True)], 0.0)
    machine.handle([ev.WorkerJoined(1, "open"), ev.WorkerJoined(2, "own")], 0.0)
    step = machine.handle(
        [ev.Submitted(1, "a"), ev.Submitted(2, "a"), ev.Submitted(3, "a", (), ("own",))], 0.0
    )
    launches = [i for i in step.instructions if isinstance(i, Launch)]
    assert {(launch.task, launch.worker) for launch in launches} == {(1, 1), (3, 2)}


def test_a_promised_value_ends_its_dependants_waiting_or_skips_them() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p")], 0.0)
    machine.handle(
        [ev.Promised(1, "f"), ev.Promised(2, "f"), ev.Submitted(3, "a", (1,)), ev.Submitted(4, "a", (2,))], 0
    )
    step = machine.handle([ev.Delivered(1, State.DONE)], 1.0)
    assert Launch(3, 1, 1) in step.instructions
    step = machine.handle([ev.Delivered(2, State.FAILED), ev.Delivered(2, State.DONE)], 2.0)
    settled = {i.task: (i.state, i.root) for i in step.instructions if isinstance(i, Settle)}
    assert settled == {2: (State.FAILED, None), 4: (State.SKIPPED, 2)}


def test_a_worker_has_so_many_tasks_and_no_more_and_its_successor_is_there_in_time() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1, tasks_per_worker=3), ev.WorkerJoined(1, "p")], 0.0)
    step = machine.handle([ev.Submitted(n, "a") for n in range(1, 9)], 0.0)
    assert [i for i in step.instructions if isinstance(i, (Launch, Hire))] == [Launch(1, 1, 1)]
    step = machine.handle([ev.Succeeded(1, 1, 1, 0.00001)], 0.0)  # the app looks short
    assert [i for i in step.instructions if isinstance(i, (Launch, Hire, Dismiss))] == [
        Launch(2, 1, 1),
        Launch(3, 1, 1),
        Hire("p", 1),
    ]
    step = machine.handle([ev.WorkerJoined(2, "p")], 0.0)  # it waits until the other one has ended
    assert not step.instructions
    step = machine.handle([ev.Succeeded(2, 1, 1, 0.00001)], 0.0)
    assert not [i for i in step.instructions if isinstance(i, Launch)]
    step = machine.handle([ev.Succeeded(3, 1, 1, 0.00001)], 0.0)
    assert [i for i in step.instructions if isinstance(i, (Launch, Hire, Dismiss))] == [
        Dismiss(1),
        Launch(4, 1, 2),
        Launch(5, 1, 2),
        Launch(6, 1, 2),
        Hire("p", 2),
    ]


def test_a_task_that_was_given_back_does_not_count_against_its_worker() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1, tasks_per_worker=2), ev.WorkerJoined(1, "p")], 0.0)
    machine.handle([ev.Submitted(n, "a") for n in range(1, 5)], 0.0)
    machine.handle([ev.Blocked(1), ev.WorkerJoined(2, "p")], 0.0)
    machine.handle([ev.Succeeded(2, 1, 2, 0.00001)], 0.0)
    step = machine.handle([ev.Returned(2, (3,))], 0.0)
    assert Launch(3, 1, 2) in step.instructions
    step = machine.handle([ev.Succeeded(3, 1, 2, 0.1)], 0.1)
    assert Dismiss(2) in step.instructions


def test_a_worker_that_leaves_counts_against_no_task() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p"), ev.Submitted(1, "a")], 0.0)
    machine.handle([ev.Submitted(n, "a") for n in range(2, 5)], 0.0)
    step = machine.handle([ev.Succeeded(1, 1, 1, 0.00001), ev.WorkerLost(1, (1, 1))], 0.0)
    assert Hire("p") in step.instructions
    step = machine.handle([ev.WorkerJoined(2, "p")], 0.0)
    assert Launch(2, 1, 2) in step.instructions
    assert machine.counts[State.FAILED] == 0


def test_what_has_begun_goes_on_where_only_waiting_tasks_are_withdrawn() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p"), ev.Submitted(1, "a")], 0.0)
    machine.handle([ev.Submitted(n, "a") for n in range(2, 5)], 0.0)
    machine.handle([ev.Succeeded(1, 1, 1, 0.00001)], 0.0)  # the app looks short: the rest is sent ahead
    machine.handle([ev.Submitted(5, "a", (2,))], 0.0)
    step = machine.handle([ev.CancelRequested(n, unless_begun=True) for n in (2, 3, 4, 5)], 0.1)
    assert [i for i in step.instructions if isinstance(i, (TakeBack, Abort))] == [
        TakeBack(1, (3,)),
        TakeBack(1, (4,)),
        TakeBack(1, (5,)),
    ]
    answers = [ev.Returned(1, (), (3,)), ev.Returned(1, (4,)), ev.Returned(1, (5,))]
    step = machine.handle(answers, 0.2)  # 3 had just begun
    assert not [i for i in step.instructions if isinstance(i, Abort)]
    machine.handle([ev.Succeeded(2, 1, 1, 0.1), ev.Succeeded(3, 1, 1, 0.1)], 0.3)
    done, cancelled = machine.counts[State.DONE], machine.counts[State.CANCELLED]
    assert (done, cancelled) == (3, 2)


def test_a_task_that_was_to_be_withdrawn_can_still_be_cancelled_for_good() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p"), ev.Submitted(1, "a")], 0.0)
    machine.handle([ev.Submitted(2, "a"), ev.Submitted(3, "a")], 0.0)
    machine.handle([ev.Succeeded(1, 1, 1, 0.00001)], 0.0)
    machine.handle([ev.CancelRequested(3, unless_begun=True), ev.CancelRequested(3)], 0.1)
    step = machine.handle([ev.Succeeded(2, 1, 1, 0.1), ev.Returned(1, (), (3,))], 0.2)
    assert Abort(1) in step.instructions


def test_what_a_silent_worker_has_not_begun_goes_elsewhere_and_its_slot_too() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p"), ev.Submitted(1, "a")], 0.0)
    machine.handle([ev.Submitted(2, "a"), ev.Submitted(3, "a")], 0.0)
    machine.handle([ev.Succeeded(1, 1, 1, 0.00001)], 0.0)  # the app looks short: the rest is sent ahead
    step = machine.handle([ev.Silent(1, (3,), away=False)], 1.0)
    assert not step.instructions, "it runs, so its slot is taken"
    step = machine.handle([ev.Silent(1, (), away=True)], 2.0)
    assert step.instructions == [Hire("p")]
    step = machine.handle([ev.WorkerJoined(2, "p")], 2.1)
    assert step.instructions == [Launch(3, 1, 2)]
    machine.handle([ev.Answers(1), ev.Succeeded(2, 1, 1, 0.1)], 3.0)
    assert machine.tasks[2].state is State.DONE
    assert machine.tasks[3].state is State.RUNNING


def test_a_silent_worker_that_has_begun_nothing_leaves_its_slot_to_another_one() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("p", 1), ev.WorkerJoined(1, "p"), ev.Submitted(1, "a")], 0.0)
    step = machine.handle([ev.Silent(1, (1,), away=False)], 1.0)
    assert step.instructions == [Hire("p")]
    assert machine.tasks[1].state is State.WAITING
    machine.handle([ev.WorkerJoined(2, "p")], 2.0)
    machine.handle([ev.Answers(1)], 2.0)
    assert (machine.tasks[1].attempt, machine.tasks[1].worker) == (1, 2)


def test_a_successor_begins_once_its_predecessor_has_ended_and_another_one_in_its_place_until_then() -> None:
    """Its accelerator is the predecessor's as long as that one works."""
    machine = Machine(validate=True)
    calls = [ev.Submitted(number, "a") for number in range(1, 5)]
    workers = [ev.WorkerJoined(1, "p"), ev.WorkerJoined(2, "p")]
    machine.handle([ev.ExecutorAdded("p", 2, tasks_per_worker=1), *workers, *calls], 0.0)
    (first,) = machine.desks[1].queue
    machine.handle([ev.WorkerJoined(3, "p", successor_of=1), ev.WorkerJoined(4, "p", successor_of=2)], 0.0)
    step = machine.handle([ev.Succeeded(first, 1, 1, 0.1)], 1.0)
    assert [do.worker for do in step.instructions if isinstance(do, Launch)] == [3]
