"""Worker processes, one per core."""

from __future__ import annotations

from nbflow.compat.executors import HighThroughputExecutor
from nbflow.config import Config

config = Config(executors=[HighThroughputExecutor(label="htex_local")])
