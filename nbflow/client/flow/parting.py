"""The last words of a program that ends while tasks have not.

In a notebook it is the kernel that ends. What is written to its `sys.stderr` then goes to pages that do not listen any
more; the standard error that it was started with is a terminal, or the log of whoever runs the notebook.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from nbflow.legible import shorten

if TYPE_CHECKING:
    from nbflow.client.calls import Calls

MOST_NAMED = 5
"""Apps that are named."""

_notebook = False  # this process is a notebook's kernel


def in_notebook(is_one: bool) -> None:
    """Say whether this process is a notebook's kernel."""
    global _notebook
    _notebook = is_one


def unended(calls: Calls) -> Counter[str]:
    """How many tasks, or items of sweeps, of each app have not ended."""
    sweeps = calls.sweeps.copy()
    theirs = {task for sweep in sweeps for task in sweep.tasks}
    pending = calls.pending.copy()
    counts = Counter(future.app_name for task, future in pending.items() if task not in theirs)
    for sweep in sweeps:
        counts[sweep.app_name] += sweep.left
    return +counts


def words(counts: Counter[str]) -> str:
    """What is to be said where a program ends with so many tasks under way; one line."""
    total = sum(counts.values())
    named = ", ".join(f"{count} `{shorten(app)}`" for app, count in counts.most_common(MOST_NAMED))
    if len(counts) > MOST_NAMED:
        named += f" and more of {len(counts) - MOST_NAMED} other apps"
    what, advice = (
        ("kernel", "`%nbflow wait` as the last cell waits for them")
        if _notebook
        else ("program", "nbflow.wait_for_current_tasks() waits for them")
    )
    which = f"{total} tasks have" if total > 1 else "1 task has"
    return f"nbflow: the {what} ends while {which} not ({named}); {'they are' if total > 1 else 'it is'} lost. {advice}"


def say(counts: Counter[str]) -> None:
    """Write these words to standard error, if there is anything to say and anybody to say it to."""
    if not counts:
        return
    text = words(counts)
    with suppress(OSError, ValueError):  # nobody can hear it
        if _notebook:
            os.write(2, f"{text}\n".encode(errors="replace"))
        elif sys.stderr is not None:
            print(text, file=sys.stderr)
