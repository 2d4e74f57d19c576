"""Many items of a sweep as one task: what runs on the worker, and what it gives back.

An item that raises, or whose result cannot travel, costs itself alone. The answer is told apart from the results in it:
`Answer` can be read where nothing of the user's may run, the results stay a pickle until somebody asks for them.

    Chunk(function)(items...) ──> Answer(took, faults, skipped, body) ──the usual way of a value──> `Sweep`

Where an item takes long, those behind it may be taken from the chunk and sent as another one (`Board.take`).
"""

from __future__ import annotations

import enum
import mmap
import os
import pickle
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from nbflow.client.tasks.running import awaited, code_of, returned_a_future
from nbflow.errors import CannotPickle, describe
from nbflow.values import outcome, pickling
from nbflow.values.digests import digest
from nbflow.values.short import detail
from nbflow.wire.messages import Define
from nbflow.wire.outcomes import Failure
from nbflow.wire.rows import Tally

BEGUN, ENDED = 1, 2  # on the board: of an item; at the first one's place, of the chunk
CANCELLED = 1  # what stands there of an item that is not to run; more: in which chunk it is the first time, see `turn`
MOST_TURNS = 255
MOST_LINES = 20  # errors of a chunk that are told in a line each, besides their count


class Fault(msgspec.Struct, array_like=True, frozen=True):
    """An item without a value. `item` counts within its chunk; `may_retry` as in `Finished`; `arguments` in short."""

    item: int
    failure: Failure
    may_retry: bool
    arguments: str = ""


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """What a chunk gives. `body` is a pickle of the list of results, None in the place of those that are none."""

    took: float  # seconds
    ran: int  # items that it came to; the others were taken from it
    faults: list[Fault]
    skipped: list[int]  # items that were cancelled in time, and did not run
    size: int  # bytes of the results


_answers = msgspec.msgpack.Decoder(Answer)


