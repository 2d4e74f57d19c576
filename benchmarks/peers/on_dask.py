"""Dask distributed on a local cluster of single-threaded worker processes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from distributed import Client, LocalCluster

from benchmarks.peers.base import WORKERS, Call, Peer


class Dask(Peer):
    """Scheduler in the driver's process, as `Client()` has it; without the dashboard."""

    def __init__(self) -> None:
        self._cluster = LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=None
        )
        self._client = Client(self._cluster)

    def calls(self, function: Call) -> Call:
        return partial(self._client.submit, function, pure=False)

    def results(self, futures: Sequence[Any]) -> list[Any]:
        return list(self._client.gather(list(futures)))

    def close(self) -> None:
        self._client.close()
        self._cluster.close()


PEER = Dask
DISTRIBUTION = "distributed"
