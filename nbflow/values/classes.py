"""Classes that travel by value, beyond what cloudpickle makes of them: which state counts, slots, members of enums.

A class is one in each process, whatever brings it there: functions and arguments, as it is at the call, and values that
tasks have made, as it was then. The newest state counts: where it was read off the class in the process that has made
it, its state is given the time, which goes along from there on.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from cloudpickle import cloudpickle as _inner

_read_at: WeakKeyDictionary[type, int] = WeakKeyDictionary()
"""Of classes that came from elsewhere: when their state was read there, in ns since the epoch."""
_last = 0  # when one of our own was read; times of one process never go back


def reduced(made: type, found: Any) -> Any:
    """The class as cloudpickle carries it, `found`, with what it leaves out."""
    if not isinstance(found, tuple) or found[-1] is not _inner._class_setstate:
        return found
    make, arguments, state, *none, _ = found
    members: Mapping[str, Mapping[str, Any]] = {}
    if make is _inner._make_skeleton_enum:
        arguments, state, members = *_with_aliases(made, arguments, state), _attributes(made)
    elif (slots := None if issubclass(made, tuple) else vars(made).get("__slots__")) is not None:
        # a tuple has none that hold anything, and a `typing.NamedTuple` must not say so
        kind, name, bases, body, *others = arguments
        arguments = (kind, name, bases, {**body, "__slots__": slots}, *others)
    return make, arguments, (_time_of(made), state, members), *none, set_state


def _time_of(made: type) -> int:
    global _last
    at = _read_at.get(made)
    if at is None:
        at = _last = max(_last + 1, time.time_ns())
    return at


def set_state(made: type, told: tuple[int, Any, Mapping[str, Mapping[str, Any]]]) -> type:
    """Have a class be as it was read, unless a newer state of it is here. By this name it is pickled."""
    at, state, members = told
    if at < _read_at.get(made, 0):
        return made
    _read_at[made] = at
    _inner._class_setstate(made, state)
    for name, attributes in members.items():
        vars(made.__members__[name]).update(attributes)  # type: ignore[attr-defined] # an enum
    return made


def _with_aliases(made: Any, arguments: Any, state: Any) -> tuple[Any, Any]:
    """With the other names of members, and those of a flag that are made of others: a loop over it gives neither."""
    bases, name, qualname, _, *others = arguments
    known = made.__members__
    body, of_slots = state
    body = {key: value for key, value in body.items() if key not in known}
    return (bases, name, qualname, {key: one.value for key, one in known.items()}, *others), (body, of_slots)


def _attributes(made: Any) -> dict[str, dict[str, Any]]:
    """What members were given by their `__init__` or `__new__`, which do not run again."""
    found = {
        name: {key: value for key, value in getattr(one, "__dict__", {}).items() if key not in _OF_ENUM}
        for name, one in made.__members__.items()
    }
    return {name: attributes for name, attributes in found.items() if attributes}


class _Plain(enum.Enum):
    ONE = 1


_OF_ENUM = vars(_Plain.ONE).keys() | {"_value_", "_name_", "__objclass__", "_sort_order_"}
"""What `enum` itself keeps on a member."""
