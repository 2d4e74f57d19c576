"""Whether the modules that tasks have imported here are still what their files say.

A module stays imported for as long as the process lives, and whatever was made of it holds what it was: a module that
the user has edited is not put right by importing it anew, but by a worker that has never imported it. So only the
user's own modules are looked at, and only whether they have changed; what follows is the loop's business.
"""

from __future__ import annotations

import os
import sys
import time

from nbflow.values.libraries import is_library

EVERY = 0.002  # seconds between two looks: nobody edits a file and calls what is in it sooner
OTHERS = 10  # times what the processor does for a look that it may take where files are far away
SHARE = 50  # one part in so many of the time is looked for, where there are very many modules


class Modules:
    """Those of this process."""

    def __init__(self) -> None:
        self.due = 0.0  #: when to look again, by the monotonic clock
        self._known = set(sys.modules)  # none of the user's yet
        self._seen: dict[str, tuple[str, int, int]] = {}  # of the user's: file, its time of change, its size

    def edited(self, since: float) -> str:
        """The name of a module whose file has changed since it was imported; "" if there is none.

        `since`: when that was asked last, in seconds since the epoch: what was not seen then was imported later.
        """
        begun, spent = time.monotonic(), time.thread_time()
        found = next((name for name, seen in self._seen.items() if _stat_of(seen[0]) not in (seen, None)), "")
        if len(sys.modules) != len(self._known):
            found = self._learn(since) or found
        now = time.monotonic()
        # most of the time it may have been others' turn on the processor, which does not make it dear
        cost = min(now - begun, OTHERS * (time.thread_time() - spent))
        self.due = now + max(EVERY, cost * SHARE)
        return found

    def _learn(self, since: float) -> str:
        found = ""
        for name, module in list(sys.modules.items()):
            if name in self._known:
                continue
            file = getattr(module, "__file__", None)
            if name == "__main__" or not isinstance(file, str) or is_library(name, file):
                continue
            if (seen := _stat_of(file)) is not None:
                self._seen[name] = seen
                if seen[1] > since * 1e9:  # who knows whether before or after it was imported
                    found = name
        self._known = set(sys.modules)
        return found


def _stat_of(file: str) -> tuple[str, int, int] | None:
    try:
        found = os.stat(file)
    except OSError:  # it is gone, and the module is not
        return None
    return file, found.st_mtime_ns, found.st_size
