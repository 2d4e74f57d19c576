"""How long apps took in earlier flows: a small file of the user's, for the estimate of the time that is left.

`$XDG_STATE_HOME/nbflow/durations.json`, readable by the user alone: names of apps, how many calls were measured and
how long they took on average; nothing of arguments or values. It is bounded: what was not used for longest goes first.
A damaged file, or one that others could change, is ignored. With `NBFLOW_REMEMBER_DURATIONS=0` in the environment it is
neither read nor written.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from nbflow import private
from nbflow.errors import NotPrivate
from nbflow.notebook.estimate import Pace

log = logging.getLogger(__name__)

SWITCH = "NBFLOW_REMEMBER_DURATIONS"
MOST_APPS = 500
MOST_BYTES = 200_000
WEIGHT = 50
"""Earlier calls count as at most so many: what an app does changes."""
_LONGEST_NAME = 200
_FILE = "durations.json"


def recall() -> dict[str, Pace]:
    """What is known of earlier flows, by the app's name, the latest used last; empty where there is nothing."""
    if not _wanted():
        return {}
    try:
        fd = private.open_private(os.path.join(private.state_directory(), _FILE), os.O_RDONLY)
        with open(fd, "rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            return {}
        found = msgspec.json.decode(text, type=dict[str, Pace])
    except FileNotFoundError:
        return {}
    except (NotPrivate, OSError, msgspec.MsgspecError, UnicodeError) as error:
        log.debug("durations of earlier flows are not known: %s", error)
        return {}
    return {app: pace for app, pace in found.items() if _sound(pace)}


def remember(here: Mapping[str, Pace]) -> None:
    """Add what a flow has measured. Never raises: it is a convenience."""
    if not here or not _wanted():
        return
    try:
        known = recall()  # as it is now: another flow may have ended meanwhile
        for app, pace in here.items():
            if len(app) > _LONGEST_NAME or not _sound(pace):
                continue
            old = known.pop(app, None)
            merged = Pace(min(old.count, WEIGHT), old.mean) if old is not None else Pace(0, 0.0)
            merged.add(pace.count * pace.mean, int(pace.count))
            merged.count = min(merged.count, WEIGHT)
            known[app] = merged
        _write(dict(list(known.items())[-MOST_APPS:]))
    except (NotPrivate, OSError, UnicodeError) as error:
        log.debug("durations were not kept: %s", error)


def _write(known: Mapping[str, Pace]) -> None:
    """Whole or not at all."""
    path = os.path.join(private.state_directory(), _FILE)
    made = f"{path}.{os.getpid()}-{os.urandom(4).hex()}"
    try:
        with open(made, "xb", opener=private.opener) as file:
            file.write(msgspec.json.encode(known))
        os.replace(made, path)
    finally:
        with suppress(OSError):
            os.unlink(made)


def _sound(pace: Pace) -> bool:
    return 0 < pace.count < 1e12 and 0 <= pace.mean < 1e9 and math.isfinite(pace.count)


def _wanted() -> bool:
    return os.environ.get(SWITCH, "") != "0"
