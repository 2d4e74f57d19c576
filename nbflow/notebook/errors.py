"""How nbflow's errors look in IPython.

An error of an `%%app` cell points at its line, as a SyntaxError does; of what nbflow refuses otherwise, the cell's line
and the reason are told. An error that came out of a task begins with the user's own exception and the line of the cell
that raised it, and leaves nbflow's own frames out; so does the end of a wait for a value. What a failure led to refers
to where that was told. The exception itself stays what it is, with the whole remote traceback as its `__cause__`.
"""

from __future__ import annotations

import concurrent.futures
import linecache
import re
import traceback
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow.client.awaiting import WaitingInterrupted
from nbflow.client.future import AppFuture
from nbflow.client.promise import Promise
from nbflow.client.sweeps.item import Item
from nbflow.client.sweeps.sweep import Sweep
from nbflow.core.states import State
from nbflow.errors import JoinError, NotBound, PropagatedException, UsageError, text_of
from nbflow.legible import legible, shorten
from nbflow.notebook.cells import CellError
from nbflow.notebook.flows import loaded_flow
from nbflow.notebook.places import Places
from nbflow.notebook.telling import LONGEST_LINE, Told, described, told
from nbflow.notebook.tellings import Tellings
from nbflow.notebook.traces import ARROW, blaming, came_out_of_a_task, failed_task, root_of
from nbflow.numbers import name_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from IPython.core.interactiveshell import InteractiveShell

    from nbflow.client.flow.kernel import DataFlowKernel

ASKING = (
    *(method.__code__ for kind in (AppFuture, Sweep, Item) for method in (kind.result, kind.exception)),
    Promise.__await__.__code__,
)
ENDS_OF_WAITING = (
    KeyboardInterrupt,
    concurrent.futures.CancelledError,
    concurrent.futures.TimeoutError,
    UsageError,
)

PATIENCE = 1.0  # seconds that the scheduler gets to tell of a task

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
    """What somebody has asked the value of: a task, or a sweep or an item of one, whose `task` is 0."""

    words: str
    task: int = 0
    app: str = ""


_OF_A_FUTURE = re.compile(
    r"'(AppFuture|NameFuture|DataFuture|Item|Sweep)'|\b(AppFuture|NameFuture)\.__format__"
)
_EXPLAINED = (
    "this is a future, not its value: `.result()` waits for the value; an app can be given the future itself"
)


def _explain_future(error: BaseException) -> None:
    """Python's own words about a future that is used as if it were its value say nothing of that: add it."""
    if type(error) is not TypeError or len(error.args) != 1 or not isinstance(text := error.args[0], str):
        return
    if _OF_A_FUTURE.search(text) and _EXPLAINED not in text:
        error.args = (f"{text}\n({_EXPLAINED})",)


