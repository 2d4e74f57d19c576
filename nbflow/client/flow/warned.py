"""What the user is to be warned of: at the line of theirs that led to it, or where it came from afar, without one."""

from __future__ import annotations

import logging
import sys
import warnings

from nbflow.legible import legible
from nbflow.values.traces import OWN

log = logging.getLogger(__name__)


def warn(text: str) -> None:
    """Warn of what the user's own line has led to.

    Raises:
        UserWarning: the user has asked for warnings to be errors.
    """
    level = 2
    while (frame := _frame(level)) and frame.startswith(OWN):
        level += 1
    warnings.warn(_told(text), UserWarning, stacklevel=level)


def _told(text: str) -> str:
    """It goes to a terminal, and the directories that it names may have come with somebody's notebook."""
    return f"nbflow: {legible(text)}"


def _frame(level: int) -> str:
    """The file of the function that a level of the stack stands for, as the caller counts; "" if there is none."""
    try:
        return sys._getframe(level).f_code.co_filename
    except ValueError:
        return ""


def warn_from_afar(text: str) -> None:
    """Warn of what another process has found. Never raises: no line of the user's waits for it."""
    try:
        warnings.warn(_told(text), UserWarning, stacklevel=1)
    except UserWarning:
        log.warning("%s", text)
