"""All jobs of a flow: as objects while they go on and a while longer, then packed, so that a million cost little.

    jobs[7] = Job(...) ──> settled ──> LATELY later: packed; its value, if it is held, with it or in `_values`
                                                    │
    jobs[7], jobs.find(7) <──── unpacked on demand ─┘

What comes out of the pack is a copy: a job that has ended does not change any more, but for its value, which goes when
it is forgotten unless it is small, and a long output, which loses its middle; a job with such a one stays as it is
until then. One that is tried again is taken out of the pack for good (`revive`), and packed anew at its next end.
"""

from __future__ import annotations

from array import array
from collections import deque
from typing import Generic, TypeVar

import msgspec

from nbflow.core.instructions import Change
from nbflow.core.shrinking import shrink
from nbflow.scheduler.history import NO_FUNCTION, Job
from nbflow.scheduler.outputs import KEPT_WHOLE
from nbflow.scheduler.shelf import Shelf
from nbflow.wire.messages import Define
from nbflow.wire.outcomes import Failure, Inline, Lost, Outcome
from nbflow.wire.rows import Part, Tally, Transfer

T = TypeVar("T")

# few: what ended long ago is not in the processor's caches any more, and costs twice as much to pack
LATELY = 64
WATCHED = 4096  # about as many as end between two batches of rows
AT_ONCE = 64  # jobs that are packed together
WITH_IT = 100  # bytes of a value that stays with the packed job for good: an object would take as much


class _Packed(msgspec.Struct, array_like=True, gc=False):
    """What a job is unpacked from. `function` and `traceback` are places in a list: many jobs have the same."""

    app: str
    parent: int | None
    needs: tuple[int, ...]
    detail: str
    function: int
    submitted: float
    story: list[Change]
    note: str
    traceback: int
    error_line: int
    output: str
    failures: list[str]
    spent: float | None
    started: float
    ended: float
    part: Part | None
    tally: Tally | None
    transfer: Transfer | None


