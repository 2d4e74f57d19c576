"""The directories of a flow: the run directory, and where big values go. All private to the user.

The client makes them and sees to it that they are gone in the end; the scheduler removes them when it ends.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass

from nbflow.config import Config
from nbflow.errors import ConfigurationError
from nbflow.memoizers import RUN_DIR
from nbflow.values.objects import room_in

SHARED_MEMORY = "/dev/shm"
LEAST_ROOM = 256 << 20  # bytes of shared memory below which big values go to the run directory at once


@dataclass(frozen=True)
class Places:
    """`run_dir` stays if the user named it; `temporary` is what goes in the end; `stores` in the order of use."""

    run_dir: str
    stores: tuple[str, ...]
    temporary: tuple[str, ...]

    def remove(self) -> None:
        """Remove what is temporary; no error if it is gone."""
        _remove(self.temporary)


def _remove(directories: Iterable[str]) -> None:
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


def make_places(config: Config) -> Places:
    """Make the directories of a flow, with access for the user alone.

    Raises:
        ConfigurationError: the run directory cannot be made, or is open to others.
        OSError: another one cannot be made; nothing temporary is left.
    """
    temporary: list[str] = []
    try:
        return _made(config, temporary)
    except OSError:
        _remove(temporary)
        raise


def _made(config: Config, temporary: list[str]) -> Places:
    """The same, with what is temporary named as soon as it is there."""
    parent = parent_of_runs(config)
    if parent is None:
        run_dir = tempfile.mkdtemp(prefix="nbflow-")
        temporary.append(run_dir)
    else:
        run_dir = _numbered(parent)
    files = os.path.join(run_dir, "values")
    os.mkdir(files, 0o700)
    temporary.append(files)
    stores = [files]
    if room_in(SHARED_MEMORY) >= LEAST_ROOM:
        stores.insert(0, tempfile.mkdtemp(prefix="nbflow-", dir=SHARED_MEMORY))
        temporary.append(stores[0])
    return Places(run_dir, tuple(stores), tuple(temporary))


def parent_of_runs(config: Config) -> str | None:
    """Where the run directories are that stay: one with checkpoints does in any case. None = this one does not."""
    if config.run_dir is not None:
        return os.path.abspath(os.fspath(config.run_dir))
    memoizer = config.memoizer
    return os.path.abspath(RUN_DIR) if memoizer is not None and memoizer.checkpoint_mode is not None else None


def _numbered(parent: str) -> str:
    """A new directory 000, 001, ... of a run directory that the user named; several flows may share the parent."""
    try:
        os.makedirs(parent, 0o700, exist_ok=True)
        found = os.stat(parent)
    except OSError as error:
        raise ConfigurationError(f"Config(run_dir={parent!r}) cannot be used: {error}") from error
    if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigurationError(
            f"Config(run_dir={parent!r}) belongs to somebody else or can be written by others"
        )
    number = 0
    while True:
        path = os.path.join(parent, f"{number:03d}")
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            number += 1
        else:
            return path
