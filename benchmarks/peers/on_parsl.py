"""Parsl's HighThroughputExecutor on this machine."""

from __future__ import annotations

import shutil
import tempfile

import parsl
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider

from benchmarks.peers.base import WORKERS, Call, Peer


class Parsl(Peer):
    """One block of two workers, which is never scaled; all else as it comes."""

    def __init__(self) -> None:
        self._run_dir = tempfile.mkdtemp(prefix="bench-parsl-")
        executor = HighThroughputExecutor(
            label="htex",
            address="127.0.0.1",
            max_workers_per_node=WORKERS,
            cores_per_worker=1,
            provider=LocalProvider(init_blocks=1, min_blocks=1, max_blocks=1),
        )
        parsl.load(Config(executors=[executor], strategy="none", run_dir=self._run_dir))

    def calls(self, function: Call) -> Call:
        app: Call = parsl.python_app(function)
        return app

    def close(self) -> None:
        parsl.dfk().cleanup()
        parsl.clear()
        shutil.rmtree(self._run_dir, ignore_errors=True)


PEER = Parsl
DISTRIBUTION = "parsl"
