"""nbflow: call a function in a notebook, get a future at once; the graph builds itself and runs in the background.

    import nbflow

    @nbflow.python_app
    def double(x):
        return 2 * x

    nbflow.load()
    print(double(double(10)).result())          # 40

Public names only; neither IPython nor a widget is imported before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow.client.app import App, bash_app, join_app, python_app
from nbflow.client.datafuture import DataFuture
from nbflow.client.future import AppFuture
from nbflow.client.kernel import DataFlowKernel
from nbflow.client.loading import clear, dfk, load, wait_for_current_tasks
from nbflow.client.special import AUTO_LOGNAME
from nbflow.config import Config
from nbflow.core.states import State
from nbflow.errors import DependencyError, NbflowError, NeedFailed, TaskError, UsageError, WorkerLost
from nbflow.executors import ProcessExecutor, ThreadExecutor
from nbflow.files import File
from nbflow.logs import set_file_logger, set_stream_logger
from nbflow.memoizers import BasicMemoizer
from nbflow.retrying import Retry

if TYPE_CHECKING:
    from nbflow.notebook.extension import load_ipython_extension, unload_ipython_extension
    from nbflow.notebook.widget import graph
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
    "TaskError",
    "ThreadExecutor",
    "UsageError",
    "WorkerLost",
    "bash_app",
    "clear",
    "dfk",
    "graph",
    "id_for_memo",
    "join_app",
    "load",
    "load_ipython_extension",
    "python_app",
    "set_file_logger",
    "set_stream_logger",
    "unload_ipython_extension",
    "wait_for_current_tasks",
]

_LAZY = {
    "graph": "nbflow.notebook.widget",
    "id_for_memo": "nbflow.values.fingerprint",
    "load_ipython_extension": "nbflow.notebook.extension",
    "unload_ipython_extension": "nbflow.notebook.extension",
}


def __getattr__(name: str) -> Any:
    """What needs IPython, or is seldom used, is imported when it is asked for."""
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'nbflow' has no attribute {name!r}")
