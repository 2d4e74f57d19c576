"""How nbflow's errors look in IPython.

An error of an `%%app` cell points at its line, as a SyntaxError does. An error that came out of a task begins with the
user's own exception and the line of the cell that raised it, and leaves nbflow's own frames out; so does the end of a
wait for a value. The exception itself stays what it is, with the whole remote traceback as its `__cause__`.
"""

from __future__ import annotations

import concurrent.futures
import traceback
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow.client.future import AppFuture
from nbflow.errors import JoinError, PropagatedException, UsageError, describe
from nbflow.legible import legible
from nbflow.notebook.cells import CellError
from nbflow.notebook.places import Places
from nbflow.notebook.traces import (
    came_out_of_a_task,
    excerpt,
    frames_of,
    place_of,
    root_of,
    short,
    told_apart,
)
from nbflow.numbers import name_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from IPython.core.interactiveshell import InteractiveShell

ASKING = (AppFuture.result.__code__, AppFuture.exception.__code__)
ENDS_OF_WAITING = (
    KeyboardInterrupt,
    concurrent.futures.CancelledError,
    concurrent.futures.TimeoutError,
    UsageError,
)

LONGEST_TEXT = 4_000  # characters of an error's text that a cell shows
LONGEST_LINE = 1_000  # and of each other line

RED, GREEN, BOLD, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"


def point_at(error: CellError, name: str, cell: str) -> CellError:
    """Let `error` show its line of the cell called `name`, whose text is `cell`; returns it."""
    line = (cell.split("\n") + [""] * error.line)[error.line - 1]
    text = line.lstrip()
    start = max(error.column - (len(line) - len(text)), 0)
    marks = "^" * max(min(error.end_column or 0, len(line)) - error.column, 1)

    def render() -> list[str]:
        return [
            f"  {GREEN}{name}, line {error.line}{PLAIN}",
            f"    {legible(text.rstrip())}",
            f"    {' ' * start}{BOLD}{marks}{PLAIN}",
            f"{RED}{type(error).__name__}{PLAIN}: {legible(error.message)}",
        ]

    error._render_traceback_ = render  # type: ignore[attr-defined]  # IPython shows what this gives
    return error


class WaitInterrupted(KeyboardInterrupt):
    """Somebody interrupted `%nbflow wait`; `left` tasks go on."""

    def __init__(self, left: int) -> None:
        self.left = left
        tasks = "1 task goes on" if left == 1 else f"{left} tasks go on"
        super().__init__(
            f"only the waiting was interrupted: {tasks} in the background. "
            "`%nbflow wait` waits again, `%nbflow cancel` ends them."
        )

    def _render_traceback_(self) -> list[str]:
        return [f"{RED}Interrupted{PLAIN}: {self}"]


class Asked(NamedTuple):
    """The task whose value somebody has asked for."""

    tid: int
    app: str

    def __str__(self) -> str:
        return f"task {name_of(self.tid)} `{self.app}`"


class TaskErrors:
    """Shows the errors that came out of tasks; all others are left to IPython."""

    def __init__(self, shell: InteractiveShell, places: Places) -> None:
        self._formatter: Any = shell.InteractiveTB
        self._places = places
        self._others: Callable[..., list[str]] = self._formatter.structured_traceback

    def install(self) -> None:
        """Stand before IPython's own rendering, in this shell alone."""
        self._formatter.structured_traceback = self.render

    def remove(self) -> None:
        """Undo `install`, unless somebody else stands before us."""
        if self._formatter.__dict__.get("structured_traceback") == self.render:
            del self._formatter.structured_traceback

    def render(
        self,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None = None,
        *rest: Any,
        **more: Any,
    ) -> list[str]:
        """The lines to show."""
        task = _task_in(trace)
        if came_out_of_a_task(error):
            return self._failure(error, trace, task)
        if task is not None and isinstance(error, ENDS_OF_WAITING):
            name = "Interrupted" if isinstance(error, KeyboardInterrupt) else kind.__name__
            return [
                f"{RED}{name}{PLAIN}: {legible(_why_no_value(error, task))}",
                "",
                *self._asked_for(trace),
            ]
        return self._others(kind, error, trace, *rest, **more)

    def _failure(self, error: BaseException, trace: TracebackType | None, task: Asked | None) -> list[str]:
        root = root_of(error)
        told, words = told_apart(describe(root))
        name, colon, text = told.partition(":")
        where = place_of(frames_of(root))
        what = _what_failed(error, task) + (f" at {where}" if where else "") + _what_that_did(error)
        if len(text) > LONGEST_TEXT:
            text = f"{text[:LONGEST_TEXT]}\n... {len(text) - LONGEST_TEXT} characters left out ..."
        lines = self.lines(error)
        return [
            f"{RED}{name}{PLAIN}{colon}{text}",
            legible(what[:LONGEST_LINE]),
            "",
            *(["Its last words:", *(f"    {line[:LONGEST_LINE]}" for line in words), ""] if words else []),
            *lines,
            *([""] if lines else []),
            *self._asked_for(trace),
        ]

    def lines(self, error: BaseException) -> list[str]:
        """The lines of the user's code in which it was raised, each among its neighbours; legible."""
        lines: list[str] = []
        for frame in short(frames_of(root_of(error))):
            lines += ["", frame.headline, *excerpt(frame, self._places.file(frame.file))]
        return [legible(line[:LONGEST_LINE]) for line in lines[1:]]

    def _asked_for(self, trace: TracebackType | None) -> list[str]:
        """Where in the notebook somebody wanted the value."""
        files = ((frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(trace))
        places = [f"{name}, line {line}" for file, line in files if (name := self._places.name(file)) != file]
        if not places:
            return []
        called = f", called from {places[0]}" if len(places) > 1 else ""
        return [f"The value was asked for in {places[-1]}{called}."]


def _task_in(trace: TracebackType | None) -> Asked | None:
    """The task whose future raised the error: the user's own exceptions do not know it."""
    for frame, _ in traceback.walk_tb(trace):
        if frame.f_code in ASKING:
            future = frame.f_locals.get("self")  # it is let go where the error is the task's own
            return (
                Asked(*frame.f_locals["asked_for"]) if future is None else Asked(future.tid, future.app_name)
            )
    return None


def _why_no_value(error: BaseException, task: Asked) -> str:
    if isinstance(error, KeyboardInterrupt):
        return f"only the waiting for {task} was interrupted; it goes on in the background."
    return str(error) or f"{task} was cancelled"


def _what_failed(error: BaseException, task: Asked | None) -> str:
    if isinstance(error, PropagatedException):
        return f"task {name_of(error.root_id)} `{error.root_app}` failed"
    return "a task failed" if task is None else f"{task} failed"


def _what_that_did(error: BaseException) -> str:
    """What the failure did to the task whose value was asked for, where that is another one."""
    if not isinstance(error, PropagatedException):
        return ""
    other = f"; task {name_of(error.task_id)} `{error.app}`, which"
    return (
        f"{other} had called it, failed too"
        if isinstance(error, JoinError)
        else f"{other} needs it, was not run"
    )