class Jobs(dict[int, Job]):
    """As a dictionary it has the jobs that are objects; `[]` and `find` take others out of the pack."""

    def __init__(self, lately: int = LATELY) -> None:
        super().__init__()
        self.order = array("Q")  #: the numbers of all jobs, in the order of submission
        #: how many ended jobs stay as they are; a row of another one costs some 3 us more
        self.lately = lately
        self._ended: deque[int] = deque()  # those that are to be packed, the oldest first
        self._long: deque[Job] = deque()  # those that wait for their output to be cut
        self._shelf = Shelf()
        self._values: dict[int, Outcome] = {}  # of packed jobs: every error, and what is held and not small
        self._functions = _Table(id(NO_FUNCTION), NO_FUNCTION)
        self._shared: dict[object, Define] = {}
        self._tracebacks = _Table("", "")
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(_Packed).decode

    def add(self, job: Job) -> None:
        """A call was made."""
        self[job.id] = job
        self.order.append(job.id)

    def find(self, number: int) -> Job | None:
        """A job; None if there is none of that number. To change it means nothing once it has been settled."""
        found = self.get(number)
        if found is None and number in self._shelf:
            found = self._unpacked(number)
        return found

    def knows(self, number: int) -> bool:
        """Whether there is a job of that number."""
        return number in self or number in self._shelf

    def __missing__(self, number: int) -> Job:
        return self._unpacked(number)

    def outcome(self, number: int) -> Outcome | None:
        """What a job gave; None if that is not known (any more)."""
        job = self.get(number)
        return job.outcome if job is not None else self._values.get(number) or self._small_value(number)

    def revive(self, number: int) -> Job:
        """A job that has ended goes on: as an object from now on, and it may be changed."""
        job = self[number]
        self[number] = job
        self._values.pop(number, None)
        return job

    # ------------------------------------------------------------ the end of a job

    def settled(self, job: Job) -> None:
        """A job has ended, and `history.conclude` was told of it."""
        if not job.function.reusable:  # a copy of code and cells came with each call
            job.function = self._without_code(job.function)
        self._ended.append(job.id)

    def forget(self, number: int) -> Outcome | None:
        """Nobody needs what an ended job gave any more; gives it back. Errors stay: tasks yet to end may name them."""
        job = self.get(number)
        outcome = self._values.get(number) if job is None else job.outcome
        if not isinstance(outcome, (Failure, Lost)):
            if job is None:
                self._values.pop(number, None)
            else:
                job.outcome = None
        return outcome

    def pack(self) -> None:
        """Pack what ended long ago. To be called now and then."""
        while len(self._ended) >= self.lately + AT_ONCE:
            for _ in range(AT_ONCE):
                job = self.get(self._ended.popleft())
                if job is None or job.submit is not None:
                    continue  # it was tried again since, and has been packed, or will be
                if len(job.output) > KEPT_WHOLE:
                    self._long.append(job)
                else:
                    self._pack(job)
            while self._long and len(self._long[0].output) <= KEPT_WHOLE:
                job = self._long.popleft()
                if job.submit is None and job.id in self:
                    self._pack(job)

    def shrink(self) -> None:
        """Give back the room of jobs that are packed and of values that are forgotten."""
        shrink(self)
        shrink(self._values)

    def _pack(self, job: Job) -> None:
        packed = (  # as a `_Packed`, which takes longer to make
            job.app,
            job.parent,
            job.needs,
            job.detail,
            self._functions.place(id(job.function), job.function),
            job.submitted,
            job.story,
            job.note,
            self._tracebacks.place(job.traceback, job.traceback) if job.traceback else 0,
            job.error_line,
            job.output,
            job.failures,
            job.spent,
            job.started,
            job.ended,
            job.part,
            job.tally,
            job.transfer,
        )
        outcome = job.outcome
        if type(outcome) is Inline and len(outcome.data) <= WITH_IT:
            record = b"%b%b%c" % (self._encode(packed), outcome.data, len(outcome.data) + 1)
        else:
            record = self._encode(packed) + b"\0"
            if outcome is not None:
                self._values[job.id] = outcome
        self._shelf.put(job.id, record)
        del self[job.id]

    def _small_value(self, number: int) -> Inline | None:
        record = self._shelf.get(number)
        return None if record is None or not record[-1] else Inline(record[-record[-1] : -1])

    def _unpacked(self, number: int) -> Job:
        record = self._shelf.get(number)
        if record is None:
            raise KeyError(number)
        packed = self._decode(memoryview(record)[: -(record[-1] or 1)])
        return Job(
            number,
            packed.app,
            packed.parent,
            packed.needs,
            packed.detail,
            0,
            self._functions[packed.function],
            packed.submitted,
            None,
            packed.story,
            outcome=self.outcome(number),
            note=packed.note,
            traceback=self._tracebacks[packed.traceback],
            error_line=packed.error_line,
            output=packed.output,
            failures=packed.failures,
            spent=packed.spent,
            started=packed.started,
            ended=packed.ended,
            part=packed.part,
            tally=packed.tally,
            transfer=packed.transfer,
        )

    def _without_code(self, function: Define) -> Define:
        """The same for people, and one for all that are alike."""
        source, file, line, places = function.source, function.file, function.line, function.places
        about = (source, file, line, tuple(places.items()))
        known = self._shared.get(about)
        if known is None:
            known = self._shared[about] = Define(b"", b"", True, source, file, line, places)
        return known


class _Table(Generic[T]):
    """Things that many jobs have, each once. The first stands for none."""

    def __init__(self, key: object, none: T) -> None:
        self._things = [none]
        self._places: dict[object, int] = {key: 0}

    def place(self, key: object, thing: T) -> int:
        """Where the thing stands that is known by `key`; it is put there if it does not."""
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(self._things)
            self._things.append(thing)
        return place

    def __getitem__(self, place: int) -> T:
        return self._things[place]
