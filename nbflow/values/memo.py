"""The key under which a call's value is remembered: what ran, on what.

Equal code with all it refers to and equal arguments give an equal key, in this session and in any later one. Arguments
count by the parameters that they are bound to, defaults included, however they were passed. A future among them counts
by the key of its own call where it has one, and by its task otherwise; so a chain of cached calls is recalled as a
whole. A key that names a task holds for its flow only (`lasts`).
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from nbflow.errors import CannotFingerprint
from nbflow.values.digests import SIZE, digest

log = logging.getLogger("nbflow")

_PASSING = b"-"  # at the end of a key that holds for one flow only, which is longer by this
_WRITTEN = ("stdout", "stderr")
_APART = ("outputs", *_WRITTEN, "walltime", "parsl_resource_specification")
_said: set[type] = set()  # types of values without a fingerprint


class Call(NamedTuple):
    """What of a call may count; `special`: the keywords that mean something to the flow, by place or keyword given."""

    app: str
    kind: str
    function: bytes  # fingerprint
    signature: inspect.Signature | None
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    special: Mapping[str, Any]
    ignored: frozenset[str]
    directories: Sequence[str] = ("",)  # where it may run, for files that are named from there


def fingerprint(
    value: Any,
    name_of_future: Callable[[Future[Any]], bytes] | None = None,
    directories: Sequence[str] = ("",),
) -> bytes:
    """That of `nbflow.values.fingerprint`, which is 10 ms of start-up and is loaded when a first call is cached."""
    from nbflow.values import fingerprint

    return fingerprint.fingerprint(value, name_of_future, directories)


def _fingerprint_of_output(value: Any) -> bytes:
    from nbflow.values import fingerprint

    return fingerprint.fingerprint_of_output(value)


def key_of(call: Call, name_of_future: Callable[[Future[Any]], bytes]) -> bytes:
    """The key of a call; b"" if something in it has no fingerprint, which is logged once for each type.

    `name_of_future` gives the key of a future's call, or what stands for its task.
    """
    lasting = True

    def name_of(future: Future[Any]) -> bytes:
        nonlocal lasting
        name = name_of_future(future)
        lasting = lasting and lasts(name)
        return name

    special = {name: value for name, value in call.special.items() if name not in call.ignored}
    values = {name: value for name, value in _bound(call).items() if name not in (*call.ignored, *_APART)}
    if "inputs" in special:
        # the function may have no such parameter; where it has, files may be fetched by now
        values.setdefault("inputs", special["inputs"])
    try:
        written = [_fingerprint_of_output(output) for output in special.get("outputs") or ()]
        written += [
            fingerprint((name, _fingerprint_of_output(stream)))
            for name in _WRITTEN
            if (stream := special.get(name)) is not None
        ]
        found = digest(
            call.kind.encode(), call.function, fingerprint(values, name_of, call.directories), *written
        )
    except CannotFingerprint as error:
        explain(call.app, error)
        return b""
    return found if lasting else found + _PASSING


def key_of_part(key: bytes, *what: Any) -> bytes:
    """The key of a part of a call's value or of a file it writes; b"" if `what`, which says which, has none."""
    try:
        found = digest(key, fingerprint(what))
    except CannotFingerprint:
        return b""
    return found if lasts(key) else found + _PASSING


def key_of_task(number: int) -> bytes:
    """What a task that has no key counts by."""
    return digest(b"task", b"%d" % number) + _PASSING


def lasts(key: bytes) -> bool:
    """Whether a key holds in later flows too."""
    return len(key) == SIZE


def explain(app: str, error: CannotFingerprint) -> None:
    """Say in the log why calls are not remembered, once for each type."""
    if error.kind in _said:
        return
    _said.add(error.kind)
    name = f"{error.kind.__module__}.{error.kind.__qualname__}"
    if error.own:
        log.warning("calls of `%s` with a %s are not remembered: %s", app, name, error.why)
    else:
        log.info(
            "calls of `%s` with a %s are not remembered: %s; nbflow.id_for_memo.register(%s) can say what counts of it",
            *(app, name, error.why, error.kind.__qualname__),
        )


def _bound(call: Call) -> dict[str, Any]:
    """Arguments by the names of their parameters, as if each had been given; by their places if there are none."""
    if call.signature is None:
        return {**{str(place): value for place, value in enumerate(call.args)}, **call.kwargs}
    bound = call.signature.bind(*call.args, **call.kwargs)
    bound.apply_defaults()
    values: dict[str, Any] = {}
    parameters = call.signature.parameters
    for name, value in bound.arguments.items():
        if parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            for keyword, item in value.items():
                # it may be called like a parameter that only takes values by place
                taken = keyword in parameters or keyword.startswith("**")
                values[f"**{keyword}" if taken else keyword] = item
        else:
            values[name] = value
    return values
