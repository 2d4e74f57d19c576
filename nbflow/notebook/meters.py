"""What workers and big values use now, in figures and in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from nbflow.legible import shorten
from nbflow.sizes import in_words
from nbflow.wire.rows import StoreRow, WorkerRow

MOST_WORKERS = 256


class WorkerMeter(msgspec.Struct, frozen=True):
    """One worker. `cpu`: processors kept busy, -1.0 = not known; `memory` in bytes, 0 = not known."""

    worker: int
    executor: str
    busy: bool
    cpu: float
    memory: int


class Meters(msgspec.Struct, frozen=True):
    """`store`, `peak`, `limit`: bytes of big values now, at most, and how many may be in memory (0 = not known)."""

    workers: list[WorkerMeter]
    more: int  # workers that are not listed
    store: int
    peak: int
    spilled: int
    limit: int
    words: str


def meters(workers: Iterable[WorkerRow], store: StoreRow) -> Meters:
    """The meters of these workers and big values."""
    rows = sorted(workers, key=lambda row: row.worker)
    told = [
        WorkerMeter(
            row.worker,
            shorten(row.executor),
            row.task is not None,
            0.0 if row.task is None and row.cpu >= 0 else round(row.cpu, 2),
            row.memory,
        )
        for row in rows
    ]
    return Meters(
        told[:MOST_WORKERS],
        max(0, len(told) - MOST_WORKERS),
        store.total,
        store.peak,
        store.spilled,
        store.limit,
        _in_words(told, store),
    )


def _in_words(workers: list[WorkerMeter], store: StoreRow) -> str:
    busy = sum(worker.busy for worker in workers)
    parts = [f"{busy} of {len(workers)} workers at work" if workers else "no worker yet"]
    if any(worker.cpu >= 0 for worker in workers):
        parts.append(f"{sum(max(0.0, worker.cpu) for worker in workers):.1f} processors busy")
    if memory := sum(worker.memory for worker in workers):
        parts.append(f"{in_words(memory)} of memory")
    if store.peak:
        limit = f", {in_words(store.limit)} allowed" if store.limit else ""
        parts.append(f"big values {in_words(store.total)}, at most {in_words(store.peak)}{limit}")
    return " \u00b7 ".join(parts)
