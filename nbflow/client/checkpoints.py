"""Which checkpoints a flow recalls from, and where it writes its own. Writing and reading them is the scheduler's."""

from __future__ import annotations

import os

from nbflow.client.places import Places, parent_of_runs
from nbflow.config import Config
from nbflow.errors import BadCheckpoint
from nbflow.memoizers import RECORDS, BasicMemoizer, get_all_checkpoints
from nbflow.wire.messages import MemoSpec


def memoizer_of(config: Config) -> BasicMemoizer:
    """What the flow remembers by."""
    return BasicMemoizer() if config.memoizer is None else config.memoizer


def earlier_checkpoints(config: Config) -> list[str]:
    """The directories to recall from, the oldest first. To be asked before this run has a directory.

    Raises:
        BadCheckpoint: one that was named holds no checkpoint.
    """
    memoizer, runs = memoizer_of(config), parent_of_runs(config)
    if memoizer.checkpoint_files is None:
        return get_all_checkpoints(runs) if runs is not None and memoizer.checkpoint_mode is not None else []
    named = [os.path.abspath(os.fspath(directory)) for directory in memoizer.checkpoint_files]
    for directory in named:
        if not os.path.isfile(os.path.join(directory, RECORDS)):
            why = "holds none of nbflow's" if os.path.isdir(directory) else "is not there"
            raise BadCheckpoint(
                f"the checkpoint {directory!r} {why}: get_all_checkpoints() gives those of earlier runs"
            )
    return named


def memo_spec(config: Config, places: Places, earlier: list[str]) -> MemoSpec:
    """What the scheduler is told."""
    memoizer = memoizer_of(config)
    mode = memoizer.checkpoint_mode or ""
    return MemoSpec(
        memoizer.memoize, mode, memoizer.period, os.path.join(places.run_dir, "checkpoint"), earlier
    )
