"""The traceback of a task's error, made short.

Pure. Of the frames that `reading` finds, those of the user's own code are kept, and of a library's only the last one,
where it raised.
"""

from __future__ import annotations

import linecache

from nbflow.errors import LAST_WORDS, PropagatedException, RemoteTraceback, TaskError, text_of
from nbflow.notebook.reading import Frame, Raised, read

AROUND = 2  # lines of source shown before and behind the one that failed
MOST_FRAMES = 4
MOST_CAUSES = 3  # errors that led to the one that is told
MOST_MEMBERS = 5  # errors of a group
MOST_WORDS = 20  # lines
ARROW = "---->"  # points at the line that failed


def blaming(error: BaseException) -> PropagatedException | None:
    """The error, if it is there because another task failed; one that a task has raised itself is its own."""
    if isinstance(error, PropagatedException) and not isinstance(error.__cause__, RemoteTraceback):
        return error
    return None


def root_of(error: BaseException) -> BaseException:
    """The error that all began with: that of the task that failed first."""
    while (blames := blaming(error)) is not None:
        error = blames.root
    return error


def failed_task(error: BaseException) -> tuple[int, str] | None:
    """Number and app of the task that failed first, as far as the error knows it."""
    known = None
    while (blames := blaming(error)) is not None:
        known = blames.root_id, blames.root_app
        error = blames.root
    cause = error.__cause__
    return (cause.task_id, cause.app) if isinstance(cause, RemoteTraceback) and cause.task_id else known


def came_out_of_a_task(error: BaseException | None) -> bool:
    """Whether a future raised it because of its task, and not some code of this process."""
    return error is not None and (
        isinstance(error, TaskError) or isinstance(error.__cause__, RemoteTraceback)
    )


def told_apart(text: str) -> tuple[str, list[str]]:
    """What happened, and the last lines that the process or command which ended had written, where a text has both."""
    what, _, words = text.partition(LAST_WORDS)
    return what, words.strip("\n ").split("\n")[-MOST_WORDS:] if words else []


def chain_of(error: BaseException) -> list[Raised]:
    """The errors of a task's traceback, the last being its own; none where nothing is known of it."""
    cause = error.__cause__
    if not isinstance(cause, RemoteTraceback):
        return []
    text, own = cause.text.rstrip("\n"), text_of(error).rstrip("\n")
    # what the error itself says may look like a traceback
    return read(text.removesuffix(own) if "\n" in own else text)


def place_of(frames: list[Frame]) -> str:
    """The innermost line of the user's code: `Cell In[4], line 6`; "" where there is none.

    Code without a file, such as a text given to `exec`, is named only where nothing else can be.
    """
    own = [frame for frame in frames if frame.own]
    return next(
        (frame.place for frame in reversed(own) if frame.file[:1] != "<"), own[-1].place if own else ""
    )


def short(frames: list[Frame]) -> list[Frame]:
    """The user's frames and the one that raised; of many, the first and the last ones."""
    kept = [frame for frame in frames if frame.own or frame is frames[-1]]
    return kept if len(kept) <= MOST_FRAMES else [kept[0], *kept[1 - MOST_FRAMES :]]


def excerpt(frame: Frame, file: str, around: int = AROUND) -> list[str]:
    """The lines around the frame's, numbered, with an arrow; `file` is the name under which they can be read."""
    # Only Python is shown: the file's name was read out of a text, in which an error's own words may name any file.
    lines = linecache.getlines(file) if file in linecache.cache or file.endswith(".py") else []
    there = lines[frame.line - 1] if 0 < frame.line <= len(lines) else ""
    if not there.strip() or (frame.source and there.strip() != frame.source):  # it has changed since
        first = last = frame.line
        there = frame.source
        lines = []
    else:
        first, last = max(frame.line - around, 1), min(frame.line + around, len(lines))
        while not lines[first - 1].strip():  # an empty line tells nothing; the frame's own is none
            first += 1
        while not lines[last - 1].strip():
            last -= 1
    if not there:
        return []
    width = len(str(last))
    shown = []
    for number in range(first, last + 1):
        here = number == frame.line
        line = there if here else lines[number - 1]
        shown.append(f"{ARROW if here else '     '} {number:>{width}} {line.rstrip()}".rstrip())
        if here and frame.marks:
            indent = len(there) - len(there.lstrip())
            shown.append(f"{'':{len(ARROW) + width + 2 + indent}}{frame.marks}")
    return shown
