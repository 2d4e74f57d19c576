"""What every description of the user's (`Config`, an executor, ...) has in common: checks, a short `repr`, one note.

A check returns the value or raises `ConfigurationError` with field, value and what is allowed. Descriptions are plain
data: they are compared, printed and used again, and start nothing.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import numbers
import operator
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, TypeVar

from nbflow import sizes
from nbflow.errors import ConfigurationError
from nbflow.legible import LONGEST, nearest, shorten

log = logging.getLogger("nbflow")

LARGEST = 2**63 - 1  # that a message can hold

D = TypeVar("D", bound="Description")

_noted: set[tuple[str, str]] = set()  # (class, field) of what was said already


class Description:
    """The base of frozen dataclasses that a user writes down.

    An unknown keyword is refused with the nearest known one; `repr` shows what differs from the defaults and can be
    pasted back; a field in `inert`, set to something else than its default, is noted once in the log.
    """

    inert: ClassVar[Mapping[str, str]] = {}
    """Fields that are accepted for the sake of Parsl's programs and mean nothing here: name -> why."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Refuse keywords that are no fields; Python's own TypeError would not name those that are."""
        if kwargs:
            known = [f.name for f in dataclasses.fields(cls) if f.init]  # type: ignore[arg-type] # see subclasses
            for name in kwargs:
                if name not in known:
                    raise ConfigurationError(_unknown(cls.__name__, name, known))
        return super().__new__(cls)

    def __post_init__(self) -> None:
        """Note the fields that mean nothing here."""
        for name, why in self.inert.items():
            place = (type(self).__name__, name)
            if place not in _noted and not self._is_default(name):
                _noted.add(place)
                log.info("%s(%s=...) has no meaning in nbflow: %s", *place, why)

    def __repr__(self) -> str:
        shown = [f.name for f in dataclasses.fields(self) if f.init and f.repr]  # type: ignore[arg-type]
        said = ", ".join(f"{n}={getattr(self, n)!r}" for n in shown if not self._is_default(n))
        return f"{type(self).__name__}({said})"

    def differences(self: D, other: D) -> str:
        """`name=this, not that` for each field that is not equal; for messages."""
        names = [f.name for f in dataclasses.fields(self) if f.compare]  # type: ignore[arg-type]
        return "; ".join(
            f"{name}={getattr(self, name)!r}, not {getattr(other, name)!r}"
            for name in names
            if getattr(self, name) != getattr(other, name)
        )

    def _keep(
        self, name: str, check: Callable[..., Any], *args: Any, none: bool = False, **kwargs: Any
    ) -> None:
        """Keep what a check of this module makes of a field's value; None as well, where `none` says so."""
        value = getattr(self, name)
        if value is not None or not none:
            checked = check(f"{type(self).__name__}({name}=...)", value, *args, **kwargs)
            object.__setattr__(self, name, checked)

    def _is_default(self, name: str) -> bool:
        field: dataclasses.Field[Any] = type(self).__dataclass_fields__[name]  # type: ignore[attr-defined]
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        return bool(getattr(self, name) == default)


def _unknown(owner: str, name: str, known: list[str]) -> str:
    near = nearest(name, known)
    hint = f" Did you mean {near!r}?" if near else ""
    return f"{owner} has no field {name!r}.{hint} Its fields: {', '.join(known)}"


def refuse(where: str, allowed: str, value: object) -> ConfigurationError:
    """The error for a value that is not allowed, to be raised."""
    return ConfigurationError(f"{where} must be {allowed}, not {shorten(repr(value))}")


def as_whole(value: Any) -> int | None:
    """A whole number as Python's own, whatever kind it is of (NumPy's); None for anything else, True and False too."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def as_finite(value: Any) -> int | float | None:
    """A finite number as Python's own; None for anything else, and for one beyond all floating-point numbers."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return None if not math.isfinite(found) else found if (whole := as_whole(value)) is None else whole


def count(where: str, value: Any, least: int) -> int:
    """A whole number of at least `least`."""
    found = as_whole(value)
    if found is None or found < least:
        raise refuse(where, f"a whole number of at least {least}", value)
    return min(found, LARGEST)


def number(where: str, value: Any, *, above: float = -math.inf, least: float = -math.inf) -> float:
    """A finite number, of at least `least` or above `above`."""
    found = as_finite(value)
    if found is None or found < least or found <= above:
        bound = (
            f" of at least {least:g}"
            if least > -math.inf
            else f" above {above:g}"
            if above > -math.inf
            else ""
        )
        raise refuse(where, f"a number{bound}", value)
    return found


def at_least_one(where: str, value: Any) -> int:
    """A whole number of at least 1, for calls like those of the standard library.

    Raises:
        TypeError: it is no whole number.
        ValueError: it is less.
    """
    if (found := as_whole(value)) is None:
        raise TypeError(f"{where} is a whole number of at least 1, not {shorten(repr(value))}")
    if found < 1:
        raise ValueError(f"{where} must be at least 1, not {found}")
    return found


def size(where: str, value: Any, least: int = 1) -> int:
    """Bytes, also given as a text such as "2 GB"; at least `least`."""
    if isinstance(value, str):
        try:
            found = sizes.in_bytes(value)
        except ValueError:
            raise refuse(where, sizes.EXAMPLE, value) from None
    elif (given := as_finite(value)) is not None and given == given // 1:  # 2e9
        found = int(given)
    else:
        raise refuse(where, sizes.EXAMPLE, value)
    if found < least:
        raise refuse(where, f"at least {sizes.in_words(least)}", value)
    return min(found, LARGEST)


def flag(where: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise refuse(where, "True or False", value)
    return value


def text(where: str, value: Any) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise refuse(where, "a text that is not empty", value)
    return value


def string(where: str, value: Any) -> str:
    """A text, which may be empty."""
    if not isinstance(value, str):
        raise refuse(where, "a text", value)
    return value


def called(where: str, value: Any) -> str:
    """What people call something: a text without control characters, that has room in a line."""
    text(where, value)
    if shorten(value) != value:
        raise refuse(where, f"a text on one line, of at most {LONGEST} characters", value)
    return value  # type: ignore[no-any-return] # narrowed by `text`


def path(where: str, value: Any) -> str | os.PathLike[str]:
    """A path, as text or path object."""
    if not isinstance(value, (str, os.PathLike)) or not (text := os.fspath(value)):
        raise refuse(where, "a path", value)
    if (b"\0" if isinstance(text, bytes) else "\0") in text:
        raise refuse(where, "a path", value)
    return value


def choice(where: str, value: Any, allowed: Collection[Any]) -> Any:
    """One of a few values."""
    if not any(value is one or (type(value) is type(one) and value == one) for one in allowed):
        raise refuse(where, f"one of {', '.join(repr(one) for one in allowed)}", value)
    return value


def function(where: str, value: Any) -> Callable[..., Any]:
    """Something that can be called."""
    if not callable(value):
        raise refuse(where, "a function", value)
    return value  # type: ignore[no-any-return]
