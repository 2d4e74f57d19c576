"""Text of others on its way to people: what may stand in a line of a terminal, a log or a page, or in a file's name.

Whatever a user, a task or an exception wrote can hold characters that are no text: a terminal obeys them, XML and UTF-8
refuse them, they forge lines or turn the direction of what stands around them. Everybody who shows such a text shows
what these functions make of it; markup is made of that by `nbflow.notebook.text.escape`, and nowhere else.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

LONGEST = 200
"""Characters of a name, and of other texts that have one line to themselves."""
LONGEST_NAME = 180  # bytes of what becomes part of a file's name, which systems allow 255

# Colours, moves of the cursor, titles, links: whole sequences only, so that one left open swallows nothing.
_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])"
)
# Controls but tab and newline; separators of lines; what turns the direction; what neither UTF-8 nor XML can hold.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_STAND_INS = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}


def legible(text: str) -> str:
    r"""`text` without terminal codes; a control character in it is shown as its sign, others as the sign for unknown.

    Newlines and tabs stay.

    >>> legible("\x1b[31mred\x1b[0m\x00\u202e")
    'red␀�'
    """
    if text.isprintable():  # nearly all of them
        return text
    text = _SEQUENCE.sub("", text) if "\x1b" in text else text
    return _UNSAFE.sub(_stand_in, text.replace("\r\n", "\n"))


def shorten(text: str, longest: int = LONGEST) -> str:
    """`text` made legible, on one line of at most `longest` characters; an ellipsis tells that something is cut off.

    >>> shorten("one  two three", 8)
    'one two…'
    """
    if len(text) <= longest and text.isprintable():
        return text
    text = " ".join(legible(text[: 4 * longest + 4]).split())
    return text if len(text) <= longest else text[: max(longest - 1, 0)].rstrip() + "…"


def nearest(word: str, known: Iterable[str]) -> str:
    """The one of these that a word is likely to be meant for: it begins so, or is spelt nearly so; "" if none is.

    >>> nearest("stat", ["start", "status"])
    'status'
    """
    words = list(known)
    begin = [one for one in words if len(word) > 1 and one.startswith(word)]
    near = difflib.get_close_matches(word[:LONGEST], words, 1)
    return begin[0] if len(begin) == 1 else near[0] if near else ""


def for_path(text: str) -> str:
    """`text` as a part of a file's name: letters, digits and "-_." alone, the others as "_"; may be empty, or dots.

    >>> for_path("../a b")
    '.._a_b'
    """
    kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in text[:LONGEST_NAME])
    return kept.encode()[:LONGEST_NAME].decode(errors="ignore")


def _stand_in(found: re.Match[str]) -> str:
    return _STAND_INS.get(ord(found[0]), "\ufffd")
