"""`File`: a path or URL that an app reads or writes.

A `File` is a `str` of its local path as well, so that `' '.join(inputs)` and `open(inputs[0])` work.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote, urlsplit

from nbflow.errors import UsageError


class File(str):
    """A file by its path or `file:` URL.

    `url` is what was given; `scheme`, `netloc`, `path`, `filename` are its parts; `filepath` is the path to open.

    Raises:
        UsageError: another scheme than `file`, or an empty path.
    """

    __slots__ = ("netloc", "path", "scheme", "url")

    url: str
    scheme: str
    netloc: str
    path: str

    def __new__(cls, url: str | os.PathLike[str]) -> File:
        given = os.fspath(url)
        if not isinstance(given, str):
            raise UsageError(f"a File needs a path or URL as text, not {given!r}")
        parts = urlsplit(given) if "://" in given or given.startswith("file:") else None
        path = unquote(parts.path) if parts else given
        scheme = parts.scheme if parts else "file"
        if scheme != "file":
            raise UsageError(f"a File cannot be {given!r}: only paths and file: URLs are supported")
        if not path:
            raise UsageError(f"a File needs a path, {given!r} has none")
        made = super().__new__(cls, path)
        made.url = given
        made.scheme = scheme
        made.netloc = parts.netloc if parts else ""
        made.path = path
        return made

    @property
    def filename(self) -> str:
        """The last part of the path."""
        return os.path.basename(self.path)

    @property
    def filepath(self) -> str:
        """The path to open."""
        return str(self)

    @property
    def local_path(self) -> str:
        """The path to open; the same as `filepath` for the files of this machine."""
        return str(self)

    def __repr__(self) -> str:
        return f"File({self.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return File, (self.url,)


def as_file(value: Any, what: str) -> File:
    """A `File` of a path, string or File.

    Raises:
        UsageError: it is none of them; the text names `what` it was given for.
    """
    if isinstance(value, File):
        return value
    if isinstance(value, (str, os.PathLike)):
        return File(value)
    raise UsageError(f"{what} takes paths, strings or Files, not {value!r} ({type(value).__name__})")
