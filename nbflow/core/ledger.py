"""The ledger: every task that is not forgotten, who waits for it, who holds it, and how it moves and ends.

What lives here is what is true of a task wherever it runs: one move, one end, and what follows from an end for those
who need it. Which worker gets it, and when, is `workforce`'s subject; whether it gets another attempt, `machine`'s.
"""

from __future__ import annotations

from nbflow.core.again import blamed
from nbflow.core.instructions import Change, Forget, Instruction, Remember, Settle, Why
from nbflow.core.states import MOVES, State
from nbflow.core.story import tell
from nbflow.core.task import Step, Task
from nbflow.core.tasks import Tasks
from nbflow.errors import IllegalMove

WAITING, DONE, FAILED = State.WAITING, State.DONE, State.FAILED
SKIPPED, CANCELLED = State.SKIPPED, State.CANCELLED
ATTEMPT, JOINED = Why.ATTEMPT, Why.JOINED

# one bit a state: the hash of an enum member is Python code, too slow for three moves a task
_ALLOWED: tuple[int, ...] = tuple(sum(1 << to for to in MOVES[state]) for state in State)


# the story of whatever has ended; nothing is ever added to it: one that is tried again begins another
_TOLD: list[Change] = []


class Ledger:
    """All tasks. Whoever decides about them says what it is to be told by `_ready`."""

    def __init__(self) -> None:
        self.tasks = Tasks()
        self._live = self.tasks.live
        self.counts = [0] * len(State)  #: of all tasks ever, forgotten ones too, indexed by state
        self._now = 0.0
        self._step = Step([], [])

    def _ready(self, task: Task) -> None:
        """All needs of the task are DONE."""
        raise NotImplementedError

    def _withdraw(self, task: Task) -> None:
        """The task ends, and was sent ahead to a worker that will not begin it."""
        raise NotImplementedError

    # ------------------------------------------------------------ moves

    def _say(self, instruction: Instruction) -> None:
        self._step.instructions.append(instruction)

    def _move(self, task: Task, state: State, why: Why, root: int | None = None, until: float = 0.0) -> None:
        before, counts = task.state, self.counts
        if not _ALLOWED[before] >> state & 1:
            story = "; ".join(tell(change) for change in task.story)
            raise IllegalMove(
                f"task {task.id}: {before.label} -> {state.label} is not allowed. Its story: {story}"
            )
        counts[before] -= 1
        counts[state] += 1
        task.state = state
        change = Change(task.id, state, self._now, task.attempt, task.worker, why, root, until)
        task.story.append(change)
        self._step.changes.append(change)

    # ------------------------------------------------------------ needs and ends

    def _wait_for(self, task: Task, numbers: tuple[int, ...], holds: int = 1) -> Task | None:
        """Hold these tasks and count those that have not ended; gives back the first that ended without a value.

        `holds`: 0 where they are held already.
        """
        culprit: Task | None = None
        for number in numbers:
            other = self.tasks.hold(number, holds)
            if other.state < DONE:
                if not other.dependants:
                    other.dependants = []
                other.dependants.append(task.id)  # type: ignore[attr-defined] # it is a list
                task.unmet += 1
            elif other.state is not DONE and culprit is None:
                culprit = other
        return culprit

    def _end(self, task: Task, state: State, why: Why, root: int | None) -> None:
        """The task ends, and with it whatever cannot be run without it. A loop: 100,000 may end in one step."""
        ending = [(task, state, why, root)]
        for task, state, why, root in ending:  # grows as it is walked
            if task.state >= DONE:
                continue
            if task.queued:
                self._withdraw(task)
            self._move(task, state, why, root)
            say = self._step.instructions.append
            if task.keyed and ((state is DONE and why is ATTEMPT) or why is JOINED):
                say(Remember(task.id))
            say(Settle(task.id, state, why, root, task.story))
            task.root, task.story = root, _TOLD
            if task.dependants:
                ending += self._tell_dependants(task)
            if state is DONE:  # else they are kept with it, for another try
                for number in task.needs:
                    self._drop(number)
            if not task.holds:
                del self._live[task.id]
                self._forget(task)
            elif state is DONE:
                self.tasks.keep(task)

    def _tell_dependants(self, task: Task) -> list[tuple[Task, State, Why, int | None]]:
        """The task has ended: start what waited for it alone; give back what ends with it, and how."""
        ending: list[tuple[Task, State, Why, int | None]] = []
        dependants, task.dependants = task.dependants, ()
        for dependant in map(self._live.get, dependants):
            if dependant is None or dependant.state >= DONE:
                continue
            joins = dependant.inner is not None
            if task.state is not DONE:
                end = (FAILED, Why.NEED, self._root(task)) if joins else self._fate(task)
                ending.append((dependant, *end))
                continue
            dependant.unmet -= 1
            if dependant.unmet:
                continue
            if joins:
                ending.append((dependant, DONE, JOINED, None))
            elif not dependant.queued:  # else it was sent ahead to where this one was
                self._ready(dependant)
        return ending

    def _fate(self, need: Task) -> tuple[State, Why, int]:
        """How a task ends whose need gave no value."""
        return (CANCELLED if need.state is CANCELLED else SKIPPED), Why.NEED, self._root(need)

    def _root(self, task: Task) -> int:
        """Which task is to blame for this one's end."""
        return blamed(task, self.tasks)

    def _drop(self, number: int) -> None:
        """One hold fewer."""
        gone = self.tasks.let_go(number)
        if gone is not None:
            self._forget(gone)

    def _forget(self, task: Task) -> None:
        """The task has ended and is in the table no more: say so, and of whatever it alone had held."""
        forgotten = [task]
        while forgotten:
            task = forgotten.pop()
            self._step.instructions.append(Forget(task.id))
            held = task.inner or ()
            let_go = map(self.tasks.let_go, held if task.state is DONE else (*task.needs, *held))
            forgotten += [other for other in let_go if other is not None]
