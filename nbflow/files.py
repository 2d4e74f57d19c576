"""`File`: a path or URL that an app reads or writes.

A `File` is a `str` of its path as well, so that `' '.join(inputs)` and `open(inputs[0])` work.
"""

from __future__ import annotations

import os
import re
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from nbflow.errors import UsageError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|(file|ftp|globus|https?|rsync|zip):", re.ASCII)


class File(str):
    """A file by its path or URL.

    `url` is what was given; `scheme` ("file" for a path), `netloc`, `path` and `filename` are its parts; `filepath` is
    the path to open. A relative path is relative to the working directory of whoever opens it: the workers' is that in
    which the flow was loaded, if their executor names no other. As a `str`, by which it also compares, a file is its
    path; a file of another scheme is its URL until it is fetched. A task gets a fetched copy in its place.

    Raises:
        UsageError: it is no text, or has no path, or is no URL although it begins like one.
    """

    __slots__ = ("_local_path", "netloc", "path", "scheme", "url")

    url: str
    scheme: str
    netloc: str
    path: str
    _local_path: str | None
    any_remote: ClassVar[bool] = False  #: whether this process has ever had one that has to be fetched

    def __new__(cls, url: str | os.PathLike[str]) -> File:
        return cls._at(url, None)

    @classmethod
    def _at(cls, url: str | os.PathLike[str], local_path: str | None) -> File:
        given: object = url.url if isinstance(url, File) else url
        if isinstance(given, os.PathLike):
            given = os.fspath(given)
        if not isinstance(given, str):
            raise UsageError(f"a File needs a path or URL as text, not {given!r}")
        try:
            parts = urlsplit(given) if _URL.match(given) else None
        except ValueError as error:
            raise UsageError(f"a File cannot be made of {given!r}: {error}") from None
        scheme = parts.scheme if parts else "file"
        path = (unquote(parts.path) if scheme == "file" else parts.path) if parts else given
        if not path:
            raise UsageError(f"a File needs a path, {given!r} has none")
        made = super().__new__(cls, local_path or (path if scheme == "file" else given))
        made.url = given
        made.scheme = scheme
        made.netloc = parts.netloc if parts else ""
        made.path = path
        made._local_path = local_path
        if made.remote:
            File.any_remote = True
        return made

    @property
    def filename(self) -> str:
        """The last part of the path."""
        return os.path.basename(self.path)

    @property
    def remote(self) -> bool:
        """Whether it has to be fetched before it can be opened."""
        return self.scheme != "file" and self._local_path is None

    @property
    def local_path(self) -> str | None:
        """Where it lies on this machine, if that is not its own path; a stager may set it."""
        return self._local_path

    @local_path.setter
    def local_path(self, path: str | os.PathLike[str] | None) -> None:
        self._local_path = None if path is None else os.fspath(path)

    @property
    def filepath(self) -> str:
        """The path to open.

        Raises:
            ValueError: it has not been fetched.
        """
        if self.remote:
            raise ValueError(
                f"{self.url} has no path on this machine: it is fetched for the task that it is given to"
            )
        return self._local_path or self.path

    def cleancopy(self) -> File:
        """The file as it was made, without a local path."""
        return type(self)(self.url)

    def in_place(self) -> File:
        """The file as a task gets it: its local path is also what it is as a `str`."""
        return type(self)._at(self.url, self._local_path)

    def __str__(self) -> str:
        return self.url if self.remote else self.filepath

    def __fspath__(self) -> str:
        return self.filepath

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._at, (self.url, self._local_path)


def as_file(value: Any, what: str) -> File:
    """A `File` of its own of a path, string or File.

    Raises:
        UsageError: it is none of them; the text names `what` it was given for.
    """
    if isinstance(value, (str, os.PathLike)):
        return File(value)
    raise UsageError(f"{what} takes paths, strings or Files, not {value!r} ({type(value).__name__})")
