"""`%autoreload 2` and apps: one that was imported by its name becomes what its module says now, as a function does.

autoreload patches what somebody holds of a module's earlier run by a list of rules, one for each kind of object.
"""

from __future__ import annotations

from typing import Any

from IPython.extensions import autoreload

from nbflow.client.app import App

_RULES: list[Any] = autoreload.UPDATE_RULES


def _are_apps(old: object, new: object) -> bool:
    return isinstance(old, App) and isinstance(new, App)


def _become(old: App, new: App) -> None:
    vars(old).update(vars(new))


RULE = (_are_apps, _become)


def install() -> None:
    """Let autoreload know of apps."""
    _RULES.append(RULE)


def remove() -> None:
    """Undo `install`."""
    _RULES.remove(RULE)
