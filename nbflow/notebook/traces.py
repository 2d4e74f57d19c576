"""The traceback of a task's error: read from its text, and made short.

Pure. What arrives from a worker is text, because frames do not travel. Here it becomes frames again: those of the
user's own code are kept, of a library's only the last one, where it raised.
"""

from __future__ import annotations

import linecache
import os
import re
import sysconfig
from dataclasses import dataclass

import nbflow.errors
from nbflow.errors import LAST_WORDS, PropagatedException, RemoteTraceback, TaskError

FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d+)(?:, in (?P<function>.*))?$')
NBFLOW = os.path.dirname(nbflow.errors.__file__)
LIBRARIES = sorted(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}, key=len
)[::-1]
FOREIGN = (*LIBRARIES, "<frozen ")
AROUND = 2  # lines of source shown before and behind the one that failed
MOST_FRAMES = 4
MOST_WORDS = 20  # lines


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of a traceback. `file` is what people call it: a path, or `Cell In[4]`."""

    file: str
    line: int
    function: str
    source: str

    @property
    def place(self) -> str:
        """`Cell In[4], line 6`; a library's file is told from the library's folder on."""
        home = next((path for path in LIBRARIES if self.file.startswith(path)), "")
        return f"{self.file[len(home) :].lstrip(os.sep) if home else self.file}, line {self.line}"

    @property
    def headline(self) -> str:
        """`Cell In[4], line 6, in score`."""
        return f"{self.place}, in {self.function}" if self.function else self.place

    @property
    def own(self) -> bool:
        """Whether it is the user's code, not a library's."""
        return not self.file.startswith(FOREIGN)


def root_of(error: BaseException) -> BaseException:
    """The error that all began with: that of the task that failed first."""
    while isinstance(error, PropagatedException):
        error = error.root
    return error


def came_out_of_a_task(error: BaseException | None) -> bool:
    """Whether a future raised it because of its task, and not some code of this process."""
    return error is not None and (
        isinstance(error, TaskError) or isinstance(error.__cause__, RemoteTraceback)
    )


def told_apart(text: str) -> tuple[str, list[str]]:
    """What happened, and the last lines that the process or command which ended had written, where a text has both."""
    what, _, words = text.partition(LAST_WORDS)
    return what, words.strip("\n ").split("\n")[-MOST_WORDS:] if words else []


def frames_of(error: BaseException) -> list[Frame]:
    """The frames in which an error was raised in a worker, outermost first; none where that is not known."""
    found: list[Frame] = []
    cause = error.__cause__
    lines = cause.text.splitlines() if isinstance(cause, RemoteTraceback) else []
    for number, line in enumerate(lines):
        if line.startswith("Traceback (most recent call last)"):
            found.clear()  # of several errors, one the cause of the other, the last one counts
        elif (match := FRAME.match(line)) and not match["file"].startswith(NBFLOW):
            behind = lines[number + 1] if number + 1 < len(lines) else ""
            source = behind.strip() if behind.startswith("    ") else ""
            found.append(Frame(match["file"], int(match["line"]), match["function"] or "", source))
    return found


def place_of(frames: list[Frame]) -> str:
    """The innermost line of the user's code: `Cell In[4], line 6`; "" where there is none."""
    return next((frame.place for frame in reversed(frames) if frame.own), "")


def short(frames: list[Frame]) -> list[Frame]:
    """The user's frames and the one that raised; of many, the first and the last ones."""
    kept = [frame for frame in frames if frame.own or frame is frames[-1]]
    return kept if len(kept) <= MOST_FRAMES else [kept[0], *kept[1 - MOST_FRAMES :]]


def excerpt(frame: Frame, file: str) -> list[str]:
    """The lines around the frame's, numbered, with an arrow; `file` is the name under which they can be read."""
    # Only Python is shown: the file's name was read out of a text, in which an error's own words may name any file.
    lines = linecache.getlines(file) if file in linecache.cache or file.endswith(".py") else []
    if not 0 < frame.line <= len(lines):
        return [f"----> {frame.line} {frame.source}"] if frame.source else []
    first, last = max(frame.line - AROUND, 1), min(frame.line + AROUND, len(lines))
    width = len(str(last))
    return [
        f"{'---->' if number == frame.line else '     '} {number:>{width}} {lines[number - 1].rstrip()}".rstrip()
        for number in range(first, last + 1)
    ]
