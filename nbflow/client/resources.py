"""`parsl_resource_specification=`: what one call says of the resources it wants. Here that is its priority."""

from __future__ import annotations

from typing import Any

from nbflow.checking import as_finite
from nbflow.errors import InvalidResourceSpecification
from nbflow.values.short import short

ALLOWED = ("priority",)
_WORDS = 'parsl_resource_specification= takes {"priority": number}, the lowest first, or {} or None'


def priority_of(given: Any) -> float | None:
    """The priority that a call asks for; None if it says nothing about it.

    Raises:
        InvalidResourceSpecification: it is no dict, has another key, or a priority that is no finite number.
    """
    if given is None:
        return None
    if not isinstance(given, dict):
        raise InvalidResourceSpecification((), f"{_WORDS}, not {given!r}")
    unknown = [key for key in given if key not in ALLOWED]
    if unknown:
        raise InvalidResourceSpecification(unknown, f"{_WORDS}; not allowed: {', '.join(map(repr, unknown))}")
    priority = given.get("priority")
    if priority is None:
        return None
    number = as_finite(priority)
    if number is None:
        raise InvalidResourceSpecification(("priority",), f"{_WORDS}; a priority is not {short(priority)}")
    return float(number)
