"""The directories of a flow: the run directory, and where big values go. All private to the user.

The client makes them and sees to it that they are gone in the end; the scheduler removes them when it ends.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from nbflow import private
from nbflow.config import Config
from nbflow.errors import ConfigurationError, NotPrivate
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
        run_dir = _temporary()
        temporary.append(run_dir)
    else:
        run_dir = _numbered(parent)
    files = os.path.join(run_dir, "values")
    private.make_directory(files)
    temporary.append(files)
    stores = [files]
    if room_in(SHARED_MEMORY) >= LEAST_ROOM:
        with suppress(NotPrivate, OSError):  # then big values go to the run directory
            stores.insert(0, private.fresh_directory(SHARED_MEMORY))
            temporary.append(stores[0])
    return Places(run_dir, tuple(stores), tuple(temporary))


def parent_of_runs(config: Config) -> str | None:
    """Where the run directories are that stay: one with checkpoints does in any case. None = this one does not."""
    if config.run_dir is not None:
        return os.path.abspath(os.fspath(config.run_dir))
    memoizer = config.memoizer
    return os.path.abspath(RUN_DIR) if memoizer is not None and memoizer.checkpoint_mode is not None else None


def _temporary() -> str:
    """A new run directory that goes in the end: where nobody else can put another one in its place."""
    try:
        return private.fresh_directory()
    except (NotPrivate, OSError) as error:
        try:
            return private.fresh_directory(private.state_directory())
        except (NotPrivate, OSError):
            advice = "set TMPDIR to a directory that only you can write"
            raise ConfigurationError(f"there is no place for a flow's files: {error}; {advice}") from error


def _numbered(parent: str) -> str:
    """A new directory 000, 001, ... of a run directory that the user named; several flows may share the parent."""
    try:
        parent = private.private_directory(parent)
    except (NotPrivate, OSError) as error:
        raise ConfigurationError(f"Config(run_dir={parent!r}) cannot be used: {error}") from error
    number = 0
    while True:
        path = os.path.join(parent, f"{number:03d}")
        try:
            private.make_directory(path)
        except FileExistsError:
            number += 1
        else:
            return path
