"""What an app is besides its function: its name, its kind, and the decorator's arguments, checked when it is made."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nbflow.client.retries import retries_of
from nbflow.errors import AppBadFormatting, CannotPickle, ConfigurationError
from nbflow.legible import shorten
from nbflow.retrying import Retry, check_retries
from nbflow.wire.messages import Kind, Retries


@dataclass(frozen=True)
class Options:
    """`name` is what people call the app, made short and legible; `kind` is "python", "bash" or "join".

    Args:
        executors: labels of those that may run it; () = any.
        cache: whether the value of an equal call is recalled.
        ignore_for_cache: names of parameters that do not count for that.
        retries: how it is tried again after a failed attempt; None = the configuration's.
        walltime: seconds after which an attempt is ended; None = no limit.
        policy: what `retries` says, as it travels with every call.
    """

    name: str
    kind: Kind = "python"
    executors: tuple[str, ...] = ()
    cache: bool = False
    ignore_for_cache: frozenset[str] = frozenset()
    retries: int | Retry | None = None
    walltime: float | None = None
    policy: Retries | None = None

    def __post_init__(self) -> None:
        # once for each app and not wherever its name is shown: a function may be called anything
        object.__setattr__(self, "name", shorten(self.name))


def options_of(
    kind: Kind,
    executors: Any = "all",
    cache: Any = False,
    ignore_for_cache: Iterable[str] | None = None,
    retries: Any = None,
    walltime: Any = None,
) -> Options:
    """The options of an app yet to be named, from what its decorator was given.

    Raises:
        AppBadFormatting: one of them is not allowed; the text says what is.
    """
    labels = () if executors == "all" else executors
    if not isinstance(labels, (list, tuple)) or not all(isinstance(label, str) for label in labels):
        raise _refused(kind, "executors", '"all" or a list of labels', executors)
    if executors != "all" and not labels:
        raise _refused(kind, "executors", '"all" or a list of at least one label', executors)
    if not isinstance(cache, bool):
        raise _refused(kind, "cache", "True or False", cache)
    ignored = () if ignore_for_cache is None else ignore_for_cache
    if isinstance(ignored, str) or not isinstance(ignored, Iterable):
        raise _refused(kind, "ignore_for_cache", "a list of names of parameters", ignore_for_cache)
    if walltime is not None and not is_walltime(walltime):
        raise _refused(kind, "walltime", "a number of seconds above 0 or None", walltime)
    policy = _policy(kind, retries)
    return Options("", kind, tuple(labels), cache, frozenset(ignored), retries, walltime, policy)


def _policy(kind: str, given: Any) -> Retries | None:
    if given is None:
        return None
    try:
        return retries_of(check_retries(f"{kind}_app(retries=...)", given))
    except (ConfigurationError, CannotPickle) as error:
        raise AppBadFormatting(str(error)) from None


def _refused(kind: str, keyword: str, allowed: str, given: Any) -> AppBadFormatting:
    return AppBadFormatting(f"{kind}_app({keyword}=...) is {allowed}, not {given!r}")


def is_walltime(value: Any) -> bool:
    """Whether a value is a number of seconds above 0."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and value > 0 and math.isfinite(value)


def name_of(function: Any) -> str:
    """What people call a function: its own name, that of what a `partial` calls, or that of a callable's class."""
    while not hasattr(function, "__name__") and hasattr(function, "func"):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))
