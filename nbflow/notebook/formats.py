"""The rich representation of a value, computed where no cell is there to show errors.

IPython's own `display_formatter.format` shows the error of a `_repr_html_` at once, under whatever cell runs, and goes
on; here the error is the caller's. An object that displays itself (`_ipython_display_`) would do so under that cell
as well, so its other representations are taken.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from IPython.core.formatters import BaseFormatter
    from IPython.core.interactiveshell import InteractiveShell

Bundle: TypeAlias = tuple[Mapping[str, Any], Mapping[str, Any]]


def rich(shell: InteractiveShell, value: object) -> Bundle:
    """Data and metadata by MIME type.

    Raises:
        Exception: whatever a representation of the value raises.
    """
    if not _is_figure(value):
        return _rich(shell, value)
    with _drawing:
        _prepare_figure(shell, value)
        return _rich(shell, value)


# a figure is changed while it is drawn, and both a cell and our own thread may want to
_drawing = threading.Lock()


def _rich(shell: InteractiveShell, value: object) -> Bundle:
    formatter = shell.display_formatter
    assert formatter is not None
    data, metadata = _pair(_call(formatter.mimebundle_formatter, value))
    bundle: tuple[dict[str, Any], dict[str, Any]] = dict(data or {}), dict(metadata or {})
    for kind, one in formatter.formatters.items():
        if kind not in bundle[0]:
            data, metadata = _pair(_call(one, value))
            if data is not None:
                bundle[0][kind] = data
            if metadata is not None:
                bundle[1][kind] = metadata
    return bundle


def _call(formatter: BaseFormatter, value: object) -> Any:
    call = type(formatter).__call__
    try:
        # IPython's guard, which shows errors, is a wrapper around the method
        return getattr(call, "__wrapped__", call)(formatter, value)
    except NotImplementedError:
        return None  # the way to say that there is no such representation


def _pair(result: Any) -> tuple[Any, Any]:
    return result if isinstance(result, tuple) and len(result) == 2 else (result, None)


def _is_figure(value: object) -> bool:
    figure = sys.modules.get("matplotlib.figure")
    return figure is not None and isinstance(value, figure.Figure)


def _prepare_figure(shell: InteractiveShell, value: object) -> None:
    """Have a figure of matplotlib's that came out of a task be shown as a picture, and once.

    IPython learns to draw figures when pyplot is imported for the notebook, which may never have happened here. One
    that is open in pyplot would be shown again at the end of the next cell.
    """
    formatter = shell.display_formatter
    assert formatter is not None
    figure = sys.modules["matplotlib.figure"]
    try:
        formatter.formatters["image/png"].lookup_by_type(figure.Figure)
    except KeyError:
        from IPython.core.pylabtools import select_figure_formats

        select_figure_formats(shell, {"png"})  # type: ignore[no-untyped-call]
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(value)
