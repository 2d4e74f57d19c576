"""Which tasks the words behind a command mean, and how tasks are named in what it prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from IPython.core.error import UsageError

from nbflow.legible import nearest, shorten
from nbflow.numbers import name_of, number_of

MOST_TOLD = 5  # tasks named one by one in a message


def chosen(known: Mapping[int, str], of_apps: Mapping[int, str], words: Sequence[str]) -> list[int]:
    """The tasks that the words name: one by its number, and by an app's name all of its tasks in `of_apps`.

    Both are numbers and the names of their apps. Raises UsageError at a word that names neither.
    """
    found: list[int] = []
    for word in " ".join(words).replace(",", " ").split():
        if (number := number_of(word)) is not None and number in known:
            found.append(number)
        elif word in known.values():
            found += [number for number, app in of_apps.items() if app == word]
        else:
            raise UsageError(unknown(word, known))
    return list(dict.fromkeys(found))


def unknown(word: str, known: Mapping[int, str]) -> str:
    """What to say of a word that names no task."""
    apps = sorted(set(known.values()))
    if near := nearest(word, apps):
        return f"there is no task or app {word!r}; did you mean {near!r}?"
    if not known:
        return f"there is no task {word!r}: nothing has been called yet"
    last = name_of(list(known)[-1])
    named = shorten(", ".join(apps), 500)
    return f"there is no task or app {word!r}; the last task is {last}, apps are {named}"


def listed(numbers: Sequence[int], known: Mapping[int, str]) -> str:
    """The tasks by number and app, the first `MOST_TOLD` of them."""
    told = ", ".join(f"{name_of(number)} `{shorten(known[number])}`" for number in numbers[:MOST_TOLD])
    more = f" and {len(numbers) - MOST_TOLD} more" if len(numbers) > MOST_TOLD else ""
    return f"{'tasks' if len(numbers) > 1 else 'task'} {told}{more}"
