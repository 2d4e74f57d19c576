"""Every message, typed. What tasks give is in `outcomes`, what people are told in `rows`.

Messages are array-like tagged structs: a frame is a list of them. How frames cross a socket is `channel`'s subject;
what the bytes in them mean is `nbflow.values`' subject.

    client  ──Configure Define Submit Shorten Cancel Release Watch──>        scheduler
    client  ──Inspect Survey Checkpoint Judged Retry Fetch──>                scheduler
    client  <──Settled Rows Workers Details Status Retrying Saved──          scheduler
    client  <──Warned Checkpointed Judge Ended──                             scheduler
    client  ──Unreadable──>                                                  scheduler
    client  ──AddExecutor Expect Deliver Exported FromThread ThreadEnded──>   scheduler
    client  <──StartThread StopThread ForThread Export Drop──                 scheduler   (threads of the client)
    client  ──Keep LetGo──>   <──Freed──                                      scheduler   (files of big values)
    worker  <──Setup Executors ImportPath Define Run TakeBack Settled Freed──  scheduler
    worker  ──Hello Finished Gathered Returned Printed Leaving──>            scheduler
    worker  ──Reported Blocked Unblocked──>                                  scheduler
    worker  ──Define Submit Shorten Expect Deliver──>                        scheduler   (calls made inside a task)
    worker  ──Cancel Release Unreadable Keep LetGo──>                        scheduler   (the same)
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from nbflow.core.retry import Terms
from nbflow.wire.outcomes import Composed, Failure, Held, Here, Inline, Lost, Outcome, Stored, Withdrawn
from nbflow.wire.rows import Part, Progress, StoreRow, Tally, TaskDetails, TaskRow, Transfer, WorkerRow

# ---------------------------------------------------------------- from a client


class ExecutorSpec(msgspec.Struct, array_like=True, frozen=True):
    """A set of equal workers: processes, or `threads` of the client's process. `reserved`: for calls that name it."""

    label: str
    workers: int
    environment: dict[str, str]
    threads: bool = False
    reserved: bool = False
    directory: bytes = b""  # working directory of its processes, whatever its name is; b"" = that of the flow
    accelerators: list[str] = []  # each process sees one of them alone
    memory_limit: int = 0  # bytes that a worker's processes may have together; 0 = no limit
    tasks_per_worker: int = 0  # after so many a process is replaced; 0 = never


