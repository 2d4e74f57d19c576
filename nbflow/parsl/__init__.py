"""Parsl's import paths: `import nbflow.parsl as parsl`, and a Parsl program runs on nbflow.

Every module here stands where Parsl's documentation tells its users to import from, and hands out nbflow's own things
under Parsl's names; nothing lives here but what Parsl says differently: `clear()` forgets the loaded flow and lets it
go on, where `nbflow.clear()` ends it. New programs import from `nbflow`.
"""

from nbflow.client.flow.loading import dfk, load, wait_for_current_tasks
from nbflow.client.flow.loading import forget as clear
from nbflow.client.special import AUTO_LOGNAME
from nbflow.parsl.app.app import bash_app, join_app, python_app
from nbflow.parsl.config import Config
from nbflow.parsl.data_provider.files import File
from nbflow.parsl.dataflow.dflow import DataFlowKernel, DataFlowKernelLoader
from nbflow.parsl.errors import ConfigurationError
from nbflow.parsl.executors import (
    HighThroughputExecutor,
    RadicalPilotExecutor,
    ThreadPoolExecutor,
    WorkQueueExecutor,
)
from nbflow.parsl.log_utils import set_file_logger, set_stream_logger
from nbflow.parsl.monitoring import MonitoringHub
from nbflow.parsl.version import VERSION

__version__ = VERSION

__all__ = [
    "AUTO_LOGNAME",
    "Config",
    "ConfigurationError",
    "DataFlowKernel",
    "DataFlowKernelLoader",
    "File",
    "HighThroughputExecutor",
    "MonitoringHub",
    "RadicalPilotExecutor",
    "ThreadPoolExecutor",
    "WorkQueueExecutor",
    "bash_app",
    "clear",
    "dfk",
    "join_app",
    "load",
    "python_app",
    "set_file_logger",
    "set_stream_logger",
    "wait_for_current_tasks",
]
