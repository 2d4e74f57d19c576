"""What arrays and tables count by: numpy and pandas, by their content whatever their layout in memory.

Neither is imported here: a value of theirs brings them along.
"""

from __future__ import annotations

import sys
from typing import Any

from nbflow.values.digests import digest
from nbflow.values.fingerprint.walk import Handler, Part, Walk, text

_X87_MANTISSA = 63  # bits of a number of Intel's extended precision,
_X87_BYTES = 10  # which lies in 12 or 16 bytes, where anything may be in the last ones


def _array(walk: Walk, value: Any, parts: list[Part]) -> None:
    parts += (b"array", walk.part(value.dtype), walk.part(value.shape))
    if value.dtype.names is not None:  # by field: what lies between them is not content
        parts += (walk.part(value[name]) for name in value.dtype.names)
    elif value.dtype.hasobject:
        walk.add_items(value.ravel().tolist(), parts)
    else:
        parts.append(b"#" + digest(_bytes_of(value)))


def _bytes_of(array: Any) -> memoryview | bytes:
    """Its elements, row by row; without a copy where they lie so."""
    if array.dtype.char in "gG" and sys.modules["numpy"].finfo("g").nmant == _X87_MANTISSA:
        numbers = array.astype(array.dtype.newbyteorder("="), order="C").reshape(-1).view("g")
        used: bytes = numbers.reshape(-1, 1).view("u1")[:, :_X87_BYTES].tobytes()
        return used
    if array.flags.c_contiguous and array.size:
        return memoryview(array.reshape(-1).view("u1"))
    content: bytes = array.tobytes()
    return content


def _scalar(walk: Walk, value: Any, parts: list[Part]) -> None:
    parts += (b"scalar", walk.part(sys.modules["numpy"].asarray(value)))


def _frame(walk: Walk, value: Any, parts: list[Part]) -> None:
    parts += (b"frame", walk.part(value.columns), walk.part(value.index), walk.part(value.attrs))
    parts += (walk.part(value.iloc[:, place].array) for place in range(value.shape[1]))


def _series(walk: Walk, value: Any, parts: list[Part]) -> None:
    parts += (b"series", walk.part(value.name), walk.part(value.index), walk.part(value.attrs))
    parts.append(walk.part(value.array))


def _index(walk: Walk, value: Any, parts: list[Part]) -> None:
    parts += (b"index", walk.part(type(value)), walk.part(list(value.names)))
    if value.nlevels > 1:
        parts += (walk.part(value.get_level_values(level).array) for level in range(value.nlevels))
    else:
        parts += (walk.part(value.array), text(str(getattr(value, "freqstr", None))))


def _plain_column(walk: Walk, value: Any, parts: list[Part]) -> None:
    parts += (b"column", walk.part(value.to_numpy()))


def _backed_column(walk: Walk, value: Any, parts: list[Part]) -> None:
    """Pickle would also tell whether it may be written to."""
    parts += (b"column", walk.part(type(value)), walk.part(value.dtype), walk.part(value._ndarray))


def _masked_column(walk: Walk, value: Any, parts: list[Part]) -> None:
    mask, data = value._mask, value._data.copy()
    data[mask] = 0  # whatever is behind the mask does not count
    parts += (b"column", walk.part(type(value)), walk.part(value.dtype), walk.part(mask), walk.part(data))


def _arrow_column(walk: Walk, value: Any, parts: list[Part]) -> None:
    """By what it holds: the same may lie in any number of chunks."""
    parts += (b"column", walk.part(type(value)), text(repr(value.dtype)))
    walk.add_items(value.tolist(), parts)


EXACT: dict[tuple[str, str], Handler] = {
    ("numpy", "ndarray"): _array,
    ("numpy", "memmap"): _array,
    ("pandas", "DataFrame"): _frame,
    ("pandas", "Series"): _series,
    ("pandas", "NumpyExtensionArray"): _plain_column,
    ("pandas", "PandasArray"): _plain_column,
}
"""By package and name of exactly this type."""

FAMILIES: dict[tuple[str, str], Handler] = {
    ("numpy", "generic"): _scalar,
    ("pandas", "Index"): _index,
    ("pandas", "NDArrayBacked"): _backed_column,
    ("pandas", "BaseMaskedArray"): _masked_column,
    ("pandas", "ArrowExtensionArray"): _arrow_column,
}
"""By package and name of a type, for all that is derived from it."""


def handler_of(kind: type) -> Handler | None:
    """What knows a type of numpy or pandas; None for any other."""
    if (found := EXACT.get(_name(kind))) is not None:
        return found
    return next((FAMILIES[name] for base in kind.__mro__ if (name := _name(base)) in FAMILIES), None)


def _name(kind: type) -> tuple[str, str]:
    return kind.__module__.partition(".")[0], kind.__qualname__
