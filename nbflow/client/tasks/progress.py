"""How far a task has come, as it says itself: `progress` and `track`, called inside of it.

What is said is only noted; who sends it, at most ten times a second and the last always, is the thread that reads while
a task runs (in a worker process), or one for all threads of the user's (`Teller`). So to say it costs a microsecond, as
often as it is said, and nobody waits for a socket.

    progress(0.4) ──> current task's `Saying`  <── every 0.1 s ── who sends ──Reported──> scheduler ──> row
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from numbers import Real
from typing import Any, TypeVar

from nbflow.checking import as_whole
from nbflow.client import current
from nbflow.legible import shorten
from nbflow.wire.rows import Progress

Thing = TypeVar("Thing")

EVERY = 0.1
"""Seconds between two messages about one task, at least."""


def progress(fraction: float, text: str = "") -> None:
    """Say how far the task that calls it has come; the live graph and the line under the cell show it.

    May be called as often as is convenient: what it says last is shown, at most ten times a second. Outside of a task
    it does nothing, so that a function can be tried by itself.

    >>> @nbflow.python_app
    ... def fit(steps):
    ...     for step in range(steps):
    ...         ...
    ...         nbflow.progress((step + 1) / steps, f"loss {loss:.3f}")         # doctest: +SKIP

    Args:
        fraction: from 0 to 1.
        text: a few words beside it; the first 200 characters are shown, on one line.

    Raises:
        ValueError: `fraction` is no real number from 0 to 1.
        TypeError: `text` is no `str`.
    """
    told = _as_fraction(fraction)
    _check_text("progress", text)
    if (say := current.reporter()) is not None:
        say(told, text)


def track(iterable: Iterable[Thing], total: int | None = None, text: str = "") -> Iterator[Thing]:
    """The items of an iterable; how many of them the task is through with is shown, as by `progress`.

    >>> @nbflow.python_app
    ... def total(paths):
    ...     return sum(size_of(path) for path in nbflow.track(paths))            # doctest: +SKIP

    Args:
        iterable: what to go through.
        total: how many items there are; None = what `len()` says, and where it says nothing the count alone is shown.
        text: a few words beside the count.

    Raises:
        ValueError: `total` is no whole number from 0 on.
        TypeError: `iterable` is none, `text` is no `str`.
    """
    if total is None:
        try:
            total = len(iterable)  # type: ignore[arg-type] # whether it has a length is the question
        except TypeError:
            total = None
    elif (whole := as_whole(total)) is None or whole < 0:
        raise ValueError(f"track(total=...) is a whole number from 0 on, or None, not {total!r}")
    else:
        total = whole
    _check_text("track", text)
    try:
        items = iter(iterable)
    except TypeError:
        raise TypeError(f"track() goes through a list or another iterable, not {iterable!r}") from None
    return _tracked(items, total, text)


def _tracked(items: Iterator[Thing], total: int | None, text: str) -> Iterator[Thing]:
    say = current.reporter()  # whoever goes through it is the task, not whoever has called `track`
    if say is None:
        yield from items
        return
    done = 0
    say(fraction_of(done, total), counted(done, total, text))
    for item in items:
        yield item
        done += 1
        say(fraction_of(done, total), counted(done, total, text))


def fraction_of(done: float, total: float | None) -> float | None:
    """`done` of `total` as a number from 0 to 1; None where that cannot be told."""
    return min(1.0, max(0.0, done / total)) if total else None


def counted(done: float, total: float | None, text: str) -> str:
    """ "fitting: 38 of 61": a count for people, behind what it counts."""
    count = f"{done}" if total is None else f"{done} of {total}"
    return f"{text}: {count}" if text else count


def _as_fraction(given: Any) -> float:
    told = float(given) if isinstance(given, Real) else -1.0
    if not 0.0 <= told <= 1.0:
        raise ValueError(f"progress(fraction) is a number from 0 to 1, not {given!r}")
    return told


def _check_text(called: str, text: Any) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{called}(text=...) is a str, not {text!r}")


class Saying:
    """What the task that one worker runs has said last, until it is sent.

    One thread or several of the task's say something, another one takes it; there is no lock, for each note is one
    object that is put in the place of another.
    """

    def __init__(self) -> None:
        self._said: tuple[int, float | None, str] | None = None
        self._taken: tuple[int, float | None, str] | None = None
        self._speaks = 0  # the task that has said something itself: bars that it draws do not count

    def note(self, task: int, fraction: float | None, text: str) -> None:
        """The task says so."""
        self._speaks = task
        self._said = task, fraction, text

    def note_bar(self, task: int, fraction: float | None, text: str) -> None:
        """It draws a bar that says so."""
        if self._speaks != task:
            said = task, fraction, text
            if said != self._said:
                self._said = said

    def speaks(self, task: int) -> bool:
        """Whether the task has said anything itself."""
        return self._speaks == task

    def take(self, task: int) -> Progress | None:
        """What is new of the task that runs, to be sent; None: nothing is."""
        said = self._said
        if said is None or said is self._taken:
            return None
        self._taken = said
        if said[0] != task:  # it has ended
            return None
        return Progress(said[1], shorten(str.__str__(said[2])))  # a subclass may have methods of its own


class Teller:
    """The thread that sends what tasks on threads say; it rests while none says anything. Started at the first word."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._said = threading.Event()
        self._ended = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Something was said."""
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="nbflow-progress", daemon=True)
                    self._thread.start()
        if not self._said.is_set():
            self._said.set()

    def close(self) -> None:
        """Nothing more is sent."""
        self._ended.set()
        self._said.set()

    def _run(self) -> None:
        while self._said.wait() and not self._ended.is_set():
            self._said.clear()
            self._tell()
            self._ended.wait(EVERY)
