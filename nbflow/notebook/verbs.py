"""What a page may say to Python: a fixed list of verbs, some with a task. Everything else is not heard.

Pure. A page's message is untrusted: it is copied field by field into a `Said`, or dropped.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LONGEST_KEY = 40


class Verb(str, enum.Enum):
    """`READY`: a view has been drawn. `BUSY`, `IDLE`: it is in use, or no longer. The others are acts of the user."""

    READY = "ready"
    BUSY = "busy"
    IDLE = "idle"
    INSPECT = "inspect"
    CLOSE = "close"
    CANCEL = "cancel"


WITH_TASK = frozenset({Verb.INSPECT, Verb.CANCEL})


@dataclass(frozen=True, slots=True)
class Said:
    """A message that was understood. `key` is given back to the page to say that it has arrived."""

    verb: Verb
    key: str
    task: int = 0


def understand(content: object, buffers: Sequence[object] | None) -> Said | None:
    """The message, or None for one that no page of ours sends: unknown, malformed or oversized."""
    if not isinstance(content, Mapping) or len(content) > 3 or buffers:
        return None
    key, task = content.get("key"), content.get("task", 0)
    try:
        verb = Verb(content.get("verb"))
    except ValueError:
        return None
    if not isinstance(key, str) or len(key) > _LONGEST_KEY:
        return None
    if not isinstance(task, int) or isinstance(task, bool) or (verb in WITH_TASK) != ("task" in content):
        return None
    return Said(verb, key, task)
