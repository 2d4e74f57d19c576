"""Short texts of values, for people: made at every call, so they must be quick, and never run the user's code.

Only known types show what they hold; anything else shows its type, and its shape where it has one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from nbflow.legible import shorten
from nbflow.numbers import name_of
from nbflow.values.pickling import Needed, NeededTogether

LONGEST = 40  # characters of one value
LONGEST_DETAIL = 200  # characters of all arguments of a call

_PLAIN = frozenset({int, float, complex, bool, type(None)})
_SHAPED = frozenset({"numpy", "pandas", "polars", "pyarrow", "scipy", "torch", "xarray"})
_COUNTED = (list, tuple, set, frozenset, dict)


def short(value: Any) -> str:
    """One value in at most `LONGEST` characters, on one line."""
    kind = type(value)
    if kind is int and value.bit_length() > 1000:  # Python refuses to write very long ones
        return f"int of {value.bit_length()} bits"
    if kind in _PLAIN:
        return shorten(repr(value), LONGEST)
    if kind is str or kind is bytes:
        return shorten(repr(value[:LONGEST]) + ("…" if len(value) > LONGEST else ""), LONGEST)
    if issubclass(kind, Needed):  # not `isinstance`: what that asks an object may be the user's code
        tid = getattr(value.settles_with(), "tid", None)
        return "a task" if tid is None else f"task {name_of(tid)}"
    if issubclass(kind, NeededTogether):
        return f"list of {len(value.needed())}"
    if kind in _COUNTED:
        return f"{kind.__name__} of {len(value)}"
    if issubclass(kind, str):  # a File
        return shorten(repr(str.__str__(value)), LONGEST)
    if issubclass(kind, Future):  # of another library: a task of the graph as well
        return "a task"
    shape = _shape(value)
    return shorten(f"{kind.__name__}{shape}" if shape else kind.__name__, LONGEST)


def detail(args: Sequence[Any], kwargs: Mapping[str, Any], names: Sequence[str]) -> str:
    """The arguments of a call in at most `LONGEST_DETAIL` characters. `names`: of the positional parameters."""
    if len(args) == 1 and not kwargs:
        return short(args[0])
    texts = [f"{names[i]}={short(value)}" if i < len(names) else short(value) for i, value in enumerate(args)]
    texts += [f"{name}={short(value)}" for name, value in kwargs.items()]
    return shorten(" ".join(texts), LONGEST_DETAIL)


def _shape(value: Any) -> str:
    """The shape of an array or frame of a known library, "" for anything else."""
    if type(value).__module__.partition(".")[0] not in _SHAPED:
        return ""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"({', '.join(map(str, shape))})" if shape else f"({value})"
    return ""
