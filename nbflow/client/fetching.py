"""Files that have to be fetched before a task can read them: found among a call's arguments, brought in by a `Staging`.

A file is replaced by the future of a copy on this machine, so that the task waits for it as for any other need.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from nbflow import private
from nbflow.client.future import AppFuture
from nbflow.errors import StagingError, UsageError
from nbflow.executors import Executor
from nbflow.files import File
from nbflow.legible import for_path
from nbflow.staging import NoOpFileStaging, Staging
from nbflow.values.containers import holding, parts, walk

TIMEOUT = 60.0  # seconds without a byte after which a server is given up


class Fetcher:
    """Brings in the files of one flow. `call` makes a task of a function; `ways`: None = nbflow's own."""

    def __init__(
        self, dfk: Any, call: Callable[..., AppFuture], directory: str, ways: Sequence[Staging] | None = None
    ) -> None:
        self.dfk = dfk
        self.call = call
        self._directory = directory
        self.offered = ways is not None  #: whether files of this machine are offered to the ways, too
        self._ways = OWN_WAYS if ways is None else ways
        self._fetched: dict[str, _Brought] = {}
        self._lock = threading.Lock()  # of that alone: what brings one in is the user's code, and makes calls

    def replace(self, app: str, executor: str, arguments: Any, written: Sequence[Any]) -> Any:
        """The arguments with files that are brought in; containers that hold one are copied. `written`: not these.

        Raises:
            UsageError: there is no way to bring one in.
        """
        try:
            return self._replaced(arguments, app, executor, {id(value) for value in written})
        except RecursionError:  # too deep to travel, which is said by who pickles it
            return arguments

    def place_for(self, file: File) -> str:
        """A path that no file of another URL has."""
        folder = hashlib.blake2b(file.url.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        name = for_path(file.filename)
        name = name if name.strip(".") else "index"
        return os.path.join(self._directory, "staged", folder, name)

    def _replaced(self, value: Any, app: str, executor: str, keep: set[int]) -> Any:
        if id(value) in keep:
            return value
        if issubclass(type(value), File):  # `isinstance` would ask the value for its class
            return self._brought(value, app, executor) if value.remote or self.offered else value
        if (held := parts(value)) is None:
            return value
        held = list(held)
        keep = keep | {id(value)}  # one that holds itself is left as it is
        new = [self._replaced(part, app, executor, keep) for part in held]
        return value if all(a is b for a, b in zip(held, new, strict=True)) else holding(value, new)

    def finds_any(self, value: Any) -> bool:
        """Whether something in a value has to be brought in."""
        return any(issubclass(type(part), File) and (part.remote or self.offered) for part in walk(value))

    def _brought(self, file: File, app: str, executor: str) -> Any:
        way = next((way for way in self._ways if way.can_stage_in(file)), None)
        if way is None:
            schemes = "file, http and https" if not self.offered else "what its storage_access can stage"
            raise UsageError(f"`{app}` cannot be given {file.url}: this flow takes files of {schemes}")
        mine = _Brought(file)
        with self._lock:
            found = self._fetched.setdefault(file.url, mine)
        if found is not mine and found.in_vain():
            with self._lock:
                if self._fetched[file.url] is found:
                    self._fetched[file.url] = mine
                found = self._fetched[file.url]
        if found is mine:
            mine.begin(lambda copy: way.stage_in(self, executor, copy, None) or copy.in_place())
        return found.instead()


class _Brought:
    """What stands for a file, made by the thread that comes first, while others that want the same one wait."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._thread = threading.get_ident()
        self._instead: Future[Future[File] | File] = Future()

    def begin(self, bring: Callable[[File], Future[File] | File]) -> None:
        """Have a copy of it brought in; what that raises is kept for `instead`."""
        try:
            self._instead.set_result(bring(self._file.cleancopy()))
        except BaseException as error:
            self._instead.set_exception(error)

    def instead(self) -> Future[File] | File:
        """What the call gets for the file; raises what was raised when it was to be brought in.

        Raises:
            UsageError: it is this very thread that is at it.
        """
        if self._thread == threading.get_ident() and not self._instead.done():
            raise UsageError(f"to bring in {self._file.url}, a call is made that is given the same file")
        return self._instead.result()

    def in_vain(self) -> bool:
        """Whether it has come to nothing, and is to be tried again."""
        if not self._instead.done():
            return False
        return _failed(self._instead) or (
            isinstance(found := self._instead.result(), Future) and _failed(found)
        )


def _failed(future: Future[Any]) -> bool:
    return future.done() and (future.cancelled() or future.exception() is not None)


class HTTPStaging(Staging):
    """Files by `http:` and `https:`, each downloaded by a task of its own before the tasks that are given it."""

    def can_stage_in(self, file: File) -> bool:
        """Whether its URL is one of these."""
        return file.scheme in ("http", "https")

    def stage_in(
        self, dm: Any, executor: str, file: File, parent_fut: Future[Any] | None
    ) -> Future[File] | None:
        """Call the task that downloads it."""
        file.local_path = dm.place_for(file)
        task: AppFuture = dm.call(fetch, file.url, outputs=[file])
        return task.outputs[0]


def ways_of(executors: Sequence[Executor]) -> list[Staging] | None:
    """What the executors' `storage_access` name, in order; None if none of them says anything."""
    named = [access for each in executors if (access := getattr(each, "storage_access", None)) is not None]
    return list(dict.fromkeys(way for access in named for way in access)) if named else None


def directory_of(executors: Sequence[Executor]) -> str | None:
    """The first executor's `working_dir` that is named: fetched files go there; None if none is."""
    named = (getattr(each, "working_dir", None) for each in executors)
    return next((os.path.abspath(directory) for directory in named if directory), None)


OWN_WAYS = (NoOpFileStaging(), HTTPStaging())


def fetch(url: str, outputs: Sequence[File]) -> None:
    """Download a URL. The file is there as a whole or not at all.

    Raises:
        StagingError: the server cannot be reached, answers with something else than 200, or breaks off.
    """
    import http.client  # what few tasks need, and each worker would pay for
    import shutil
    import urllib.error
    import urllib.request

    path = outputs[0].filepath
    part = f"{path}.{os.getpid()}-{threading.get_ident()}.part"
    try:
        with (
            urllib.request.urlopen(url, timeout=TIMEOUT) as response,
            open(part, "wb", opener=private.opener) as file,
        ):
            if response.status != 200:
                raise StagingError(
                    f"{url} cannot be fetched: the server answered {response.status} {response.reason}"
                )
            shutil.copyfileobj(response, file)
            promised = response.headers.get("Content-Length")
            if promised is not None and file.tell() != int(promised):
                raise StagingError(
                    f"{url} cannot be fetched: it broke off after {file.tell()} of {promised} bytes"
                )
        os.replace(part, path)
    except urllib.error.HTTPError as error:
        error.close()  # it is the answer as well
        raise StagingError(
            f"{url} cannot be fetched: the server answered {error.code} {error.reason}"
        ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise StagingError(f"{url} cannot be fetched: {getattr(error, 'reason', None) or error}") from error
    finally:
        if os.path.exists(part):
            os.remove(part)
