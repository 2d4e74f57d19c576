"""What is told of a failure, in a few lines: the error, the task and its arguments, the user's lines, what led to it.

Pure. A cell's traceback and a task's card are made of the same `Told`; all texts in it are legible and bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nbflow.errors import DeserializationError, RemoteError, RemoteTraceback, describe
from nbflow.legible import legible, shorten
from nbflow.notebook.reading import Frame, Raised
from nbflow.notebook.text import LEFT_OUT, plain
from nbflow.notebook.traces import (
    AROUND,
    MOST_CAUSES,
    MOST_MEMBERS,
    MOST_WORDS,
    chain_of,
    excerpt,
    place_of,
    root_of,
    short,
    told_apart,
)
from nbflow.wire.rows import TaskDetails, TaskRow

LONGEST_TEXT = 4_000  # characters of an error's text that are shown
LONGEST_LINE = 1_000  # and of each other line
LONGEST_TRACEBACK = 40_000  # of the full one
MOST_NOTES = 5  # that were added to an error

FileOf = Callable[[str], str]
"""The name under which a file can be read that people call so."""


@dataclass(frozen=True, slots=True)
class Told:
    """A failure. Texts may be empty.

    `error`: class and text; `notes`: what was added to it; `place`: the innermost line of the user's code; `lines`:
    that line among its neighbours, and what led to it; `words`: the last that the task, or its command, has written;
    `full`: the whole traceback.
    """

    error: str
    notes: Sequence[str]
    task: str
    place: str
    attempts: int
    arguments: str
    lines: Sequence[str]
    words: Sequence[str]
    full: str

    @property
    def where(self) -> str:
        """` at Cell In[4], line 6, after 3 attempts`, as far as it is known."""
        at = f" at {self.place}" if self.place else ""
        return at + (f", after {self.attempts} attempts" if self.attempts > 1 else "")


def told(
    error: BaseException, file_of: FileOf, row: TaskRow | None = None, details: TaskDetails | None = None
) -> Told:
    """What is to be told of an error that came out of a task. `row`, `details`: of the one that failed, where known."""
    root = root_of(error)
    cause = root.__cause__
    remote = cause if isinstance(cause, RemoteTraceback) else None
    chain = chain_of(root)
    text, words = told_apart(described(root))
    if not words and details is not None:
        words = plain(details.output).strip("\n").split("\n")[-MOST_WORDS:] if details.output.strip() else []
    if len(text) > LONGEST_TEXT:
        text = f"{text[:LONGEST_TEXT]}\n... {len(text) - LONGEST_TEXT} characters left out ..."
    full = "" if remote is None else plain(remote.text)
    return Told(
        error=text,
        notes=_notes(root),
        task="" if remote is None else remote.origin,
        place=legible(place_of(chain[-1].frames)) if chain else "",
        attempts=0 if row is None else row.attempt,
        arguments=_arguments(remote, row),
        lines=[legible(line)[:LONGEST_LINE] for line in _lines(chain, file_of)],
        words=[line[:LONGEST_LINE] for line in words],
        full=full if len(full) <= LONGEST_TRACEBACK else f"{LEFT_OUT}\n{full[-LONGEST_TRACEBACK:]}",
    )


def full(error: str, traceback: str, output: str) -> str:
    """All that is known of a failure: `output` is what the task has printed."""
    said = plain(output).strip("\n")
    printed = f"\n\nWhat it printed:\n{said}" if said else ""
    return plain(traceback).rstrip() + printed if traceback else f"{error}{printed}"


def _arguments(remote: RemoteTraceback | None, row: TaskRow | None) -> str:
    if remote is not None and remote.item is not None:
        return shorten(remote.arguments)
    return "" if row is None or row.part is not None else shorten(row.detail)


def described(root: BaseException) -> str:
    """Class and text, legible; of an error that could not travel as itself, those that it had."""
    if isinstance(root, RemoteError) and not isinstance(root, DeserializationError):
        return legible(str(root))
    return describe(root)


def _notes(root: BaseException) -> list[str]:
    """What was added to it where it was raised; and, where its class is another one here, that it is."""
    added = getattr(root, "__notes__", None)
    notes = (
        [legible(note)[:LONGEST_LINE] for note in added if isinstance(note, str)]
        if isinstance(added, list)
        else []
    )
    if isinstance(root, RemoteError) and not isinstance(root, DeserializationError):
        notes.insert(0, f"(raised here as RemoteError: {shorten(root.kind)} cannot travel)")
    return notes[:MOST_NOTES]


def _lines(chain: Sequence[Raised], file_of: FileOf) -> Iterator[str]:
    """The user's lines of the error itself, then what led to it, from the last one on."""
    if not chain:
        return
    yield from _own_lines(chain[-1].frames, file_of)
    if chain[-1].members:
        yield from _members(chain[-1].members)
    later = chain[-1]
    for earlier in chain[-2 : -2 - MOST_CAUSES : -1]:
        yield ""
        yield _led(earlier, later)
        frames = [frame for frame in earlier.frames if frame.own]
        if frames:
            yield from excerpt(frames[-1], file_of(frames[-1].file), AROUND if earlier.origin else 0)
        later = earlier
    left = len(chain) - 1 - MOST_CAUSES
    if left > 0:
        yield f"... {left} more errors led to it ..."


def _own_lines(frames: Sequence[Frame], file_of: FileOf) -> Iterator[str]:
    known = list(frames)
    shown = short(known)
    left = len([frame for frame in known if frame.own or frame is known[-1]]) - len(shown)
    innermost = next((frame for frame in reversed(shown) if frame.own), None)
    for number, frame in enumerate(shown):
        if number == 1 and left > 0:
            yield f"... {left} frames more ..."
        yield frame.headline
        yield from excerpt(frame, file_of(frame.file), AROUND if frame is innermost else 0)


def _members(members: Sequence[Raised]) -> Iterator[str]:
    yield ""
    yield "It holds 1 error:" if len(members) == 1 else f"It holds {len(members)} errors:"
    for number, one in enumerate(members[:MOST_MEMBERS], 1):
        yield f"  {number}. {shorten(one.words)}{_at(one)}"
    if len(members) > MOST_MEMBERS:
        yield f"  and {len(members) - MOST_MEMBERS} more"


def _led(earlier: Raised, later: Raised) -> str:
    """How an error led to the next one."""
    words, at = shorten(earlier.words), _at(earlier)
    if earlier.origin and earlier.words == later.words:
        return f"It came out of {earlier.origin}{at}:"
    whose = f", of {earlier.origin}" if earlier.origin and earlier.origin != later.origin else ""
    if earlier.cause:
        return f"Raised from {words}{whose}{at}:"
    return f"Raised while this was handled: {words}{whose}{at}:"


def _at(raised: Raised) -> str:
    place = place_of(raised.frames)
    return f", at {place}" if place else ""
