"""What an app is besides its function: its name, its kind, and the decorator's arguments, checked when it is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nbflow.checking import as_finite
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
    labels = labels_of(executors)
    if labels is None:
        raise _refused(kind, "executors", LABELS, executors)
    if not isinstance(cache, bool):
        raise _refused(kind, "cache", "True or False", cache)
    ignored = () if ignore_for_cache is None else _texts(ignore_for_cache)
    if ignored is None:
        raise _refused(kind, "ignore_for_cache", "a list of names of parameters", ignore_for_cache)
    seconds = walltime_of(walltime)
    if walltime is not None and seconds is None:
        raise _refused(kind, "walltime", "a number of seconds above 0 or None", walltime)
    policy = _policy(kind, retries)
    return Options("", kind, labels, cache, frozenset(ignored), retries, seconds, policy)


LABELS = '"all" or a list of at least one label'


def labels_of(executors: Any) -> tuple[str, ...] | None:
    """The labels that something may run on, () for all executors; None for what is not as `LABELS` says."""
    if isinstance(executors, str) and executors == "all":
        return ()
    return _texts(executors) or None


def _texts(given: Any) -> tuple[str, ...] | None:
    """Texts that stand in a list or another iterable; None if it is none, or has something else in it."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        return None
    found = tuple(given)
    return found if all(isinstance(text, str) for text in found) else None


def _policy(kind: str, given: Any) -> Retries | None:
    if given is None:
        return None
    try:
        return retries_of(check_retries(f"{kind}_app(retries=...)", given))
    except (ConfigurationError, CannotPickle) as error:
        raise AppBadFormatting(str(error)) from None


def _refused(kind: str, keyword: str, allowed: str, given: Any) -> AppBadFormatting:
    return AppBadFormatting(f"{kind}_app({keyword}=...) is {allowed}, not {given!r}")


def walltime_of(value: Any) -> float | None:
    """A number of seconds above 0 as Python's own; None for anything else."""
    seconds = as_finite(value)
    return None if seconds is None or seconds <= 0 else seconds


def name_of(function: Any) -> str:
    """What people call a function: its own name, that of what a `partial` calls, or that of a callable's class."""
    while not hasattr(function, "__name__") and hasattr(function, "func"):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))