class Retries(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How a task is tried again. `on`: pickled classes of the errors that count; b"" = `Exception`."""

    terms: Terms
    on: bytes


class MemoSpec(msgspec.Struct, array_like=True, frozen=True):
    """What is remembered of cached calls, see `nbflow.memoizers.BasicMemoizer`."""

    memoize: bool = True
    mode: str = ""  # "" = nothing is written
    period: float = 0.0  # seconds
    directory: str = ""  # where this run writes
    earlier: list[str] = []  # directories of earlier runs, the oldest first
    trusted: list[str] = []  # of these, those whose values count whoever has signed them
    secret: bytes = b""  # what is kept is signed with it


class Configure(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The first message: what the scheduler hosts, and how workers find the user's modules."""

    executors: list[ExecutorSpec]
    run_dir: str
    store_dirs: list[str]  # where big values go, the first that has room
    temporary: list[str]  # directories to remove in the end
    sys_path: list[bytes]
    directory: bytes  # working directory of the workers
    validate: bool  # check every invariant after every step
    retries: Retries | None = None  # of calls made inside tasks whose app says nothing about it; None = none
    judged: bool = False  # the client is asked what each failed attempt costs
    memo: MemoSpec = MemoSpec()
    name: str = ""  # what people call the flow
    show_values: bool = True  # False: no texts of arguments and results are made
    store_limit: int = 0  # bytes of memory that big values may have; 0 = half of what there is


class Define(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """A function, sent before its first use. `reusable`: one unpickled copy may serve many calls.

    `places` has the files that exist only in the user's process (cells): name -> (name for people, text), so that
    tracebacks made elsewhere show their lines.
    """

    digest: bytes
    code: bytes
    reusable: bool
    source: str
    file: str
    line: int  # of `file`, at which `source` begins; 0 if not known
    places: dict[str, tuple[str, str]]


Kind: TypeAlias = Literal["python", "bash", "join", "map"]
"""What a function is for; "map": many items of a sweep, see `Submit.part`."""


class Submit(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """A call. `needs` are the tasks that the payload's references stand for, in their order.

    What most calls do not have is told so that all of them share it: a scheduler may have a million that wait.
    """

    id: int
    app: str
    kind: Kind
    function: bytes  # digest of a `Define`
    payload: Inline | Stored | Held
    needs: tuple[int, ...]
    detail: str
    parent: int | None
    executors: tuple[str, ...]  # () = any
    retries: Retries | None  # None = never tried again
    walltime: float | None  # seconds; None = no limit
    key: bytes  # of the memo; b"" = not cached
    streams: tuple[str, ...]  # (stdout path, mode, stderr path, mode) or ()
    outputs: tuple[str, ...]  # paths that must be there afterwards
    priority: float | None = None  # the lowest first; those without one last
    part: Part | None = None
    places: tuple[str, ...] = ()  # in one of which the outputs of an equal call are, where it is cached


class Cancel(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Withdraw these tasks; all unended ones if the list is empty. `unless_begun`: only those that wait."""

    ids: list[int]
    unless_begun: bool = False


class Shorten(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Of the items of a `Part`, only the first `count` are this task's any more."""

    id: int
    count: int


class Unreadable(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The value of a cached call cannot be rebuilt where it was asked for; `why`: the error in words."""

    key: bytes
    app: str
    why: str


class Release(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Nobody on this side holds these futures any more."""

    ids: list[int]


class Watch(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Send `Rows` of all tasks now, and of the changed ones from now on."""


class Inspect(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Ask for `TaskDetails`."""

    id: int


class Judged(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The answer to `Judge`: what the failure costs, or the error of the retry handler, which becomes the task's."""

    id: int
    attempt: int
    cost: float
    fault: Failure | None


class Retry(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Try these tasks again, which ended without a value, with all that ended because of them if `dependants`.

    No tasks: all that failed or were skipped. `Retrying` follows, with the same `id`.
    """

    id: int
    tasks: list[int]
    dependants: bool


class Fetch(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Ask for what a task was called with, or has given; `Saved` follows."""

    id: int


class Survey(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Ask for `Status`."""


class Checkpoint(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Write what is remembered and not written yet; `Checkpointed` follows."""


class AddExecutor(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """One more set of workers."""

    executor: ExecutorSpec


class Expect(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """A value that is computed elsewhere, by a future of another library; `Deliver` follows."""

    id: int
    app: str
    parent: int | None


class Deliver(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """What was promised."""

    id: int
    outcome: Inline | Stored | Held | Failure | Withdrawn
    note: str


class Exported(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The answer to `Export`."""

    number: int
    outcome: Inline | Stored | Failure


class Keep(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The sender may name these files of the store in later calls: they stay until `LetGo`, or its end."""

    files: list[str]


class LetGo(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The sender will not name these files again."""

    files: list[str]


class FromThread(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """What one of the client's threads says as a worker."""

    worker: int
    message: Hello | Finished | Gathered | Returned | Printed | Reported | Blocked | Unblocked


class ThreadEnded(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The answer to `StopThread`: nothing more will be heard of it. It has begun this attempt last; 0 = none."""

    worker: int
    task: int = 0
    attempt: int = 0


# ---------------------------------------------------------------- to a client


class Settled(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """A task ended."""

    id: int
    outcome: Outcome


class Rows(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The newest rows of tasks that changed."""

    rows: list[TaskRow]


class Judge(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Ask the user's retry handler what a failed attempt costs; `Judged` follows."""

    id: int
    attempt: int
    app: str
    needs: list[int]
    outcome: Failure | Lost
    failures: list[str]  # of all attempts up to this one, a line each
    spent: float  # the costs of those before this one


class Details(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The answer to `Inspect`; None for a task that is not known."""

    id: int
    row: TaskRow | None
    details: TaskDetails | None


class Retrying(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The answer to `Retry`: these tasks go on, and will be `Settled` once more; others do not, for these reasons."""

    id: int
    tasks: list[int]
    refused: dict[int, str]


class Saved(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The answer to `Fetch`. `why`: why the call of the task cannot be had; then the fields behind `app` are empty.

    `values` are those of its needs, in the order of the payload's references.
    """

    id: int
    why: str
    app: str = ""
    kind: str = ""
    function: Define | None = None
    payload: Inline | Stored | Held | None = None
    values: list[Inline | Stored | Held | Composed] = []
    # of a task that is done, while somebody holds it
    outcome: Inline | Stored | Held | Composed | None = None


class Status(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The answer to `Survey`. `counts` is indexed by State."""

    counts: list[int]
    workers: list[WorkerRow]
    pid: int
    store: StoreRow = StoreRow()


class Workers(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """For those who watch: all workers and the big values, when the guard has looked at them."""

    rows: list[WorkerRow]
    store: StoreRow


class Warned(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The user is to be told."""

    text: str


class Ended(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The last message of a scheduler that ends although its client has not: "was ended by ..."."""

    text: str


class Checkpointed(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The answer to `Checkpoint`: all is written."""


class StartThread(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Have a thread work for an executor; it says `Hello`."""

    worker: int
    executor: str


class StopThread(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Part with a thread, whatever it runs; `ThreadEnded` follows. Not if it has begun one of the tasks `behind`."""

    worker: int
    behind: list[int] = []


class ForThread(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """What one of the client's threads is told as a worker."""

    worker: int
    message: Define | Run | TakeBack | Settled


class Export(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """A process needs a `Held` value; `Exported` follows."""

    number: int


class Drop(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Nobody needs this `Held` value any more."""

    number: int


class Freed(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Nobody needs what lies in these files, or it lies elsewhere now: do not keep them mapped. Also said to workers.

    `reuse`: the receiver has made them, and they are there still, for it to write other values into them.
    """

    files: list[str]
    reuse: bool


# ---------------------------------------------------------------- between scheduler and worker


class Setup(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The first message to a worker."""

    worker: int
    directory: bytes
    run_dir: str
    store_dirs: list[str]
    executors: list[str]  # labels, for the calls made inside tasks
    retries: Retries | None  # the same
    show_values: bool = True
    keeps: bool = False  # it was told by `values.heap` to keep for later tasks what one has freed


class ImportPath(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The `sys.path` of the workers from here on, as the first one was in `Configure`."""

    entries: list[bytes]


class Executors(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """There are more executors now: the labels of all."""

    labels: list[str]


class Run(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Run a task. `values` are those of its needs, in the order of the payload's references.

    If one of them is to come of a task that was sent to this worker before, and does not, it is not run: `Returned`.
    """

    id: int
    attempt: int
    app: str
    kind: Kind
    function: bytes
    payload: Inline | Stored | Held
    values: list[Inline | Stored | Held | Here | Composed]
    streams: tuple[str, ...]
    outputs: tuple[str, ...]
    retry_on: bytes  # see `Retries.on`


class TakeBack(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Give back those of these tasks that have not begun."""

    ids: list[int]


class Hello(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """A worker is ready for `Run`."""

    pid: int


class Finished(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """A task ended on a worker. Times are seconds since the epoch.

    `may_retry`: the task's policy counts the error among those after which it is tried again.
    """

    id: int
    attempt: int
    outcome: Inline | Stored | Held | Failure
    note: str
    output: str
    started: float
    ended: float
    may_retry: bool = True
    tally: Tally | None = None  # of a "map" that has given its answer
    transfer: Transfer | None = None  # None: next to nothing


class Gathered(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The body of a join app ended: its value is `template` once the tasks in `needs` have ended."""

    id: int
    attempt: int
    template: bytes
    needs: list[int]
    output: str
    started: float
    ended: float


class Returned(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The answer to `TakeBack`: `ids` had not begun and will not; `kept` had.

    `unasked`: no answer, `ids` were to run behind a task that has given no value here; said before that is.
    """

    ids: list[int]
    kept: list[int]
    unasked: bool = False


class Printed(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """What a running task has printed up to now, head and tail."""

    id: int
    attempt: int
    output: str


class Reported(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """How far a running task has come, as it says."""

    id: int
    attempt: int
    progress: Progress


class Leaving(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """A worker ends: its process is not what a task expects, and cannot be made so. It begins nothing any more."""

    why: str


class Blocked(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The worker's task waits for other tasks: its slot is free."""


class Unblocked(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The worker's task goes on."""


FromClient: TypeAlias = (
    Configure
    | Define
    | Submit
    | Cancel
    | Shorten
    | Unreadable
    | Release
    | Watch
    | Inspect
    | Retry
    | Fetch
    | Survey
    | Judged
    | Checkpoint
    | AddExecutor
    | ImportPath
    | Expect
    | Deliver
    | Exported
    | FromThread
    | ThreadEnded
    | Keep
    | LetGo
)
ToClient: TypeAlias = (
    Settled
    | Rows
    | Details
    | Retrying
    | Saved
    | Status
    | Workers
    | Warned
    | Ended
    | Checkpointed
    | Judge
    | StartThread
    | StopThread
    | ForThread
    | Export
    | Drop
    | Freed
)
ToWorker: TypeAlias = Setup | Executors | ImportPath | Define | Run | TakeBack | Settled | Freed
FromWorker: TypeAlias = (
    Hello
    | Finished
    | Gathered
    | Returned
    | Printed
    | Reported
    | Leaving
    | Blocked
    | Unblocked
    | Define
    | Submit
    | Cancel
    | Shorten
    | Unreadable
    | Release
    | Expect
    | Deliver
    | Keep
    | LetGo
)