class Form(enum.IntEnum):
    """What an item of a sweep is."""

    ONE = 0  # the argument
    SPREAD = 1  # a tuple of arguments
    NAMED = 2  # a dict of them, by their names

    def given(self, item: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of its call."""
        if self is Form.NAMED:
            return (), dict(item)
        return (tuple(item) if self is Form.SPREAD else (item,)), {}


class Chunk:
    """Calls a function for many items, one after the other, and never raises what one of them raises."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.__wrapped__ = function  # where source and traceback begin

    def __call__(
        self,
        items: Sequence[Any],
        form: int,
        board: str,
        count: int,
        first: int,
        retry_on: bytes,
        show_values: bool,
        turn: int,
    ) -> Results:
        """`form`: see `Form`; `board`, `count`, `first`, `turn`: see `Board`; `show_values`: see `Config`."""
        function = self.__wrapped__
        code = code_of(function)
        home, getpid = os.getpid(), os.getpid
        skip, begun = views_of(board, count)
        values: list[Any] = []
        faults: list[Fault] = []
        skipped: list[int] = []
        keep = values.append
        start = time.perf_counter()
        for place, item in enumerate(items, first):
            begun[place] = BEGUN  # before the look: whoever takes items says so first, and looks then
            if mark := skip[place]:
                if mark > turn:
                    begun[first] = ENDED
                    while skipped and skipped[-1] == len(values) - 1:  # these were taken as well
                        del skipped[-1], values[-1]
                    break
                if mark == CANCELLED:
                    skipped.append(place - first)
                    keep(None)
                    continue
            try:
                value = function(item) if not form else function(*item) if form == 1 else function(**item)
                keep(value if type(value) in pickling.ATOMS else awaited(value))
            except BaseException as error:  # the others go on
                if getpid() != home:
                    raise
                keep(None)
                told = detail(*Form(form).given(item), ()) if show_values else ""
                faults.append(_fault(place - first, error, code, retry_on, told))
            if getpid() != home:  # a child that the item has forked ends here
                break
        else:
            begun[first] = ENDED
        return Results(start, values, faults, skipped, first)


def _fault(item: int, error: BaseException, code: Any, retry_on: bytes, arguments: str) -> Fault:
    if issubclass(type(error), MemoryError):  # what has filled the memory stands in the frames
        traceback.clear_frames(error.__traceback__)
    return Fault(item, outcome.pack_error(error, code), outcome.may_retry(error, retry_on), arguments)


class Results:
    """What the items of a chunk gave, before it is packed."""

    def __init__(
        self, start: float, values: list[Any], faults: list[Fault], skipped: list[int], first: int
    ) -> None:
        self._start = start
        self._values = values
        self._faults = faults
        self._skipped = skipped
        self._first = first

    def pack(self, app: str) -> tuple[Any, Tally, str]:
        """What travels as the value of the task, and what people are told of it, at length and in a line.

        Raises:
            Exception: the results cannot be pickled together, though each of them alone can.
        """
        try:
            body = pickling.dumps(self._values)
        except BaseException:  # the values' own code runs here
            body = None
        if body is None or body.needs:
            self._part_with_those_that_cannot_travel(app)
            body = pickling.dumps(self._values)
        size = len(body.data) + sum(buffer.raw().nbytes for buffer in body.buffers)
        took = time.perf_counter() - self._start
        answer = Answer(took, len(self._values), self._faults, self._skipped, size)
        parts = (msgspec.msgpack.encode(answer), pickle.PickleBuffer(body.data), *body.buffers)
        tally = self._tally()
        return parts, tally, self._note(tally)

    def _part_with_those_that_cannot_travel(self, app: str) -> None:
        for item, value in enumerate(self._values):
            error: Exception
            try:
                needs = pickling.dumps(value).needs
                if not needs:
                    continue
                error = returned_a_future(app)
            except BaseException as cause:
                kind = type(value).__name__
                error = CannotPickle(f"what `{app}` returned ({kind}) cannot travel: {describe(cause)}")
                error.__cause__ = cause
            self._values[item] = None
            self._faults.append(Fault(item, outcome.pack_error(error), True))
        self._faults.sort(key=lambda fault: fault.item)

    def _note(self, tally: Tally) -> str:
        if not tally.failed:
            return ""
        others = f", and {tally.failed - 1} more" if tally.failed > 1 else ""
        return f"{tally.lines[0]}{others}"

    def _tally(self) -> Tally:
        told = [
            f"item {self._first + fault.item}: {outcome.one_line(fault.failure)}"
            for fault in self._faults[:MOST_LINES]
        ]
        first = self._faults[0].failure if self._faults else None
        return Tally(
            len(self._faults),
            len(self._skipped),
            len(self._values),
            told,
            "" if first is None else first.traceback,
            0 if first is None else first.line,
        )


def read(value: Sequence[Any]) -> tuple[Answer, tuple[Any, ...]]:
    """The answer of a chunk, and its results, still packed: for `results_of`. Runs nothing of the user's."""
    return _answers.decode(value[0]), tuple(value[1:])


def results_of(packed: tuple[Any, ...]) -> list[Any]:
    """The results of a chunk. Raises whatever unpickling raises."""
    data, *buffers = packed
    values: list[Any] = pickling.loads(bytes(data), buffers, mine=True)
    return values


# ---------------------------------------------------------------- the function on its way


def chunk_of(code: bytes) -> Chunk:
    """What a chunk's function is unpickled as."""
    return Chunk(pickling.loads(code))


class _Carried:
    def __init__(self, code: bytes) -> None:
        self._code = code

    def __reduce__(self) -> Any:
        return chunk_of, (self._code,)


def of_many(define: Define) -> Define:
    """A function that is captured already, as one of many items."""
    code = pickle.dumps(_Carried(define.code), 5)
    return msgspec.structs.replace(define, digest=digest(b"chunk", define.digest)[:16], code=code)


# ---------------------------------------------------------------- the board

_mapped: dict[str, tuple[memoryview, memoryview]] = {}
_MOST_MAPPED = 4


def views_of(path: str, count: int) -> tuple[memoryview, memoryview]:
    """(skip, begun): a byte for each item of a sweep of `count`, in the file at `path`, shared by all its processes.

    The client says in the first which items are not to run any more, there at all or in an earlier chunk; workers say
    in the second which they have begun.
    """
    found = _mapped.get(path)
    if found is None:
        with open(path, "r+b") as file:
            view = memoryview(mmap.mmap(file.fileno(), 2 * count))
        found = view[:count], view[count:]
        while len(_mapped) >= _MOST_MAPPED:
            del _mapped[next(iter(_mapped))]
        _mapped[path] = found
    return found


class Board:
    """The client's side of it. Made in the first of `directories` that has room.

    Raises:
        OSError: none has.
    """

    def __init__(self, count: int, directories: Sequence[str]) -> None:
        failure: OSError | None = None
        for directory in directories:
            self.path = os.path.join(directory, f"{os.getpid()}-{os.urandom(6).hex()}.sweep")
            try:
                self._make(count)
                break
            except OSError as error:
                failure = error
                self.remove()
        else:
            raise failure or OSError("there is no directory for it")

    def _make(self, count: int) -> None:
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            left = memoryview(bytes(2 * count))  # written out: there is room for all of it from now on
            while left:
                left = left[os.write(fd, left) :]
            view = memoryview(mmap.mmap(fd, 2 * count))
        finally:
            os.close(fd)
        self.skip = view[:count]
        self._begun = view[count:]

    def item_at_work(self, start: int, stop: int) -> int | None:
        """The item of a chunk that its worker was at; None if it had begun none, or was through with all."""
        begun = bytes(self._begun[start:stop])
        found = begun.rfind(BEGUN)
        return None if found < 0 or begun[0] == ENDED else start + found

    def turn(self, start: int, stop: int) -> int:
        """In which turn these are to be sent, from 1: one more than they were taken from a chunk."""
        return max(b"\1" + bytes(self.skip[start:stop]))

    def take(self, start: int, stop: int, turn: int) -> None:
        """Have the chunk of a turn that has these not begin them; a moment later `first_not_begun` tells which."""
        marked = bytes(self.skip[start:stop])
        self.skip[start:stop] = bytes(mark if mark == CANCELLED else turn + 1 for mark in marked)

    def first_not_begun(self, start: int, stop: int) -> int:
        """The first of these that no worker has begun; `stop` if there is none."""
        found = bytes(self._begun[start:stop]).find(0)
        return stop if found < 0 else start + found

    def forget_begun(self, start: int, stop: int) -> None:
        """These are to run again."""
        self._begun[start:stop] = bytes(stop - start)

    def remove(self) -> None:
        """Nobody needs the file any more."""
        with suppress(OSError):
            os.unlink(self.path)
