"""Which flow a call goes to when nothing else is said.

In the user's process that is the loaded `DataFlowKernel`; while a worker runs a task, it is the flow of that task.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from nbflow.errors import NoDataFlowKernelError

if TYPE_CHECKING:
    from nbflow.client.calls import Calls

_current: Calls | None = None
_home: Calls | None = None  # of a worker: the flow of the tasks that it runs
_here = threading.local()  # .calls: of the task that the thread runs
_threads_run_tasks = False
_starter: Callable[[], Calls] | None = None


def current() -> Calls:
    """The flow to call; the default one is started where that was asked for.

    Raises:
        NoDataFlowKernelError: nothing is loaded.
        FlowClosed: this is a forked child of the process whose flow it is.
    """
    if _threads_run_tasks and (mine := getattr(_here, "calls", None)) is not None:
        found: Calls = mine
        return found
    if _current is not None and not _current.closed:
        return _current
    if _starter is not None:
        return _starter()
    if _current is not None:
        _current.check_not_abandoned()
    raise NoDataFlowKernelError("no flow is loaded: call nbflow.load() first")


def set_current(calls: Calls | None) -> None:
    """Make a flow the one to call; None = none, or that of the task in a worker."""
    global _current
    _current = _home if calls is None else calls


def set_home(calls: Calls) -> None:
    """This process is a worker of that flow: what its tasks call goes there, unless they load flows of their own."""
    global _home
    _home = calls
    set_current(calls)


def come_home() -> None:
    """A task may have loaded a flow of its own, which is none of the next one's."""
    if _current is not _home:
        set_current(None)


def in_worker() -> bool:
    """Whether this process is a worker."""
    return _home is not None


def reporter() -> Callable[[float | None, str], None] | None:
    """What the task that the calling thread runs says how far it has come with; None outside of a task."""
    mine = getattr(_here, "calls", None) if _threads_run_tasks else None
    calls: Calls | None = mine if mine is not None else _current
    # a forked child of the task speaks for nobody
    task = None if calls is None or calls.elsewhere else calls.task_here
    return None if task is None or calls is None else functools.partial(calls.flow.note_progress, task)


def set_here(calls: Calls) -> None:
    """What the calling thread runs are tasks of this flow."""
    global _threads_run_tasks
    _threads_run_tasks = True
    _here.calls = calls


def get_current() -> Calls | None:
    """The flow that was set, open or closed."""
    return _current


def starts_by_itself() -> bool:
    """Whether a call starts the default flow if nothing is loaded."""
    return _starter is not None


def start_with(starter: Callable[[], Calls] | None) -> None:
    """What `current` does when nothing is loaded; None = refuse."""
    global _starter
    _starter = starter
