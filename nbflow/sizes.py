"""Amounts of memory as people write and read them. Plain arithmetic."""

from __future__ import annotations

import re
from fractions import Fraction

_DECIMAL = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BINARY = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_UNITS = {name.lower(): size for name, size in (_DECIMAL | _BINARY).items()}
_WRITTEN = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*([a-z]+)\s*", re.IGNORECASE | re.ASCII)

EXAMPLE = 'bytes, or a text like "2 GB" or "512 MiB"'  # for whoever writes one that is not understood


def in_bytes(text: str) -> int:
    """The bytes that "2 GB" (decimal) or "1.5 GiB" (binary) says; the case does not matter.

    Raises:
        ValueError: it is no number with one of the units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB.
    """
    found = _WRITTEN.fullmatch(text)
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise ValueError(f"{text!r} is no amount of {EXAMPLE}")
    return round(Fraction(found[1]) * unit)


def in_words(size: int) -> str:
    """Bytes in three digits: "2.31 GB", "512 MB", "0 B"."""
    # from where on the unit below would be rounded up to 1000 of it
    name, unit = next((each for each in reversed(_DECIMAL.items()) if size >= 0.9995 * each[1]), ("B", 1))
    amount = size / unit
    digits = 0 if unit == 1 else 2 if amount < 9.995 else 1 if amount < 99.95 else 0
    number = f"{amount:.{digits}f}"
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {name}"
