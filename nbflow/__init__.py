"""nbflow: call a function in a notebook, get a future at once; the graph builds itself and runs in the background.

    import nbflow

    @nbflow.python_app
    def double(x):
        return 2 * x

    nbflow.load()
    print(double(double(10)).result())          # 40

Public names only, and each is imported when it is asked for.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbflow.client.app import App, bash_app, join_app, python_app
    from nbflow.client.datafuture import DataFuture
    from nbflow.client.flow.kernel import DataFlowKernel
    from nbflow.client.flow.loading import clear, dfk, load, wait_for_current_tasks
    from nbflow.client.future import AppFuture
    from nbflow.client.gathering import as_completed, gather
    from nbflow.client.special import AUTO_LOGNAME
    from nbflow.client.sweeps.mapping import grid, map, starmap  # noqa: A004, F401 - `nbflow.map` is its name
    from nbflow.client.sweeps.sweep import Sweep
    from nbflow.client.tasks.progress import progress, track
    from nbflow.config import Config
    from nbflow.core.states import State
    from nbflow.errors import DependencyError, NbflowError, NeedFailed, TaskError, UsageError, WorkerLost
    from nbflow.executors import ProcessExecutor, ThreadExecutor
    from nbflow.files import File
    from nbflow.logs import set_file_logger, set_stream_logger
    from nbflow.memoizers import BasicMemoizer
    from nbflow.notebook.extension import load_ipython_extension, unload_ipython_extension
    from nbflow.notebook.widget import graph
    from nbflow.retrying import Retry
    from nbflow.values.fingerprint import id_for_memo

__version__ = "0.1.0"

__all__ = [
    "AUTO_LOGNAME",
    "App",
    "AppFuture",
    "BasicMemoizer",
    "Config",
    "DataFlowKernel",
    "DataFuture",
    "DependencyError",
    "File",
    "NbflowError",
    "NeedFailed",
    "ProcessExecutor",
    "Retry",
    "State",
    "Sweep",
    "TaskError",
    "ThreadExecutor",
    "UsageError",
    "WorkerLost",
    "as_completed",
    "bash_app",
    "clear",
    "dfk",
    "gather",
    "graph",
    "grid",
    "id_for_memo",
    "join_app",
    "load",
    "load_ipython_extension",
    "progress",
    "python_app",
    "set_file_logger",
    "set_stream_logger",
    "starmap",
    "track",
    "unload_ipython_extension",
    "wait_for_current_tasks",
]

# `map` is none of those that come with a star: that is Python's own there
_HOMES = {
    "nbflow.client.app": ("App", "bash_app", "join_app", "python_app"),
    "nbflow.client.datafuture": ("DataFuture",),
    "nbflow.client.future": ("AppFuture",),
    "nbflow.client.gathering": ("as_completed", "gather"),
    "nbflow.client.flow.kernel": ("DataFlowKernel",),
    "nbflow.client.flow.loading": ("clear", "dfk", "load", "wait_for_current_tasks"),
    "nbflow.client.sweeps.mapping": ("grid", "map", "starmap"),
    "nbflow.client.tasks.progress": ("progress", "track"),
    "nbflow.client.special": ("AUTO_LOGNAME",),
    "nbflow.client.sweeps.sweep": ("Sweep",),
    "nbflow.config": ("Config",),
    "nbflow.core.states": ("State",),
    "nbflow.errors": (
        "DependencyError",
        "NbflowError",
        "NeedFailed",
        "TaskError",
        "UsageError",
        "WorkerLost",
    ),
    "nbflow.executors": ("ProcessExecutor", "ThreadExecutor"),
    "nbflow.files": ("File",),
    "nbflow.logs": ("set_file_logger", "set_stream_logger"),
    "nbflow.memoizers": ("BasicMemoizer",),
    "nbflow.notebook.extension": ("load_ipython_extension", "unload_ipython_extension"),
    "nbflow.notebook.widget": ("graph",),
    "nbflow.retrying": ("Retry",),
    "nbflow.values.fingerprint": ("id_for_memo",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

# here, since every process comes by: without any handler Python prints warnings that nobody asked for
logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    """A public name is imported when it is asked for: schedulers and workers need few of them, and start sooner."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'nbflow' has no attribute {name!r}")
    import importlib

    found = globals()[name] = getattr(importlib.import_module(_HOME_OF[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
