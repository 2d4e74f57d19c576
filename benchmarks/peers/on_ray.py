"""Ray on this machine, without its dashboard."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import ray

from benchmarks.peers.base import WORKERS, Call, Peer


class Ray(Peer):
    """As many CPUs as the others have workers; a store in which all arrays of a workload find place."""

    def __init__(self) -> None:
        ray.init(
            num_cpus=WORKERS,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
            object_store_memory=4 * 10**9,
        )

    def calls(self, function: Call) -> Call:
        call: Call = ray.remote(function).remote
        return call

    def result(self, future: Any) -> Any:
        return ray.get(future)

    def results(self, futures: Sequence[Any]) -> list[Any]:
        return list(ray.get(list(futures)))

    def close(self) -> None:
        ray.shutdown()


PEER = Ray
DISTRIBUTION = "ray"
