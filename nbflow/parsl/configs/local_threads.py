"""Two threads of this process."""

from __future__ import annotations

from nbflow.compat.executors import ThreadPoolExecutor
from nbflow.config import Config

config = Config(executors=[ThreadPoolExecutor()])
