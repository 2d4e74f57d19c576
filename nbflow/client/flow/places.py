"""The directories of a flow: the run directory, and where big values go. All private to the user.

The client makes them and sees to it that they are gone in the end; the scheduler removes them when it ends. What is
temporary is claimed for as long as one of the two lives, see `claims`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field

from nbflow import private
from nbflow.client.flow import claims
from nbflow.config import Config
from nbflow.errors import ConfigurationError, NotPrivate
from nbflow.memoizers import RUN_DIR
from nbflow.values.objects import room_in

SHARED_MEMORY = "/dev/shm"
LEAST_ROOM = 256 << 20  # bytes of shared memory below which big values go to the run directory at once


@dataclass(frozen=True)
class Places:
    """`run_dir` stays if the user named it; `temporary` is what goes in the end; `stores` in the order of use.

    `locks`: descriptors by which it is known that the flow lives.
    """

    run_dir: str
    stores: tuple[str, ...]
    temporary: tuple[str, ...]
    locks: list[int] = field(default_factory=list)

    def remove(self) -> None:
        """Remove what is temporary; no error if it is gone."""
        for directory in self.temporary:
            shutil.rmtree(directory, ignore_errors=True)
        self.let_go()

    def let_go(self) -> None:
        """It is not for this process to say that the flow lives."""
        while self.locks:
            os.close(self.locks.pop())


def make_places(config: Config, run_id: str) -> Places:
    """Make the directories of a flow, with access for the user alone. What is left of dead flows goes first.

    Raises:
        ConfigurationError: the run directory cannot be made, or is open to others.
        OSError: another one cannot be made; nothing temporary is left.
    """
    temporary: list[str] = []
    locks: list[int] = []
    try:
        return _made(config, run_id, temporary, locks)
    except BaseException:
        Places("", (), tuple(temporary), locks).remove()
        raise


def _made(config: Config, run_id: str, temporary: list[str], locks: list[int]) -> Places:
    """The same, with what is temporary named as soon as it is there."""

    def claim(directory: str) -> None:
        temporary.append(directory)
        if (lock := claims.claim(directory, run_id)) is not None:
            locks.append(lock)

    parent = parent_of_runs(config)
    if parent is None:
        run_dir = _temporary()
        claim(run_dir)
    else:
        run_dir = _numbered(parent)
    files = os.path.join(run_dir, "values")
    private.make_directory(files)
    if parent is None:
        temporary.append(files)
    else:
        claim(files)
    stores = [files]
    claims.sweep(SHARED_MEMORY)  # before it is looked how much room there is
    if room_in(SHARED_MEMORY) >= LEAST_ROOM:
        with suppress(NotPrivate, OSError):  # then big values go to the run directory
            shared = private.fresh_directory(SHARED_MEMORY)
            claim(shared)
            stores.insert(0, shared)
    return Places(run_dir, tuple(stores), tuple(temporary), locks)


def parent_of_runs(config: Config) -> str | None:
    """Where the run directories are that stay: one with checkpoints does in any case. None = this one does not."""
    if config.run_dir is not None:
        return os.path.abspath(os.fspath(config.run_dir))
    memoizer = config.memoizer
    return os.path.abspath(RUN_DIR) if memoizer is not None and memoizer.checkpoint_mode is not None else None


def _temporary() -> str:
    """A new run directory that goes in the end: where nobody else can put another one in its place."""
    try:
        claims.sweep(tempfile.gettempdir())
        return private.fresh_directory()
    except (NotPrivate, OSError) as error:
        try:
            state = private.state_directory()
            claims.sweep(state)
            return private.fresh_directory(state)
        except (NotPrivate, OSError):
            advice = "set TMPDIR to a directory that only you can write"
            raise ConfigurationError(f"there is no place for a flow's files: {error}; {advice}") from error


def _numbered(parent: str) -> str:
    """A new directory 000, 001, ... of a run directory that the user named; several flows may share the parent.

    The newest has the highest number, whichever of the others are gone.
    """
    try:
        parent.encode()  # the scheduler is told of it as text
        parent = private.private_directory(parent)
    except UnicodeEncodeError:
        raise ConfigurationError(f"Config(run_dir=...) takes a path that is UTF-8, not {parent!r}") from None
    except (NotPrivate, OSError) as error:
        raise ConfigurationError(f"Config(run_dir={parent!r}) cannot be used: {error}") from error
    claims.sweep_runs(parent)
    number = (
        max((int(name) for name in os.listdir(parent) if name.isdecimal() and name.isascii()), default=-1) + 1
    )
    while True:
        path = os.path.join(parent, f"{number:03d}")
        try:
            private.make_directory(path)
        except FileExistsError:
            number += 1
        else:
            return path
