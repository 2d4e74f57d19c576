"""Which flow is loaded: the one that apps use when nothing else is said. What a flow is, is in `kernel`."""

from __future__ import annotations

import os
import threading

from nbflow.client import current
from nbflow.client.flow.kernel import DataFlowKernel
from nbflow.client.signals import undisturbed
from nbflow.config import Config
from nbflow.errors import ConfigurationError, NoDataFlowKernelError


class _Beginning:
    """A flow that is being loaded: by which thread, and when that is over."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self.over = threading.Event()

    def wait(self) -> None:
        """Return when it is over.

        Raises:
            NoDataFlowKernelError: it is this thread that loads it, and this is code of the user's that it has come to.
        """
        if self._thread == threading.get_ident():
            raise NoDataFlowKernelError("no flow is loaded yet: load() has begun in this very thread")
        self.over.wait()


# of the two below; not held while a flow is made, for whose log calls the user's code
_changing = threading.Lock()
_loaded: DataFlowKernel | None = None
_beginning: _Beginning | None = None


def _forked() -> None:
    global _changing, _beginning
    _changing = threading.Lock()  # a thread of the parent may have been loading a flow
    _beginning = None


os.register_at_fork(after_in_child=_forked)


def load(config: Config | None = None) -> DataFlowKernel:
    """Start a flow and make it the one that apps use. Loading again with nothing new gives the same flow.

    Args:
        config: what it runs on; None = one worker process per core, or whatever is loaded already.

    Raises:
        ConfigurationError: another configuration is loaded; `clear()` it first.
        NoDataFlowKernelError: it is called by what is called while a flow is loaded, such as a handler of its log.
    """
    global _loaded, _beginning
    mine = _Beginning()
    try:
        while True:
            with _changing:
                flow, other = _loaded_here(), _beginning
                if other is None and (flow is None or flow.closed):
                    _beginning = mine
                    break
            if flow is not None and not flow.closed:
                return _checked(flow, config)
            if other is not None:
                other.wait()
        flow = DataFlowKernel(config)
        with _changing:
            _loaded = flow
            current.set_current(flow.calls)
        return flow
    finally:
        with undisturbed, _changing:
            if _beginning is mine:
                _beginning = None
        mine.over.set()


def _checked(flow: DataFlowKernel, config: Config | None) -> DataFlowKernel:
    """The loaded flow, if it is what is asked for."""
    if config is not None and not isinstance(config, Config):
        raise ConfigurationError(f"a flow is loaded with an nbflow.Config, not {config!r}")
    if config is None or config == flow.config:
        return flow
    raise ConfigurationError(
        "a flow is loaded with another configuration: call nbflow.clear() first, which ends it. "
        f"Loaded is {flow.config.differences(config)}"
    )


def clear() -> None:
    """End the loaded flow and forget it; nothing happens if none is loaded."""
    flow = _loaded
    forget()
    if flow is not None:
        flow.cleanup()


def forget() -> None:
    """Let another flow be loaded, as Parsl's `clear()` does: the loaded one goes on, and ends with the program."""
    global _loaded
    with _changing:
        if _loaded is not None and current.get_current() is _loaded.calls:
            current.set_current(None)
        _loaded = None


def dfk() -> DataFlowKernel:
    """The loaded flow.

    Raises:
        NoDataFlowKernelError: none is loaded, or it has ended.
    """
    flow = _loaded_here()
    if flow is None or flow.closed:
        if current.in_worker():
            raise NoDataFlowKernelError(
                "a task has no DataFlowKernel of its own, which is in the process that loaded the flow: "
                "call apps as they are"
            )
        raise NoDataFlowKernelError("no flow is loaded: call nbflow.load() first")
    return flow


def begun() -> DataFlowKernel:
    """The loaded flow; where a call would start the default flow, that, started now.

    Raises:
        NoDataFlowKernelError: none is loaded, and nothing starts one.
    """
    flow = _loaded_here()
    return load() if (flow is None or flow.closed) and current.starts_by_itself() else dfk()


def _loaded_here() -> DataFlowKernel | None:
    """The loaded flow; in a worker, if it is the present task that has loaded it: that of an earlier one is ending."""
    if _loaded is not None and current.in_worker() and current.get_current() is not _loaded.calls:
        return None
    return _loaded


def wait_for_current_tasks(timeout: float | None = None) -> None:
    """Wait until every task called up to now has ended. See `DataFlowKernel.wait_for_current_tasks`."""
    dfk().wait_for_current_tasks(timeout)


def start_on_first_call(wanted: bool = True) -> None:
    """Whether a call starts the default flow if nothing is loaded. In a notebook it does, in a script it does not."""
    current.start_with((lambda: load().calls) if wanted else None)
