"""The guard: one periodic look of the scheduler at its workers and the machine, while tasks run.

    look ──> memory of each worker's processes ──> beyond its executor's limit?  ──> `Overgrown`
         ├─> what the machine, or the container, has left ──> nearly nothing?   ──> `Overgrown`, for whoever has most
         ├─> what each task's worker has at most, how busy it is         ──> `meters`
         ├─> what a task has printed ──> much?                                  ──> its middle goes back to the disk
         └─> which worker does not answer?                                     ──> `silence`

The figures come from `figures`, whom to end when memory runs short is decided in `nbflow.core.scarcity`. While no task
runs nothing is looked at. While one does, the next look comes before what is free, or what a limit leaves, could be
filled: once a second as a rule, ten times where little is left, more often while that little shrinks. A look costs
0.6 ms with 8 workers.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping

from nbflow.core import events as ev
from nbflow.core.placement import Desk, Pool
from nbflow.core.scarcity import Load, Scarcity, kept_free
from nbflow.scheduler import figures
from nbflow.scheduler.figures import Room, Rooms
from nbflow.scheduler.meters import Meters
from nbflow.scheduler.silence import Silence
from nbflow.scheduler.staff import Staff
from nbflow.scheduler.workers import Verdict, Worker
from nbflow.sizes import in_words
from nbflow.wire.printed import next_look

FASTEST = 0.1  # seconds between two looks
SLOWEST = 1.0
AT_A_PINCH = 0.02  # while what little memory is left shrinks
FILLED = 4_000_000_000  # bytes that processes may fill in a second
LATELY = 5.0  # seconds until a process that the system ends is gone, and its parent told
TELL_EVERY = 1.0  # seconds between two reports of memory to those who watch


class Guard:
    """Looks after the workers of one flow. `desks` and `pools` are the machine's; `emit` takes what is found."""

    def __init__(
        self,
        staff: Staff,
        desks: Mapping[int, Desk],
        pools: Mapping[str, Pool],
        silence: Silence,
        emit: Callable[[ev.Event], None],
        rooms: Rooms | None = None,
    ) -> None:
        self.due: float | None = None  #: when the next look is, by the host's clock; None = no task runs
        self.meters = Meters()
        self.news = False  #: whether there is something to tell to those who watch; they set it back
        self._staff = staff
        self._desks = desks
        self._pools = pools
        self._silence = silence
        self._emit = emit
        self._rooms = rooms or Rooms()
        self._left: list[Room] = []  # as last looked at
        self._scarcities: dict[int, Scarcity] = {}
        self._left_at = 0.0
        self._ended_by_the_system = self._rooms.ended_by_the_system()
        self._ended_one_at = -LATELY  # when the system was last seen to have done so
        self._told_at = 0.0
        staff.memory_of = self.said_of

    # ------------------------------------------------------------ when

    def plan(self, now: float) -> None:
        """After what has happened up to now: have the next look at the right time."""
        if self.due is None:
            if self._busy():
                self.due = now + FASTEST  # what is known may be old
        elif self.due > now + SLOWEST:  # the clock was set back
            self.due = now + SLOWEST

    def _busy(self) -> bool:
        return any(
            pool.launched and not self._staff.specs[label].threads for label, pool in self._pools.items()
        )

    def _until_next(self, workers: list[Worker], before: list[Room], passed: float) -> float:
        """Seconds in which nothing can be filled that is not to be; `before`: what was left, so many seconds ago."""
        if not workers:
            return FASTEST  # they are just being started
        if self._silence.pressing:
            return FASTEST
        headroom = [room.free - kept_free(room.total) for room in self._left]
        headroom += [worker.memory_limit - worker.crew.memory for worker in workers if worker.memory_limit]
        pause = min(SLOWEST, max(FASTEST, min(headroom, default=FILLED) / FILLED))
        for room, earlier in zip(self._left, before, strict=False):
            shrinks = (earlier.free - room.free) / max(passed, AT_A_PINCH)  # bytes a second
            if shrinks > 0:
                pause = min(pause, max(AT_A_PINCH, (room.free - kept_free(room.total)) / shrinks / 2))
        return pause

    # ------------------------------------------------------------ the look

    def look(self, now: float) -> None:
        """Look at all workers, and say what must be done."""
        before, before_at = self._left, self._left_at
        workers = self.read()
        self.meters.look(workers, self._desks, now)
        for worker in workers:
            self._compare_with_its_limit(worker, now)
        self._compare_with_what_is_left(workers, now)
        for worker in workers:
            self._silence.look(worker, now)
        passed = self._left_at - before_at
        printed = max((worker.trim_log() for worker in self._staff.workers.values()), default=0)
        self.due = None
        if self._busy():
            pause = self._until_next(workers, before, passed)
            self.due = now + min(pause, next_look(printed, passed))
        if now - self._told_at >= TELL_EVERY:
            self._told_at = now
            self.news = True

    def read(self) -> list[Worker]:
        """Bring the figures up to date; gives back the workers that are at work or ready for it."""
        self._left, self._left_at = self._rooms.all(), time.monotonic()
        self._count_those_the_system_ended()
        found = []
        for worker in self._staff.workers.values():
            if not worker.threads:
                seen = figures.crew(worker.pid)
                if seen.memory:  # one that is ending has given it back already
                    worker.crew = seen
                if worker.number in self._desks and worker.verdict is None:
                    found.append(worker)
        return found

    def _compare_with_its_limit(self, worker: Worker, now: float) -> None:
        limit = worker.memory_limit
        idle = not self._desks[worker.number].queue
        # one that keeps more than half between tasks is replaced: the next task is not to be blamed for it
        most = limit // 2 if idle else limit
        if not limit or worker.crew.memory <= most or now < worker.weigh_at:
            return
        used = figures.exact(worker.crew)
        if used <= most:
            worker.weigh_at = now + SLOWEST  # its processes share much; to count that takes a while
            return
        had = f"its worker's {_processes(worker)} had {in_words(used)}"
        words = f"{had}, more than the memory_limit of {in_words(limit)} of executor {worker.executor!r}"
        self._end(worker, Verdict(words, used, limit))

    def _compare_with_what_is_left(self, workers: list[Worker], now: float) -> None:
        for number, room in enumerate(self._left):
            scarcity = self._scarcities.setdefault(number, Scarcity())
            short = room.free < kept_free(room.total)
            memory = {w.number: figures.exact(w.crew) if short else w.crew.memory for w in workers}
            loads = [Load(n, size, bool(self._desks[n].queue)) for n, size in memory.items()]
            chosen = scarcity.whom(room.free, room.total, loads, now)
            worker = next((worker for worker in workers if worker.number == chosen), None)
            if worker is None or worker.verdict is not None:
                continue
            used = memory[worker.number]
            words = (
                f"{room.where} was nearly out of memory, with {in_words(room.free)} of {in_words(room.total)} free, "
                f"and its worker's {_processes(worker)} had most, {in_words(used)}. "
                "Let fewer tasks run at once (max_workers=...), or give each its share (memory_limit=...)"
            )
            self._end(worker, Verdict(words, used, room.total))

    def _end(self, worker: Worker, verdict: Verdict) -> None:
        worker.verdict = verdict
        self._emit(ev.Overgrown(worker.number, self._desks[worker.number].head))

    # ------------------------------------------------------------ afterwards

    def said_of(self, worker: Worker, exitcode: int) -> str:
        """What the figures say of the end of a worker, in words; "" if nothing."""
        if worker.threads:
            return ""
        if worker.verdict is not None:
            return worker.verdict.words
        if exitcode != -signal.SIGKILL:
            return ""
        self._count_those_the_system_ended()
        had = f"its {_processes(worker)} had {in_words(worker.crew.memory)} when last looked at"
        if time.monotonic() - self._ended_one_at < LATELY:
            return f"the system has just ended a process for lack of memory: probably out of memory; {had}"
        for room in self._left:
            if room.free < 2 * kept_free(room.total):
                free = f"{in_words(room.free)} of the {in_words(room.total)} of {room.where} were free"
                return f"probably out of memory: {had}, and {free}"
        return ""

    def _count_those_the_system_ended(self) -> None:
        before, self._ended_by_the_system = self._ended_by_the_system, self._rooms.ended_by_the_system()
        if self._ended_by_the_system > before:
            self._ended_one_at = time.monotonic()


def _processes(worker: Worker) -> str:
    return "process" if len(worker.crew.processes) < 2 else f"{len(worker.crew.processes)} processes"
