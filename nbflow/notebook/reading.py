"""The traceback of a task's error, read from its text: which errors there were, and the frames of each.

Pure. What arrives from a worker is text, because frames do not travel. Here it becomes frames again; which of them are
shown is the subject of `traces`.

    KeyError (of task 4, which the task had called) ──> raised again in the task ──> ValueError raised from it
    └────────────────────────────────── `read` gives all three, in this order ──────────────────────────────┘
"""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nbflow.values.traces import OWN

FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d+)(?:, in (?P<function>.*))?$')
LIBRARIES = sorted(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}, key=len
)[::-1]
FOREIGN = (*LIBRARIES, "<frozen ")

_HEADING = "Traceback (most recent call last):"
_OF_GROUP = f"  + Exception Group {_HEADING}"
_MEMBER = re.compile(r"^  (?:\+-|  )\+-+ (?:\d+|\.\.\.) -+$")  # what stands above each error of a group
_REPEATED = re.compile(r"^  \[Previous line repeated (\d+) more times?\]$")
_REMOTE = "nbflow.errors.RemoteTraceback:"
_LED_TO = {
    "The above exception was the direct cause of the following exception:": True,
    "During handling of the above exception, another exception occurred:": False,
}


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of a traceback. `file` is what people call it: a path, or `Cell In[4]`.

    `marks` stand below `source`, as Python points at a part of a line; `times`: how often it followed upon itself.
    """

    file: str
    line: int
    function: str
    source: str
    marks: str = ""
    times: int = 1

    @property
    def place(self) -> str:
        """`Cell In[4], line 6`; a library's file is told from the library's folder on."""
        home = next((path for path in LIBRARIES if self.file.startswith(path)), "")
        return f"{self.file[len(home) :].lstrip(os.sep) if home else self.file}, line {self.line}"

    @property
    def headline(self) -> str:
        """`Cell In[4], line 6, in score`."""
        where = f"{self.place}, in {self.function}" if self.function else self.place
        return where if self.times == 1 else f"{where}, {self.times} times in a row"

    @property
    def own(self) -> bool:
        """Whether it is the user's code, not a library's."""
        return not self.file.startswith(FOREIGN)


@dataclass(frozen=True, slots=True)
class Raised:
    """One error of a traceback.

    `words` is its first line, as in "KeyError: 'x'"; `origin` the task that it came out of, where that is another one
    ("task 4 `load`"); `cause`: the next one was raised from it, not only while it was handled; `members`: of a group.
    """

    words: str
    frames: list[Frame]
    origin: str = ""
    cause: bool = False
    members: Sequence[Raised] = ()


def read(text: str) -> list[Raised]:
    """The errors of a traceback in their order; the last one is what was raised in the end."""
    found: list[Raised] = []
    tasks: list[str] = []  # of those tracebacks of tasks that are still to come to their ends
    for lines, cause in _blocks(text.splitlines()):
        tasks += _origins(lines)
        frames = list(_frames(_of_group(lines)))
        if tasks and found and frames and frames[-1].file.startswith(OWN):
            tasks.pop()  # raised again by a future, in the task that had asked for the value
        kept = [frame for frame in frames if not frame.file.startswith(OWN)]
        found.append(Raised(_words(lines), kept, tasks[-1] if tasks else "", cause, list(_members(lines))))
    return found


def _blocks(lines: Sequence[str]) -> Iterator[tuple[list[str], bool]]:
    """The lines of each error, and whether the next one was raised from it."""
    block: list[str] = []
    for line in lines:
        if (cause := _LED_TO.get(line)) is not None:
            yield block, cause
            block = []
        else:
            block.append(line)
    yield block, False


def _origins(lines: Sequence[str]) -> Iterator[str]:
    """What the tracebacks of tasks that begin here say of their tasks."""
    for number, line in enumerate(lines[:-1]):
        if line.startswith(_REMOTE):
            behind = lines[number + 1]
            yield behind[:-1] if behind[-1:] == ":" and behind != _HEADING else "another task"


def _of_group(lines: Sequence[str]) -> list[str]:
    """The lines about an error itself: for a group, those without its members and the margin."""
    if _OF_GROUP not in lines:
        return list(lines)
    own: list[str] = []
    for line in lines[lines.index(_OF_GROUP) :]:
        if _MEMBER.match(line):
            break
        own.append(line[4:])
    return own


def _members(lines: Sequence[str]) -> Iterator[Raised]:
    """The errors of a group; of one that is a group itself, no more than its words."""
    if _OF_GROUP not in lines:
        return
    within = lines[lines.index(_OF_GROUP) :]
    starts = [number for number, line in enumerate(within) if _MEMBER.match(line)]
    for start, stop in zip(starts, [*starts, len(within)][1:], strict=True):
        text = [line[6:] for line in within[start + 1 : stop] if line.startswith("    | ")]
        yield from read("\n".join(text).removeprefix("Exception Group "))[-1:]


def _frames(lines: Sequence[str]) -> Iterator[Frame]:
    """The frames, outermost first; those that are the same again and again are one."""
    last: Frame | None = None
    for number, line in enumerate(lines):
        if match := FRAME.match(line):
            behind, under = (*lines[number + 1 : number + 3], "", "")[:2]
            source = behind.strip() if behind.startswith("    ") else ""
            pointing = source and under.startswith("    ") and not under.strip(" ~^")
            marks = under[len(behind) - len(behind.lstrip()) :].rstrip() if pointing else ""
            frame = Frame(match["file"], int(match["line"]), match["function"] or "", source, marks)
            if last is not None and replace(last, times=1) == frame:
                last = replace(last, times=last.times + 1)
                continue
            if last is not None:
                yield last
            last = frame
        elif last is not None and (again := _REPEATED.match(line)):
            last = replace(last, times=last.times + int(again[1]))
        elif line == _HEADING:
            last = None
    if last is not None:
        yield last


def _words(lines: Sequence[str]) -> str:
    """The first line of the error's own text: what stands behind the frames, and is not set in."""
    own = _of_group(lines)
    start = max((number for number, line in enumerate(own) if line.endswith(_HEADING)), default=-1)
    behind = (line for line in own[start + 1 :] if line.strip() and not line.startswith("  "))
    return next(behind, "")
