"""What is remembered of cached apps, and for how long: the description that `Config(memoizer=...)` takes. Plain data.

Beside it, where the checkpoints of earlier runs are. What counts as an equal call is the subject of
`nbflow.values.memo`, remembering itself that of the scheduler.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from nbflow.checking import Description, choice, flag, path, refuse
from nbflow.errors import UsageError

MODES = ("task_exit", "dfk_exit", "periodic", "manual", None)
DEFAULT_PERIOD = "00:30:00"
RUN_DIR = "runinfo"
"""Where runs are kept that have checkpoints and no `Config(run_dir=...)`."""
RECORDS = "memo.records"
"""The file in a checkpoint's directory by which it is known."""


@dataclass(frozen=True, repr=False)
class BasicMemoizer(Description):
    """Equal calls of apps with `cache=True` are recalled within a session, and from checkpoints of earlier ones.

    Args:
        memoize: False = every call runs, whatever its app says.
        checkpoint_mode: when values are written to the run directory, for later sessions: "task_exit" (each before its
            future is done), "dfk_exit" (all when the flow ends), "periodic" (and when it ends), "manual" (by
            `checkpoint()` of this or of the flow); None = never.
        checkpoint_files: directories of checkpoints to recall from; None = with a mode those of all earlier runs of
            the same run directory, without one none.
        checkpoint_period: "HH:MM:SS", for "periodic"; None = every 30 minutes.
        trust: directories of checkpoints, or such that hold some, from which values are recalled although they are not
            signed with your key, or somebody else could change them. Such a value is unpickled, which can run any
            code: name what you know the makers of. True = all that is recalled from; False = none. What is recalled so
            is signed and kept in this run's own checkpoint.

    Raises:
        ConfigurationError: a value is not allowed.
    """

    memoize: bool = True
    checkpoint_mode: Literal["task_exit", "dfk_exit", "periodic", "manual"] | None = None
    checkpoint_files: Sequence[str | os.PathLike[str]] | None = None
    checkpoint_period: str | None = None
    trust: bool | Sequence[str | os.PathLike[str]] = False
    _flows: list[Callable[[], object]] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        where = type(self).__name__
        flag(f"{where}(memoize=...)", self.memoize)
        choice(f"{where}(checkpoint_mode=...)", self.checkpoint_mode, MODES)
        if self.checkpoint_files is not None:
            files = _directories(
                f"{where}(checkpoint_files=...)", "a list of directories", self.checkpoint_files
            )
            object.__setattr__(self, "checkpoint_files", files)
        if not isinstance(self.trust, bool):
            trusted = _directories(f"{where}(trust=...)", "True, False or a list of directories", self.trust)
            object.__setattr__(self, "trust", trusted)
        if self.checkpoint_period is not None and not _seconds(self.checkpoint_period):
            raise refuse(
                f"{where}(checkpoint_period=...)", 'a time above 0 as "HH:MM:SS"', self.checkpoint_period
            )

    def checkpoint(self) -> None:
        """Write what cached calls have given up to now, in every flow that was loaded with this and has not ended.

        Raises:
            UsageError: there is no such flow, or it keeps no checkpoints.
        """
        if not self._flows:
            raise UsageError("no flow is loaded with this memoizer, so there is nothing to write")
        for write in tuple(self._flows):
            write()

    def serve(self, checkpoint: Callable[[], object], serving: bool) -> None:
        """A flow begins, or ends, to be written by `checkpoint()`."""
        if serving:
            self._flows.append(checkpoint)
        elif checkpoint in self._flows:
            self._flows.remove(checkpoint)

    @property
    def period(self) -> float:
        """Seconds between two periodic checkpoints."""
        return _seconds(self.checkpoint_period or DEFAULT_PERIOD)


def _directories(where: str, allowed: str, value: Any) -> tuple[str | os.PathLike[str], ...]:
    if isinstance(value, (str, os.PathLike)) or not isinstance(value, Sequence):
        raise refuse(where, allowed, value)
    return tuple(path(where, each) for each in value)


def _seconds(period: object) -> float:
    """Of "HH:MM:SS"; 0.0 if it is none."""
    found = re.fullmatch(r"(\d+):([0-5]?\d):([0-5]?\d)", period) if isinstance(period, str) else None
    if found is None:
        return 0.0
    hours, minutes, seconds = map(int, found.groups())
    return 3600.0 * hours + 60.0 * minutes + seconds


def get_all_checkpoints(rundir: str | os.PathLike[str] = RUN_DIR) -> list[str]:
    """The checkpoint directories of all runs in a run directory, the oldest run first; [] if there are none."""
    parent = os.path.abspath(os.fspath(rundir))
    try:
        runs = sorted((name for name in os.listdir(parent) if name.isdigit()), key=int)
    except OSError:
        return []
    found = (os.path.join(parent, run, "checkpoint") for run in runs)
    return [directory for directory in found if os.path.isdir(directory)]


def get_last_checkpoint(rundir: str | os.PathLike[str] = RUN_DIR) -> list[str]:
    """The checkpoint directory of the newest run in a run directory that has one, as a list; [] if there is none."""
    return get_all_checkpoints(rundir)[-1:]
