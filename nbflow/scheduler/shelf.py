"""What is kept for ever, packed: a million small records as bytes in a few hundred large pieces, none as an object.

    put(7, b"...") ──> appended to the piece that is being filled; its place stands in the page of numbers 0..4095
    get(7)         ──> its bytes

Nothing is ever taken out; what is put again takes the place of what was there, whose bytes stay. What they mean is not
known here.
"""

from __future__ import annotations

from array import array

PIECE = 1 << 18  # bytes from which on another piece is begun
_PAGE_BITS = 12  # large pages: a small object here and there keeps a megabyte of freed ones from the system
_IN_PAGE = (1 << _PAGE_BITS) - 1
_PIECE_AT, _BEGIN_AT = 44, 26  # bits of a place
_BEGIN = (1 << _PIECE_AT - _BEGIN_AT) - 1
_LONGEST = (1 << _BEGIN_AT) - 1


class Shelf:
    """Records by number. Numbers that follow each other cost 8 to 16 bytes each, others up to 32 KB."""

    def __init__(self) -> None:
        self._sealed: list[bytes] = []
        self._open = bytearray()
        # of each number its place: 0 = none, else the piece, where in it, and its length + 1; 0 = to the piece's end
        self._pages: dict[int, array[int]] = {}

    def put(self, number: int, record: bytes) -> None:
        """Keep a record; the one of that number is this from now on."""
        page = self._pages.get(number >> _PAGE_BITS)
        if page is None:
            page = self._pages[number >> _PAGE_BITS] = array("Q")
        if (place := number & _IN_PAGE) >= len(page):
            page.frombytes(bytes(8 * ((1 << place.bit_length()) - len(page))))
        begin, length = len(self._open), len(record) + 1
        if length > _LONGEST:
            self._seal()  # a piece of its own, the number of which is not 0
            begin, length = 0, 0
        page[place] = len(self._sealed) << _PIECE_AT | begin << _BEGIN_AT | length
        self._open += record
        if begin + length >= PIECE or not length:
            self._seal()

    def _seal(self) -> None:
        self._sealed.append(bytes(self._open))
        self._open = bytearray()

    def get(self, number: int) -> bytes | None:
        """The record of that number; None if there is none."""
        place = self._place(number)
        if not place:
            return None
        index, begin, length = place >> _PIECE_AT, place >> _BEGIN_AT & _BEGIN, place & _LONGEST
        piece = self._sealed[index] if index < len(self._sealed) else self._open
        return bytes(piece[begin : begin + length - 1 if length else None])

    def __contains__(self, number: int) -> bool:
        return self._place(number) > 0

    def _place(self, number: int) -> int:
        page = self._pages.get(number >> _PAGE_BITS)
        place = number & _IN_PAGE
        return 0 if page is None or place >= len(page) else page[place]