class TaskErrors:
    """Shows the errors that came out of tasks; all others are left to IPython."""

    def __init__(self, shell: InteractiveShell, places: Places) -> None:
        self._shell: Any = shell
        self._places = places
        self._others: Callable[..., None] = self._shell.showtraceback
        self.tellings = Tellings(shell)

    def install(self) -> None:
        """Stand before IPython's own way of showing errors, in this shell alone."""
        self._shell.showtraceback = self.show
        self.tellings.install()

    def remove(self) -> None:
        """Undo `install`, unless somebody else stands before us."""
        self.tellings.remove()
        if vars(self._shell).get("showtraceback") == self.show:
            del self._shell.showtraceback

    def show(self, exc_tuple: Any = None, *rest: Any, **more: Any) -> None:
        """Show an error under the cell that runs: ours briefly, any other as IPython does."""
        try:
            kind, error, trace = self._shell._get_exc_info(exc_tuple)
        except ValueError:
            kind = error = trace = None
        lines = None if error is None else self.render(kind, error, trace)
        if lines is None:
            if error is not None:
                _explain_future(error)
            self._others(exc_tuple, *rest, **more)
            return
        # its text instead of the error, whose own `__str__` may raise: that is all that is asked for
        self._shell._showtraceback(kind, text_of(error), lines)
        if self._shell.call_pdb:
            self._shell.debugger(force=True)

    def render(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None = None
    ) -> list[str] | None:
        """The lines to show; None if the error has nothing to do with a task."""
        asked = _asked_in(trace)
        if isinstance(error, NotBound):  # the task has ended well
            return [f"{RED}NotBound{PLAIN}: {legible(str(error))}", "", *self._asked_for(trace)]
        if came_out_of_a_task(error):
            return self._failure(kind, error, trace, asked)
        if isinstance(error, WaitingInterrupted):
            words = "it goes on" if asked is None else f"{asked.words} goes on"
            text = f"only the waiting was interrupted; {words} in the background."
            return [f"{RED}Interrupted{PLAIN}: {legible(text)}", "", *self._asked_for(trace)]
        if asked is not None and isinstance(error, ENDS_OF_WAITING):
            name = "Interrupted" if isinstance(error, KeyboardInterrupt) else kind.__name__
            return [
                f"{RED}{name}{PLAIN}: {legible(_why_no_value(error, asked))}",
                "",
                *self._asked_for(trace),
            ]
        if isinstance(error, UsageError) and not hasattr(error, "_render_traceback_"):
            return self._refusal(kind, error, trace)
        return None

    def told(self, error: BaseException, flow: DataFlowKernel | None, task: int, app: str) -> Told:
        """What there is to tell of an error, with what the flow knows of the task (0 = not known) that failed."""
        facts = None if flow is None or not task else flow.facts_of(task, PATIENCE)
        if facts is None or facts.row.app != app or facts.row.state is not State.FAILED:
            return told(error, self._places.file)  # the number is one of another flow
        return told(error, self._places.file, facts.row, facts.details)

    def _failure(
        self,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
        asked: Asked | None,
    ) -> list[str]:
        task, app = failed_task(error) or ((asked.task, asked.app) if asked is not None else (0, ""))
        blames = blaming(error)
        before = self.tellings.before(error, object(), self.tellings.cell)
        if blames is not None and before:
            return [f"{RED}{kind.__name__}{PLAIN}: {because(blames)} ({legible(before)})"]
        about = self.told(error, loaded_flow(), task, app)
        name, colon, text = about.error.partition(":")
        if blames is not None:
            what = f"task {name_of(task)} `{app}` failed{about.where}{_what_that_did(blames, kind)}"
        else:
            what = f"{about.task or (asked.words if asked else 'a task')} failed{about.where}"
        return [
            f"{RED}{name}{PLAIN}{colon}{text}",
            *about.notes,
            legible(what)[:LONGEST_LINE],
            *([f"called with {about.arguments}"] if about.arguments else []),
            "",
            *map(_painted, about.lines),
            *([""] if about.lines else []),
            *(["Its last words:", *(f"    {line}" for line in about.words), ""] if about.words else []),
            *self._asked_for(trace),
            *([f"`%nbflow traceback {name_of(task)}` shows all of it."] if task else []),
        ]

    def _refusal(
        self, kind: type[BaseException], error: UsageError, trace: TracebackType | None
    ) -> list[str] | None:
        """What was asked of nbflow and is not done; None where no cell has asked for it."""
        if not (cells := self._cells_in(trace)):
            return None
        name, file, line = cells[-1]
        # the magic's line is a comment
        source = legible(linecache.getline(file, line).strip().removeprefix("# "))
        return [
            f"{RED}{kind.__name__}{PLAIN}: {legible(str(error))}",
            "",
            f"  {GREEN}{name}, line {line}{PLAIN}",
            *([f"    {source}"] if source else []),
        ]

    def _cells_in(self, trace: TracebackType | None) -> list[tuple[str, str, int]]:
        """(name, file, line) of each frame of a cell, the innermost last."""
        frames = ((frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(trace))
        return [(name, file, line) for file, line in frames if (name := self._places.name(file)) != file]

    def _asked_for(self, trace: TracebackType | None) -> list[str]:
        """Where in the notebook somebody wanted the value."""
        places = [f"{name}, line {line}" for name, _, line in self._cells_in(trace)]
        if not places:
            return []
        called = f", called from {places[0]}" if len(places) > 1 else ""
        return [f"The value was asked for in {places[-1]}{called}."]


def because(error: PropagatedException) -> str:
    """Why a task has no value, in one line, where another one is to blame."""
    task, root = name_of(error.task_id), name_of(error.root_id)
    end = "failed" if isinstance(error, JoinError) else "was skipped"
    why = f"task {root} `{error.root_app}` failed: {shorten(described(root_of(error)))}"
    return shorten(f"task {task} `{error.app}` {end} because {why}", LONGEST_LINE)


def _painted(line: str) -> str:
    return f"{BOLD}{line}{PLAIN}" if line.startswith(ARROW) else line


def _asked_in(trace: TracebackType | None) -> Asked | None:
    """What somebody has asked the value of: the user's own exceptions need not know it."""
    for frame, _ in traceback.walk_tb(trace):
        if frame.f_code not in ASKING:
            continue
        future = frame.f_locals.get("self")  # it is let go where the error is the task's own
        if isinstance(future, Sweep):
            return Asked(f"the sweep over `{future.app_name}`")
        if isinstance(future, Item):
            return Asked(f"item {future.index} of the sweep over `{future.app_name}`")
        task, app = (
            frame.f_locals.get("asked_for", (0, "")) if future is None else (future.tid, future.app_name)
        )
        if task:
            return Asked(f"task {name_of(task)} `{app}`", task, app)
    return None


def _why_no_value(error: BaseException, asked: Asked) -> str:
    if isinstance(error, KeyboardInterrupt):
        return f"only the waiting for {asked.words} was interrupted; it goes on in the background."
    return str(error) or f"{asked.words} was cancelled"


def _what_that_did(error: PropagatedException, kind: type[BaseException]) -> str:
    """What the failure did to the task whose value was asked for, which is another one."""
    other = f"; task {name_of(error.task_id)} `{error.app}`, which"
    end = "had called it, failed too" if isinstance(error, JoinError) else "needs it, was skipped"
    return f"{other} {end} ({kind.__name__})"
