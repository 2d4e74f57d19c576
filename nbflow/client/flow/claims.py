"""Which directories are a living flow's, and what becomes of those of dead ones.

A flow removes its directories when it ends; its scheduler does so when the program was killed. Where both were killed
at once nobody is left to do it, so the next flow that this user loads does: for that, each such directory holds a file
that program and scheduler keep locked together. The system lets go of the lock when the last of them has ended, and
not before.

    <directory>/flow.lock    the flow's `run_id`; it gets this name when it is locked already

A directory without that file is never touched, nor one that others could have put there.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress

from nbflow import private
from nbflow.errors import NotPrivate
from nbflow.wire import leftovers
from nbflow.wire.descriptors import above_standard

NAME = "flow.lock"
PREFIX = "nbflow-"  # of directories whose parent is not the flow's own

_REST = 1.0  # seconds for ending what a dead flow's tasks have started


def claim(directory: str, run_id: str) -> int | None:
    """Lock a new directory for a flow: the descriptor that holds the lock; None where files cannot be locked.

    Raises:
        OSError: the file cannot be written.
    """
    draft = os.path.join(directory, f"{NAME}.new")
    fd = private.opener(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        os.write(fd, run_id.encode())
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # some network file systems
            os.unlink(draft)
            os.close(fd)
            return None
        os.rename(draft, os.path.join(directory, NAME))
    except OSError:
        os.close(fd)
        raise
    return above_standard(fd)


def sweep(parent: str) -> None:
    """Remove the directories of dead flows in a place where each has a name of its own; never raises."""
    for path in _entries(parent):
        if os.path.basename(path).startswith(PREFIX):
            _remove_if_dead(path)


def sweep_runs(parent: str) -> None:
    """Remove what is temporary of dead flows in a directory of runs that stay; never raises."""
    for path in _entries(parent):
        _remove_if_dead(os.path.join(path, "values"))


def _entries(parent: str) -> Iterator[str]:
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield entry.path


def _remove_if_dead(path: str) -> None:
    with suppress(OSError, NotPrivate):
        if os.path.islink(path) or not os.path.lexists(os.path.join(path, NAME)):
            return
        fd = private.open_private(os.path.join(private.check_directory(path), NAME), os.O_RDWR)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises if the flow lives
            if run_id := os.read(fd, 100).decode("ascii", "replace"):
                leftovers.end_all(run_id, _REST)
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(fd)
