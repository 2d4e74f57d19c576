"""What a task gave, as it travels: a value or a fault, told apart by its type.

What the bytes in it mean is the subject of `nbflow.values`.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Inline(msgspec.Struct, array_like=True, tag="i", frozen=True, gc=False):
    """A small value: its pickle."""

    data: bytes


class Stored(msgspec.Struct, array_like=True, tag="s", frozen=True, weakref=True):
    """A big value: its pickle, and where the pickle's buffers lie in files of the object store.

    `places` has three numbers for each buffer, in their order: which of the files, where it begins in it, and its size,
    in bytes. Other values may lie in the same files, or be the same buffers.
    """

    data: bytes  # the pickle; b"" = it is the first of the buffers
    files: list[str]
    places: list[int]
    size: int  # of all of it, in bytes


class Held(msgspec.Struct, array_like=True, tag="h", frozen=True, gc=False):
    """A value that stays in the client's process, where threads run tasks: the number it is kept under there.

    `once`: whoever reads it leaves nothing for others, as of a generator.
    """

    number: int
    once: bool = False


class Here(msgspec.Struct, array_like=True, tag="n", frozen=True, gc=False):
    """The value of a task that ran on this very worker before: whoever is told so has it, or cannot run."""

    task: int


class Composed(msgspec.Struct, array_like=True, tag="c", frozen=True):
    """A value made of other tasks' values: a pickle with references, and what they refer to."""

    template: bytes
    parts: list[Inline | Stored | Held | Composed]


class Failure(msgspec.Struct, array_like=True, tag="f", frozen=True):
    """An error: the pickled exception where it can travel, and always its words."""

    data: bytes  # b"" where the exception cannot travel
    kind: str  # name of its type
    text: str
    traceback: str
    line: int = 0  # line within the app's source that raised, from 1; 0 if not known


class Lost(msgspec.Struct, array_like=True, tag="l", frozen=True):
    """An error that the scheduler found: no exception was raised anywhere. `kind` is a class in `nbflow.errors`.

    `text` says all of it; the rest are the attributes of that class, where it has them.
    """

    kind: str
    text: str
    task: int = 0
    pid: int = 0
    exitcode: int = 0  # -n: ended by signal n
    output: str = ""  # the last lines of what the task had printed
    memory: str = ""  # what the figures say of it, in words
    used: int = 0  # bytes
    limit: int = 0  # bytes


class Blamed(msgspec.Struct, array_like=True, tag="b", frozen=True):
    """No value because another task gave none. `cause` is None where that one was cancelled."""

    root: int
    app: str
    cause: Failure | Lost | None
    join: bool = False  # the task is a join app that had called the other one


class Withdrawn(msgspec.Struct, array_like=True, tag="w", frozen=True):
    """Cancelled."""


Value: TypeAlias = Inline | Stored | Held | Composed
VALUES = (Inline, Stored, Held, Composed)
Fault: TypeAlias = Failure | Lost | Blamed | Withdrawn
Outcome: TypeAlias = Inline | Stored | Held | Composed | Failure | Lost | Blamed | Withdrawn
