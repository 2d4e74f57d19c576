"""Which flow is loaded: the one that apps use when nothing else is said. What a flow is, is in `kernel`."""

from __future__ import annotations

import os
import threading

from nbflow.client import current
from nbflow.client.kernel import DataFlowKernel
from nbflow.config import Config
from nbflow.errors import ConfigurationError, NoDataFlowKernelError

_loading = threading.Lock()
_loaded: DataFlowKernel | None = None


def _forked() -> None:
    global _loading
    _loading = threading.Lock()  # a thread of the parent may have been loading a flow


os.register_at_fork(after_in_child=_forked)


def load(config: Config | None = None) -> DataFlowKernel:
    """Start a flow and make it the one that apps use. Loading again with nothing new gives the same flow.

    Args:
        config: what it runs on; None = one worker process per core, or whatever is loaded already.

    Raises:
        ConfigurationError: another configuration is loaded; `clear()` it first.
    """
    global _loaded
    with _loading:
        if _loaded is not None and not _loaded.closed:
            if config is not None and not isinstance(config, Config):
                raise ConfigurationError(f"a flow is loaded with an nbflow.Config, not {config!r}")
            if config is None or config == _loaded.config:
                return _loaded
            raise ConfigurationError(
                "a flow is loaded with another configuration: call nbflow.clear() first, which ends it. "
                f"Loaded is {_loaded.config.differences(config)}"
            )
        _loaded = DataFlowKernel(config)
        current.set_current(_loaded.calls)
        return _loaded


def clear() -> None:
    """End the loaded flow and forget it; nothing happens if none is loaded."""
    flow = _loaded
    forget()
    if flow is not None:
        flow.cleanup()


def forget() -> None:
    """Let another flow be loaded, as Parsl's `clear()` does: the loaded one goes on, and ends with the program."""
    global _loaded
    with _loading:
        if _loaded is not None and current.get_current() is _loaded.calls:
            current.set_current(None)
        _loaded = None


def dfk() -> DataFlowKernel:
    """The loaded flow.

    Raises:
        NoDataFlowKernelError: none is loaded, or it has ended.
    """
    if _loaded is None or _loaded.closed:
        raise NoDataFlowKernelError("no flow is loaded: call nbflow.load() first")
    return _loaded


def wait_for_current_tasks(timeout: float | None = None) -> None:
    """Wait until every task called up to now has ended. See `DataFlowKernel.wait_for_current_tasks`."""
    dfk().wait_for_current_tasks(timeout)


def start_on_first_call(wanted: bool = True) -> None:
    """Whether a call starts the default flow if nothing is loaded. In a notebook it does, in a script it does not."""
    current.start_with((lambda: load().calls) if wanted else None)
