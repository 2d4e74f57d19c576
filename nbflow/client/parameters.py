"""What an app knows of its function's parameters: which arguments it takes, and which mean something to the flow.

Defaults that the flow must see (those of special keywords, and futures or files yet to be fetched in any default)
are passed with every call that does not give them. Where they hold a future, the function travels without them: a
future means nothing on a worker.
"""

from __future__ import annotations

import concurrent.futures
import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbflow.files import File
from nbflow.values.containers import walk

SPECIAL = ("inputs", "outputs", "stdout", "stderr", "walltime", "parsl_resource_specification")
"""Keywords that mean something to the flow; they reach the function only where it has a parameter of that name."""

_READ = (*SPECIAL, "label")  # what the flow looks at; a label is an ordinary argument besides


@dataclass(frozen=True)
class Parameters:
    """Of a function. `accepts`: names of all, None = any keyword; `places`: of those that the flow reads or gives."""

    positional: tuple[str, ...] = ()
    accepts: frozenset[str] | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)
    read: bool = False  # whether the flow looks at calls that give no special keyword by name
    signature: inspect.Signature | None = None
    plain: range = range(0)  # how many positional arguments need no closer look

    def refused(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        """Why the function would not take these arguments; "" if it would. Special keywords may always be given."""
        if self.signature is None:
            return ""
        accepts = self.accepts
        given = {n: v for n, v in kwargs.items() if accepts is None or n in accepts or n not in SPECIAL}
        try:
            self.signature.bind(*args, **given)
        except TypeError as error:
            return str(error)
        return ""


def parameters_of(function: Callable[..., Any]) -> Parameters:
    """What is known of a function's parameters; of some built-in functions nothing is."""
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return Parameters()
    parameters = list(signature.parameters.values())
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters)
    required = [
        p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    all_positional = all(p in positional for p in required)
    defaults = {
        p.name: p.default
        for p in parameters
        if p.default is not p.empty
        and p.kind is not p.POSITIONAL_ONLY
        and (p.name in _READ or any(map(_is_late, walk(p.default))))
    }
    places = {p.name: i for i, p in enumerate(positional) if p.name in _READ or p.name in defaults}
    return Parameters(
        tuple(p.name for p in positional),
        None if anything else frozenset(p.name for p in parameters),
        defaults,
        places,
        bool(defaults or places),
        signature,
        range(len(required), len(positional) + 1) if all_positional else range(0),
    )


def without_futures(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, or a copy of it whose defaults hold None in place of futures."""
    if not isinstance(function, types.FunctionType):
        return function
    defaults, named = function.__defaults__ or (), function.__kwdefaults__ or {}
    if not any(map(_holds_future, (*defaults, *named.values()))):
        return function
    copy = types.FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        tuple(None if _holds_future(default) else default for default in defaults),
        function.__closure__,
    )
    copy.__kwdefaults__ = {
        name: None if _holds_future(default) else default for name, default in named.items()
    }
    copy.__dict__.update(function.__dict__)
    for name in ("__module__", "__qualname__", "__doc__", "__annotations__"):
        setattr(copy, name, getattr(function, name))
    return copy


def _holds_future(default: Any) -> bool:
    return any(isinstance(part, concurrent.futures.Future) for part in walk(default))


def _is_late(value: Any) -> bool:
    """Whether what a default stands for is known only once a task or a download has ended."""
    return isinstance(value, concurrent.futures.Future) or (isinstance(value, File) and value.remote)
