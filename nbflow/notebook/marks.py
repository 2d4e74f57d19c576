"""How each state of a task is told: its word, its sign, its colours.

A mark is a number under 256, so that the states of all tasks travel to the page as one byte each. The first seven are
the states themselves; three more tell what a state alone does not: recalled from the memo, running again, and on a
worker that does not respond.
The page has the same table; `tests/notebook/cases/marks.json` holds both to it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from nbflow.core.states import State
from nbflow.wire.rows import TaskRow, WorkerRow


@dataclass(frozen=True, slots=True)
class Mark:
    """The word, and the sign as a path in a box of 16 by 16, drawn with a round stroke (filled too if `solid`).

    `light` and `dark` are its colour on either ground.
    """

    word: str
    sign: str
    path: str
    light: str
    dark: str
    solid: bool = False


_RING = "M8 3.5A4.5 4.5 0 1 1 8 12.5A4.5 4.5 0 1 1 8 3.5"
_BACK = "M4.2 5.6A4.6 4.6 0 1 1 3.4 8.6M4 2.8V5.9H7.1"
_AGAIN = "M11.8 5.6A4.6 4.6 0 1 0 12.6 8.6M12 2.8V5.9H8.9"

MARKS: tuple[Mark, ...] = (
    Mark("waiting", State.WAITING.sign, _RING, "#656d76", "#98a2ad"),
    Mark("recalling", State.RECALLING.sign, _BACK, "#8250a8", "#b78ae0"),
    Mark("running", State.RUNNING.sign, "M6 4.2L12 8L6 11.8Z", "#0b6bcb", "#4aa3ff", solid=True),
    Mark("done", State.DONE.sign, "M4 8.4L7 11.4L12.2 5", "#1a7f5a", "#3fb98a"),
    Mark("failed", State.FAILED.sign, "M4.8 4.8L11.2 11.2M11.2 4.8L4.8 11.2", "#c4461b", "#ff7a4d"),
    Mark(
        "skipped",
        State.SKIPPED.sign,
        "M3 9.2Q4.6 6.4 6.2 8T9.6 8H13M10.6 5.4L13.2 8L10.6 10.6",
        "#9a6700",
        "#d9a300",
    ),
    Mark("cancelled", State.CANCELLED.sign, _RING + "M4.9 4.9L11.1 11.1", "#656d76", "#98a2ad"),
    Mark("recalled", "↺", _BACK, "#8250a8", "#b78ae0"),
    Mark("retrying", "↻", _AGAIN, "#0b6bcb", "#4aa3ff"),
    Mark("not responding", "‖", "M6 4.4V11.6M10 4.4V11.6", "#9a6700", "#d9a300"),
)
RECALLED, RETRYING, SILENT = 7, 8, 9
_DONE, _RUNNING = State.DONE, State.RUNNING  # to look a member up takes longer than the rest of `mark_of`
# marks are plain numbers, and written as such: a state is written as its word
_PLAIN = tuple(map(int, State))
_FAILED = int(State.FAILED)

ORDER = tuple(map(int, (State.DONE, RECALLED, State.RUNNING, RETRYING, SILENT, State.RECALLING, State.WAITING,
                        State.FAILED, State.SKIPPED, State.CANCELLED)))  # fmt: skip
"""The order in which counts are told."""

_MATTERS = tuple(map(int, (State.FAILED, SILENT, State.RUNNING, RETRYING, State.DONE, State.SKIPPED, RECALLED,
                           State.WAITING, State.CANCELLED, State.RECALLING)))  # fmt: skip


def mark_of(row: TaskRow, silent: Collection[int] = ()) -> int:
    """The mark of a task: an index into `MARKS`. `silent`: the workers that do not respond."""
    state = row.state
    if state is _DONE:
        if row.recalled:
            return RECALLED
        if row.failed:
            return _FAILED  # what one looks for is not to be missed among many items that went well
    elif state is _RUNNING:
        if row.worker in silent:
            return SILENT
        if row.attempt > 1:
            return RETRYING
    return _PLAIN[state]


def tally_of(row: TaskRow, mark: int) -> list[tuple[int, int]]:
    """(mark, count): what a task counts as, one of its own mark, or the items that it runs.

    Of a task whose items are told by others, because it was lost, the one counts that is lost with it.
    """
    if row.part is None or row.state is State.FAILED:
        return [(mark, 1)]
    if row.state is not State.DONE:
        return [(mark, row.part.count)]
    done = row.part.count - row.failed - row.skipped
    told = [(int(State.DONE), done), (int(State.FAILED), row.failed), (int(State.CANCELLED), row.skipped)]
    return [(mark, count) for mark, count in told if count]


def silence_of(worker: WorkerRow) -> str:
    """What it may mean that a worker does not respond, and what can be done."""
    return (
        f"process {worker.pid} is stopped, or waits for a device; other tasks go on. "
        f"`kill -CONT {worker.pid}` lets a stopped one go on, Cancel ends it"
    )


def ended(mark: int) -> bool:
    """True for the marks that are never left."""
    return State.DONE <= mark <= RECALLED


def worded(tally: Sequence[int]) -> dict[str, int]:
    """How many tasks have each mark, by its word, in the order of telling, without the zeros."""
    return {MARKS[mark].word: tally[mark] for mark in ORDER if tally[mark]}


def sentence(counts: Mapping[str, int]) -> str:
    """ "64 tasks, 63 done, 1 failed": the same text for the same counts."""
    total = sum(counts.values())
    parts = [
        f"{total:,} task{'' if total == 1 else 's'}",
        *(f"{count:,} {word}" for word, count in counts.items()),
    ]
    return ", ".join(parts)


def fitting(tally: Sequence[int], pixels: int) -> list[tuple[int, int]]:
    """The (mark, count) pairs that fit side by side in `pixels`, in the order of telling.

    What matters least goes first. A pair takes 25 pixels, and 7 more for each digit. The page has the same rule
    (`cases/fitting.json`).
    """
    chosen: set[int] = set()
    left = pixels
    for mark in _MATTERS:
        need = 25 + 7 * len(str(tally[mark]))
        if tally[mark] and need <= left:
            chosen.add(mark)
            left -= need
    return [(mark, tally[mark]) for mark in ORDER if mark in chosen]
