"""A task's value as its panel shows it when somebody asks: a picture, tables, or text.

Pictures go into the page as images, which run nothing and fetch nothing. Of HTML the page gets the tables, and of those
the text of their cells (`richtables`): whatever frame HTML itself were put into, what it names elsewhere would be
fetched. All else is text.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from IPython.core.getipython import get_ipython

from nbflow.legible import shorten
from nbflow.notebook.formats import rich
from nbflow.notebook.richtables import tables_of
from nbflow.notebook.text import plain
from nbflow.sizes import in_words

MOST_PICTURE = 4_000_000  # characters of a picture, as it travels
MOST_TEXT = 40_000  # characters
MOST_HTML = 1_000_000  # characters
PICTURES = ("image/png", "image/svg+xml")
TABLES = "text/html"


class Shown(NamedTuple):
    """What is shown, by its MIME type.

    One of `PICTURES`, and `data` its bytes in base 64; `TABLES`, and `data` a `richtables.Tables` as it travels; or
    text/plain, and `data` a text.
    """

    kind: str
    data: Any


def shown(value: object) -> Shown:
    """A value as IPython shows it. Runs the user's code: not to be called where that would be in the way.

    Raises:
        Exception: whatever a representation of the value raises.
    """
    shell = get_ipython()
    data: Mapping[str, Any] = {"text/plain": repr(value)} if shell is None else rich(shell, value)[0]
    for kind in PICTURES:
        if data.get(kind) is not None:
            picture = _in_base_64(data[kind], kind)
            if picture is None:
                continue
            if len(picture) > MOST_PICTURE:
                return Shown(
                    "text/plain", f"a picture of {in_words(len(picture))}, too large to be shown here"
                )
            return Shown(kind, picture)
    text = plain(str(data.get("text/plain", "")))
    if len(text) > MOST_TEXT:
        text = f"{text[:MOST_TEXT]}\n... {len(text) - MOST_TEXT} characters left out ..."
    drawn = data.get(TABLES)
    if isinstance(drawn, str) and len(drawn) <= MOST_HTML and (tables := tables_of(drawn)) is not None:
        return Shown(TABLES, msgspec.to_builtins(tables))
    return Shown("text/plain", text)


def refused(error: BaseException) -> Shown:
    """Why a value is not shown."""
    return Shown("text/plain", f"It cannot be shown: {shorten(f'{type(error).__name__}: {error}', 500)}")


def _in_base_64(data: Any, kind: str) -> str | None:
    """A picture's bytes; None for what is none."""
    if isinstance(data, str) and kind == "image/svg+xml":
        data = data.encode(errors="replace")
    if isinstance(data, str):  # IPython's formatters may have made base 64 of it
        try:
            data = base64.b64decode(data, validate=False)
        except (binascii.Error, ValueError):
            return None
    return base64.b64encode(data).decode() if isinstance(data, (bytes, bytearray)) else None
