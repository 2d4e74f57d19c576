"""What is kept for ever, packed: a million small records as bytes in a few hundred large pieces, none as an object.

    put(7, b"...") ──> appended to the piece that is being filled; its place is noted by its number
    get(7)         ──> its bytes

Nothing is ever taken out; what is put again takes the place of what was there, whose bytes stay. What they mean is not
known here.
"""

from __future__ import annotations

from nbflow.core.pages import Pages

PIECE = 1 << 18  # bytes from which on another piece is begun
_PIECE_AT, _BEGIN_AT = 44, 26  # bits of a place
_BEGIN = (1 << _PIECE_AT - _BEGIN_AT) - 1
_LONGEST = (1 << _BEGIN_AT) - 1


class Shelf:
    """Records by number."""

    def __init__(self) -> None:
        self._sealed: list[bytes] = []
        self._open = bytearray()
        # of each number its place: 0 = none, else the piece, where in it, and its length + 1; 0 = to the piece's end
        self._places = Pages("Q")

    def put(self, number: int, record: bytes) -> None:
        """Keep a record; the one of that number is this from now on."""
        begin, length = len(self._open), len(record) + 1
        if length > _LONGEST:
            self._seal()  # a piece of its own, the number of which is not 0
            begin, length = 0, 0
        self._places[number] = len(self._sealed) << _PIECE_AT | begin << _BEGIN_AT | length
        self._open += record
        if begin + length >= PIECE or not length:
            self._seal()

    def _seal(self) -> None:
        self._sealed.append(bytes(self._open))
        self._open = bytearray()

    def get(self, number: int) -> bytes | None:
        """The record of that number; None if there is none."""
        place = self._places[number]
        if not place:
            return None
        index, begin, length = place >> _PIECE_AT, place >> _BEGIN_AT & _BEGIN, place & _LONGEST
        piece = self._sealed[index] if index < len(self._sealed) else self._open
        return bytes(piece[begin : begin + length - 1 if length else None])

    def __contains__(self, number: int) -> bool:
        return self._places[number] > 0
