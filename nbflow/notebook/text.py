"""Text on its way into HTML, SVG and tables: the one place where it is escaped and measured.

Whatever a user, a task or an exception wrote is text here and stays text: no function of this module returns markup.
What of it can be shown at all is `nbflow.legible`'s subject.
"""

from __future__ import annotations

import html
import re

from nbflow.legible import legible

# Widths in ems of a wide interface font, so that a text that fits by this measure fits in any usual one.
_NARROW, _COMMON, _BROAD = 0.39, 0.64, 0.98
_NARROW_CHARACTERS = frozenset(" !'(),./:;I[]fijlrt|`·")
_BROAD_CHARACTERS = frozenset("%@MWmw…")
_BOLD = 1.1
# More marks on one letter than any language has: they would stand in what is above and below.
_PILED = re.compile(r"([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3})"
                    r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")  # fmt: skip


def escape(text: str) -> str:
    """`text` for an HTML or SVG element or a quoted attribute: made legible, and escaped.

    >>> escape('<b a="1">&')
    '&lt;b a=&quot;1&quot;&gt;&amp;'
    """
    return html.escape(legible(text), quote=True)


LEFT_OUT = "... the beginning is left out ..."
"""The first line of what is shown from its middle on."""


def plain(text: str) -> str:
    """What was written for a terminal, made legible; of a line rewritten by carriage returns, its last writing."""
    if "\r" in text:
        lines = text.replace("\r\n", "\n").split("\n")
        text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)
    return legible(text)


def width(text: str, size: float, *, bold: bool = False) -> float:
    """At most so many pixels wide is `text`, set in `size` pixels."""
    ems = 0.0
    for character in text:
        if character in _NARROW_CHARACTERS:
            ems += _NARROW
        elif character in _BROAD_CHARACTERS or ord(character) >= 0x1100:
            ems += _BROAD
        else:
            ems += _COMMON
    return ems * size * (_BOLD if bold else 1.0)


def fit(text: str, pixels: float, size: float, *, bold: bool = False) -> str:
    """`text` on one line, cut by an ellipsis so that it takes at most `pixels` where it is set in `size` pixels."""
    line = " ".join(_PILED.sub(r"\1", text).split())
    if width(line, size, bold=bold) <= pixels:
        return line
    low, high = 0, len(line)
    while low < high:
        middle = (low + high + 1) // 2
        if width(line[:middle].rstrip() + "…", size, bold=bold) <= pixels:
            low = middle
        else:
            high = middle - 1
    return line[:low].rstrip() + "…"


def seconds(span: float) -> str:
    """A length of time for people: "0.31 s", "12 s", "1 min 12 s", "2 h 5 min".

    The page has the same function; `tests/notebook/cases/seconds.json` holds both to the same answers.
    """
    if span < 0.995:
        return f"{max(0, int(span * 100 + 0.5)) / 100:.2f} s"
    if span < 9.95:
        return f"{int(span * 10 + 0.5) / 10:.1f} s"
    whole = int(span + 0.5)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
