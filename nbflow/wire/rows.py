"""What people are told of tasks and workers: plain records, made by the scheduler, shown by whoever asks."""

from __future__ import annotations

import msgspec

from nbflow.core.states import State


class Part(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A task that runs many items of a sweep, one after the other."""

    sweep: int  # the number of the sweep's first task: the same for all its parts
    first: int  # item of it, from 0
    count: int  # items
    total: int  # of the whole sweep


class Tally(msgspec.Struct, array_like=True, frozen=True):
    """What came of the items of a `Part` that has given its answer."""

    failed: int
    skipped: int  # they were cancelled before they had begun
    ran: int  # those that it came to, these among them; others were taken from it
    lines: list[str]  # the errors of the first that failed, a line each
    traceback: str  # of the first one
    line: int  # of the app's source that raised it, from 1; 0 if not known


class Progress(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How far a running task has come, as it says itself."""

    fraction: float | None  # from 0 to 1; None where it counts without knowing how far
    text: str  # on one line, legible


TELLING = 0.001  # seconds; most take far less


class Transfer(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Seconds of an attempt's time on its worker: until its arguments were there, and to put its value away.

    Told where one of them is at least `TELLING`.
    """

    fetch: float
    store: float

    @classmethod
    def worth_telling(cls, fetch: float, store: float) -> Transfer | None:
        """What was measured by a clock that may have been set back meanwhile; None if it is next to nothing."""
        if fetch < TELLING and store < TELLING:
            return None
        return cls(max(0.0, fetch), max(0.0, store))


class Run(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """That a worker was at a task. Times are seconds since the epoch; `end`: 0.0 = it still is."""

    worker: int
    begin: float
    end: float
    state: State | None  # what came of it; None = what became of its task


class TaskRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What is known of one task: a row of the table, a node of the graph. Times are seconds since the epoch."""

    id: int  # see nbflow.numbers
    app: str
    parent: int | None  # the task inside which it was called
    needs: tuple[int, ...]
    detail: str  # short texts of the arguments
    state: State
    attempt: int  # 0 until launched
    worker: int | None
    submitted: float
    started: float  # 0.0 = not yet
    ended: float  # 0.0 = not yet
    recalled: bool  # DONE without running
    note: str  # DONE: short text of the result; FAILED, SKIPPED: the error in one line
    root: int | None  # the task whose failure caused this one's
    joining: bool = False  # WAITING: the body of a join app has ended, the tasks it called have not
    again: bool = False  # WAITING: an attempt failed, another one follows
    part: Part | None = None  # of a sweep; its items count in its place
    failed: int = 0  # DONE: of these items, how many raised
    skipped: int = 0  # DONE: and how many were cancelled
    progress: Progress | None = None  # RUNNING: if it has said anything
    peak: int = 0  # the most bytes its worker was seen to have while it ran; 0 = nobody looked in that time
    transfer: Transfer | None = None  # of its last attempt, once that has ended; None = next to nothing
    # where it was on workers at other times than from `started` to `ended`: it was tried again, or the body of a join
    # has ended before it
    runs: tuple[Run, ...] = ()


class Attempt(msgspec.Struct, array_like=True, frozen=True):
    """One run of a task. Times are seconds since the epoch; `end`: 0.0 = it goes on."""

    number: int
    worker: int
    begin: float
    end: float
    outcome: str  # in a line; "" while it goes on


class TaskDetails(msgspec.Struct, array_like=True, frozen=True, tag="TaskDetails"):
    """What is fetched only when somebody looks at one task."""

    id: int
    traceback: str
    output: str  # head and tail of what it printed
    story: list[tuple[float, str]]  # (seconds since the epoch, what happened)
    source: str
    file: str
    line: int  # line of `file` at which `source` begins
    place: str  # "Cell In[4], line 6"
    error_line: int  # line of `source` that failed, from 1; 0 if none
    failures: list[str] = []  # the errors of its failed attempts, a line each
    spent: float = 0.0  # what they cost, as far as they are judged
    kept: bool = False  # it ended without a value, and what it was called with is still there
    attempts: list[Attempt] = []
    executor: str = ""  # where it runs, or has run last; "" = nowhere yet, or nobody knows any more


class WorkerRow(msgspec.Struct, array_like=True, frozen=True):
    """One worker: a process, or a thread of the client's."""

    worker: int
    executor: str
    pid: int
    task: int | None
    # bytes that its end would free, child processes included, as last looked at; 0 = not known
    memory: int = 0
    responding: bool = True  # False: stopped, or it waits for a device that does not answer
    # processors kept busy, child processes included, between the last two looks; -1.0 = not known
    cpu: float = -1.0


class StoreRow(msgspec.Struct, array_like=True, frozen=True):
    """The big values of a flow, in bytes. What is freed and kept to be written anew does not count."""

    total: int = 0  # now, in memory or not
    peak: int = 0  # the most there ever was
    spilled: int = 0  # of the total, what lies in the run directory
    limit: int = 0  # how much of it may be in memory
