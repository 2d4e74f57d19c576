"""Whether anybody looks at the notebook while it runs: a page, or nobody (a head-less run).

A head-less run (nbclient, and with it papermill and `nbconvert --execute`) says with each cell that it answers no
questions. Voilà says so too, and has a page all the same. `NBFLOW_NONINTERACTIVE` has the last word: 1 says that nobody
looks, 0 that somebody does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from nbflow.errors import ConfigurationError

VARIABLE = "NBFLOW_NONINTERACTIVE"


def said() -> bool | None:
    """Whether somebody looks, as the environment says; None where it says nothing.

    Raises ConfigurationError where it says anything but 0 or 1.
    """
    value = os.environ.get(VARIABLE, "")
    if value not in ("", "0", "1"):
        raise ConfigurationError(
            f"{VARIABLE} is {value!r}; allowed are 1 (nobody looks: text and still pictures), "
            "0 (a page may look) and nothing (nbflow finds out)"
        )
    return value == "0" if value else None


def answers(request: Mapping[str, Any]) -> bool:
    """Whether a person may be behind this request to run a cell: head-less runs say that nobody is."""
    return bool(request.get("content", {}).get("allow_stdin", True))


def expected(request: Mapping[str, Any]) -> bool:
    """Whether a page may show what the cell of this request displays, live.

    Raises ConfigurationError as `said` does.
    """
    looks = said()
    if looks is not None:
        return looks
    return answers(request) or os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")
