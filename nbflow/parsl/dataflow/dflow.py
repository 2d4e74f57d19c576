"""The flow, and what loads it."""

from nbflow.client.flow.kernel import DataFlowKernel
from nbflow.client.flow.loading import dfk, forget, load, wait_for_current_tasks

__all__ = ["DataFlowKernel", "DataFlowKernelLoader"]


class DataFlowKernelLoader:
    """Which flow is loaded, as functions of a class: the spelling of older programs."""

    load = staticmethod(load)
    clear = staticmethod(forget)
    dfk = staticmethod(dfk)
    wait_for_current_tasks = staticmethod(wait_for_current_tasks)
