"""What a page may say to Python: a fixed list of verbs, some with a task or several. Everything else is not heard.

Pure. A page's message is untrusted: it is copied field by field into a `Said`, or dropped. No path, name or expression
is ever taken from it; a task is a number, which whoever acts looks up among those that the page was shown; a choice is
one of a fixed list; the text that is looked for is compared with what the page shows, and goes nowhere else.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from nbflow.notebook.exporting import EXPORTED
from nbflow.notebook.fold import LAYOUTS

_FIELDS = frozenset({"verb", "key", "task", "tasks", "word"})
MOST_TASKS = 100_000
"""No selection of more tasks is heard."""
_LONGEST_KEY = 40
_LARGEST_TASK = 2**64
LONGEST_TEXT = 100
"""Characters of a text that is looked for."""


class Verb(str, enum.Enum):
    """`READY`: a view has been drawn. `BUSY`, `IDLE`: it is in use, or no longer.

    `COLUMNS`, `PATH`: it shows what needs the columns of all tasks, the critical path; said again and again while it
    does. The others are acts of the user; `RETRY_ALL`: with all that was not run because of the tasks.
    """

    READY = "ready"
    BUSY = "busy"
    IDLE = "idle"
    GRAPH = "graph"
    INSPECT = "inspect"
    CLOSE = "close"
    CANCEL = "cancel"
    RESULT = "result"
    RETRY = "retry"
    RETRY_ALL = "retry_all"
    LAYOUT = "layout"
    FIND = "find"
    EXPORT = "export"
    COLUMNS = "columns"
    PATH = "path"


SHOWS = frozenset({Verb.COLUMNS, Verb.PATH})
"""Said by a page that is open, whether somebody looks at it or not."""
WITH_TASK = frozenset({Verb.INSPECT, Verb.RESULT})
WITH_TASKS = frozenset({Verb.CANCEL, Verb.RETRY, Verb.RETRY_ALL})
CHOICES: Mapping[Verb, tuple[str, ...]] = {Verb.LAYOUT: LAYOUTS, Verb.EXPORT: EXPORTED}
"""The words that such a verb may have; the word of `FIND` is any text."""
WITH_WORD = frozenset({*CHOICES, Verb.FIND})
_VERBS: Mapping[str, Verb] = {verb.value: verb for verb in Verb}


@dataclass(frozen=True, slots=True)
class Said:
    """A message that was understood. `key` is given back to the page to say that it has arrived."""

    verb: Verb
    key: str
    task: int = 0
    word: str = ""
    tasks: tuple[int, ...] = ()


def understand(content: object, buffers: Sequence[object] | None) -> Said | None:
    """The message, or None for one that no page of ours sends: unknown, malformed or oversized. Never raises."""
    if not isinstance(content, Mapping) or buffers or not content.keys() <= _FIELDS:
        return None
    said, key, task = content.get("verb"), content.get("key"), content.get("task", 0)
    verb = _VERBS.get(said) if isinstance(said, str) else None
    # The key goes back to the page, so that it must be text that can travel.
    if verb is None or not isinstance(key, str) or len(key) > _LONGEST_KEY or not key.isascii():
        return None
    if not _is_task(task) or (verb in WITH_TASK) != ("task" in content):
        return None
    tasks = content.get("tasks", [])
    if (verb in WITH_TASKS) != ("tasks" in content) or not _is_selection(tasks, empty=verb not in WITH_TASKS):
        return None
    word = content.get("word", "")
    if (verb in WITH_WORD) != ("word" in content) or not isinstance(word, str) or not _allowed(verb, word):
        return None
    return Said(verb, key, task, word, tuple(dict.fromkeys(tasks)))


def _is_selection(tasks: object, *, empty: bool) -> TypeGuard[list[int]]:
    return (
        isinstance(tasks, list)
        and (empty or bool(tasks))
        and len(tasks) <= MOST_TASKS
        and all(map(_is_task, tasks))
    )


def _is_task(number: object) -> bool:
    return type(number) is int and 0 <= number < _LARGEST_TASK


def _allowed(verb: Verb, word: str) -> bool:
    if verb in CHOICES:
        return word in CHOICES[verb]
    # It goes back to the page, as the key does; half a character cannot travel.
    return len(word) <= LONGEST_TEXT and not any("\ud800" <= character <= "\udfff" for character in word)
