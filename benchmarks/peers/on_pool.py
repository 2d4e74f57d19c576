"""The standard library's `ProcessPoolExecutor`, its workers forked."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from benchmarks.peers.base import WORKERS, Call, OnExecutor

CHUNK = 1000  # items of `map` that travel together


class Pool(OnExecutor):
    """Forked, since that is the fastest it can: here is no thread yet that it could harm."""

    def __init__(self) -> None:
        super().__init__(ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("fork")))

    def map(self, function: Call, items: Iterable[Any]) -> list[Any]:
        return list(self.executor.map(function, items, chunksize=CHUNK))


PEER = Pool
DISTRIBUTION = ""
