"""Integers by number: the cheapest table there is for numbers that mostly follow each other.

    pages[7] = 3 ──> the page of numbers 0..131071, at place 7

A page grows with the highest place in it. Pages are large because each of them is a small object, and one such object
here and there keeps a megabyte of freed ones around it from going back to the system.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

_BITS = 17
_IN_PAGE = (1 << _BITS) - 1


class Pages:
    """Every number has 0 until it is given another integer. `code`: how large they may be, as in `array`."""

    __slots__ = ("_code", "_pages", "_size")

    def __init__(self, code: str) -> None:
        self._code = code
        self._size = array(code).itemsize
        self._pages: dict[int, array[int]] = {}

    def __getitem__(self, number: int) -> int:
        page = self._pages.get(number >> _BITS)
        place = number & _IN_PAGE
        return 0 if page is None or place >= len(page) else page[place]

    def __setitem__(self, number: int, value: int) -> None:
        page = self._pages.get(number >> _BITS)
        if page is None:
            page = self._pages[number >> _BITS] = array(self._code)
        if (place := number & _IN_PAGE) >= len(page):
            page.frombytes(bytes(self._size * ((1 << place.bit_length()) - len(page))))
        page[place] = value

    def __iter__(self) -> Iterator[int]:
        """The numbers that have another integer than 0."""
        for index, page in self._pages.items():
            yield from (index << _BITS | place for place, value in enumerate(page) if value)
