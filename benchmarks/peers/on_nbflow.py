"""nbflow itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import nbflow
from benchmarks.peers.base import WORKERS, Call, Peer, Unsupported


class Nbflow(Peer):
    """A flow with a worker for each core that the others have."""

    def __init__(self) -> None:
        self.flow = nbflow.load(nbflow.Config([nbflow.ProcessExecutor(max_workers=WORKERS)]))

    def calls(self, function: Call) -> Call:
        return nbflow.python_app(function)

    def map(self, function: Call, items: Iterable[Any]) -> list[Any]:
        over = getattr(nbflow, "map", None)
        if over is None:
            raise Unsupported("this version has no nbflow.map")
        values: list[Any] = over(nbflow.python_app(function), items).result()
        return values

    def close(self) -> None:
        nbflow.clear()


PEER = Nbflow
DISTRIBUTION = ""
