"""The special keywords of one call, checked and completed: `inputs`, `outputs`, `stdout` and so on.

They mean the same for Python, bash and join apps, given by keyword, by place, or as the default of a parameter.
Nothing of the caller's is changed: what the function gets in their place is put into new containers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nbflow.client.options import walltime_of
from nbflow.client.parameters import SPECIAL, Parameters
from nbflow.client.resources import priority_of
from nbflow.client.tasks.outlets import TASK_LOGS
from nbflow.errors import BadStdStreamFile, UsageError
from nbflow.files import File, as_file
from nbflow.legible import for_path

AUTO_LOGNAME = -1
"""As `stdout=` or `stderr=`: a file of the task's own below the run directory, or what `std_autopath` says."""

STREAMS = ("stdout", "stderr")
_MODES = ("w", "a", "w+", "a+", "x")


SPECIAL_NAMES = frozenset(SPECIAL)


class Special(NamedTuple):
    """A call with its special keywords completed.

    `args` and `kwargs` are what the function gets. `streams` are (stdout path, mode, stderr path, mode), "" where one
    is not redirected, () if neither is; `asked` are stdout and stderr as asked for, with automatic names in place of
    `AUTO_LOGNAME`; `counted` the special keywords as they count for an equal call: without automatic names.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: list[File]
    paths: tuple[str, ...]  # of the outputs
    streams: tuple[str, ...]
    asked: tuple[Any, Any]
    walltime: float | None
    priority: float | None
    counted: dict[str, Any]


NOTHING_SPECIAL = Special((), {}, [], (), (), (None, None), None, None, {})
"""Of most calls; never changed."""


def complete(
    parameters: Parameters,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    name_stream: Callable[[str, Any], Any],
) -> Special:
    """Complete a call. `name_stream` makes an automatic name: of "stdout" or "stderr", for a task with a label.

    Raises:
        BadStdStreamFile: a stream cannot be that.
        InvalidResourceSpecification: a resource specification asks for what does not exist here.
        UsageError: another special keyword has a value that is not allowed.
    """
    kwargs = dict(kwargs)
    places = {name: place for name, place in parameters.places.items() if place < len(args)}
    for name, default in parameters.defaults.items():
        if name not in kwargs and name not in places:
            kwargs[name] = default
    given = {name: args[place] for name, place in places.items() if name in SPECIAL}
    given |= {name: kwargs.pop(name) for name in SPECIAL if name in kwargs}
    label = args[places["label"]] if "label" in places else kwargs.get("label")
    for name in ("inputs", "outputs"):
        if given.get(name) is not None:
            given[name] = _files(given[name], name)
    streams: list[str] = []
    counted = dict(given)
    for name in STREAMS:
        if type(given.get(name)) is int and given[name] == AUTO_LOGNAME:
            given[name] = name_stream(name, label)
            del counted[name]
        streams += _stream(given.get(name), name)
    walltime = walltime_of(given.get("walltime"))
    if walltime is None and given.get("walltime") is not None:
        raise UsageError(f"walltime= takes a number of seconds above 0 or None, not {given['walltime']!r}")
    given_at = list(args)
    for name, value in given.items():
        if name in places:
            given_at[places[name]] = value
        elif parameters.accepts is None or name in parameters.accepts:
            kwargs[name] = value
    outputs = given.get("outputs") or []
    return Special(
        tuple(given_at),
        kwargs,
        outputs,
        tuple([file.filepath for file in outputs]),
        tuple(streams) if any(streams) else (),
        (given.get("stdout"), given.get("stderr")),
        walltime,
        priority_of(given.get("parsl_resource_specification")),
        counted,
    )


def _files(given: Any, name: str) -> list[Any]:
    """A list of what was given, strings and paths as files; among `inputs`, anything else stays what it is."""
    if isinstance(given, (str, bytes, os.PathLike)) or not isinstance(given, Sequence):
        raise UsageError(f"{name}= takes a list, not {given!r}")
    if name == "outputs":
        return [_written(item) for item in given]
    return [as_file(item, "inputs=") if isinstance(item, (str, os.PathLike)) else item for item in given]


def _written(item: Any) -> File:
    file = item if isinstance(item, File) else as_file(item, "outputs=")
    if file.remote:
        raise UsageError(f"outputs= takes files of this machine, not {file.url}")
    if not _is_unicode(file.filepath):
        raise UsageError(f"outputs= takes files whose names are UTF-8, not {file.filepath!r}")
    return file if file.local_path is None else file.in_place()


def _stream(given: Any, name: str) -> tuple[str, str]:
    """(path, mode) of a stream; ("", "") if it is not redirected."""
    if given is None:
        return "", ""
    path, mode = given, "w" if isinstance(given, File) else "a+"
    if isinstance(given, tuple) and len(given) == 2:
        path, mode = given
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path) or mode not in _MODES:
        raise BadStdStreamFile(
            f"{name}= takes a path, a File, AUTO_LOGNAME, or (path, mode) with a mode of w, a, w+, a+ or x, "
            f"not {given!r}"
        )
    if isinstance(path, File) and path.remote:
        raise BadStdStreamFile(f"{name}= takes files of this machine, not {path.url}")
    text = os.fsdecode(path.filepath if isinstance(path, File) else path)
    if not _is_unicode(text):
        raise BadStdStreamFile(f"{name}= takes files whose names are UTF-8, not {text!r}")
    return text, mode


def _is_unicode(path: str) -> bool:
    """Whether a path can be told to another process as it is; one that the system could not decode cannot."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def automatic_name(run_dir: str, number: str, app: str, stream: str, label: Any) -> str:
    """Where a stream goes under `AUTO_LOGNAME`; at most 10,000 tasks share a folder."""
    folder = f"{int(number.rpartition('.')[2]) // 10_000:04d}"
    called = for_path(app if label is None else f"{app}_{label}")  # a label may be any text
    return os.path.join(run_dir, TASK_LOGS, folder, f"task_{number:0>4}_{called}.{stream}")
