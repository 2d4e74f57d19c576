"""loky's executor, as joblib uses it; its `map` is joblib's, which batches by itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from loky import get_reusable_executor

from benchmarks.peers.base import WORKERS, Call, OnExecutor


class Loky(OnExecutor):
    """Workers stay for the whole run, as the pool's do."""

    def __init__(self) -> None:
        super().__init__(get_reusable_executor(max_workers=WORKERS, timeout=None))

    def map(self, function: Call, items: Iterable[Any]) -> list[Any]:
        from joblib import Parallel, delayed

        call = delayed(function)
        return list(Parallel(n_jobs=WORKERS)(call(item) for item in items))

    def close(self) -> None:
        from joblib.externals.loky import get_reusable_executor as joblib_s_own

        self.executor.shutdown()
        joblib_s_own().shutdown()


PEER = Loky
DISTRIBUTION = "loky"
