"""The files that a call sends its task's output and errors to: opened where the task runs, quoted where it fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import IO, NamedTuple

from nbflow import private
from nbflow.errors import BadStdStreamFile, NotPrivate

TASK_LOGS = "task_logs"  # the folder in a run directory whose folders hold what `AUTO_LOGNAME` names
LAST_WORDS = 500  # characters of output that an error quotes


class Outlet(NamedTuple):
    """An open file, where it is whatever directory is the present one, and how many bytes were in it before."""

    file: IO[str]
    place: str
    begin: int

    def last_words(self) -> str:
        """The end of what was written to it since it was opened; "" where it cannot be read (any more)."""
        self.file.flush()
        try:
            with open(self.place, "rb") as file:
                file.seek(max(self.begin, file.seek(0, os.SEEK_END) - 4 * LAST_WORDS))
                return file.read().decode("utf-8", "replace").strip()[-LAST_WORDS:]
        except OSError:  # the task has moved or removed it
            return ""


def opened(streams: Sequence[str], stack: ExitStack) -> tuple[Outlet | None, Outlet | None]:
    """Standard output and error of [path, mode, path, mode], None where the path is ""; [] = both are.

    Folders are made. Where both are one file, it is opened once, so that what is written stays in order. The stack
    closes what was opened.

    Raises:
        BadStdStreamFile: one cannot be opened; the text says why.
    """
    if not streams:
        return None, None
    path, mode, other, other_mode = streams
    out = _open("stdout", path, mode, stack) if path else None
    if other and out is not None and os.path.realpath(other) == os.path.realpath(path):
        return out, out
    return out, _open("stderr", other, other_mode, stack) if other else None


def _open(name: str, path: str, mode: str, stack: ExitStack) -> Outlet:
    try:
        opener = _folder_for(path)
        file = open(path, mode, buffering=1, encoding="utf-8", errors="backslashreplace", opener=opener)  # noqa: SIM115
    except OSError as error:
        raise BadStdStreamFile(
            f"{name}={path!r} cannot be opened with mode {mode!r}: {error.strerror}"
        ) from error
    stack.enter_context(file)
    return Outlet(file, os.path.abspath(path), os.fstat(file.fileno()).st_size)


def _folder_for(path: str) -> Callable[[str, int], int] | None:
    """Make the folder of a stream; what is to open it: a file that the user has named has the user's umask."""
    folder = os.path.dirname(path) or "."
    if os.path.basename(os.path.dirname(folder)) == TASK_LOGS:
        with suppress(NotPrivate):  # then it is a folder of the user's that has the same name
            private.private_directory(folder)
            return private.opener
    os.makedirs(folder, exist_ok=True)
    return None


def last_words(outlets: Sequence[Outlet | None], printed: Callable[[], str]) -> str:
    """The end of standard error, or of standard output where nothing is there. `printed`: of those not redirected."""
    texts = (
        outlet.last_words() if outlet else printed()[-LAST_WORDS:].strip() for outlet in reversed(outlets)
    )
    return next(filter(None, texts), "")
