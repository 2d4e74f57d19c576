"""What a cell displays while it runs as a task: figures of matplotlib, and whatever `display(...)` is given.

There is no IPython in a worker, so an object is asked here for what IPython would ask it for: `_repr_mimebundle_`, then
`_repr_html_` and its like. Figures that are open at the end of the cell are shown and closed, as in a notebook.
"""

from __future__ import annotations

import base64
import builtins
import importlib
import io
import os
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from nbflow.errors import describe
from nbflow.legible import shorten
from nbflow.notebook.task.value import Bundle, Displayed
from nbflow.values.traces import VARIABLES

REPRESENTATIONS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_latex_": "text/latex",
    "_repr_json_": "application/json",
    "_repr_javascript_": "application/javascript",
}
BACKEND = "module://nbflow.notebook.task.figures"
LONGEST = 100_000  # characters of a plain text
MOST = 1000  # displays of one cell
ATTACHED = "_nbflow_shown"
"""Where an error of the cell carries what was displayed before it."""
MOST_ATTACHED = 500_000  # characters: a larger error would not travel as itself

_here = threading.local()  # .shown: of the cell that the thread runs


class Shown:
    """What one cell has displayed. `apart`: what it prints goes to a file of its own."""

    def __init__(self, apart: bool) -> None:
        self._displays: list[Displayed] = []
        self._left_out = 0
        self.apart = apart

    def add(self, bundle: Bundle) -> None:
        """One more, under the others."""
        if len(self._displays) < MOST:
            self._displays.append(Displayed(bundle, _printed() if self.apart else -1))
        else:
            self._left_out += 1

    @property
    def displays(self) -> list[Displayed]:
        """All there is to be shown."""
        if not self._left_out:
            return self._displays
        rest = {
            "text/plain": f"... {self._left_out} more displays are left out: {MOST} of a cell are shown ..."
        }
        return [*self._displays, Displayed((rest, {}))]

    def attach(self, error: BaseException) -> None:
        """Have an error carry along what was displayed before it, as far as it is small."""
        kept: list[Displayed] = []
        room = MOST_ATTACHED
        for display in self.displays:
            room -= sum(len(text) for text in display.bundle[0].values() if isinstance(text, str))
            if room > 0:
                kept.append(display)
        if kept:
            VARIABLES.__get__(error)[ATTACHED] = kept


def _printed() -> int:
    """How many bytes the worker's task has printed up to now: its standard output is a file that begins with it."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
        found = os.fstat(1)
    except (
        OSError,
        ValueError,
        AttributeError,
    ):
        # the cell has closed one of them, or put something else there
        return -1
    return found.st_size if stat.S_ISREG(found.st_mode) else -1


def attached(error: BaseException) -> list[Displayed]:
    """What a cell had displayed before it raised this."""
    found: list[Displayed] = VARIABLES.__get__(error).get(ATTACHED, [])
    return found


def display(*objects: Any, raw: bool = False, metadata: Any = None, **_: Any) -> None:
    """Display objects under the cell whose task calls this; as IPython's, whose other options mean nothing here."""
    shown: Shown | None = getattr(_here, "shown", None)
    for one in objects:
        if shown is None:
            print(one)
        elif raw:
            shown.add((dict(one), dict(metadata or {})))
        else:
            shown.add(bundle_of(one))
            close_figure(one)


def bundle_of(value: Any) -> Bundle:
    """How a value shows itself. A representation that raises is left out, and said in the plain text."""
    data: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    faults: list[str] = []
    if _is_figure(value):
        data["image/png"] = base64.b64encode(_png_of(value)).decode()
    for name, kind in {"_repr_mimebundle_": "", **REPRESENTATIONS}.items():
        method = getattr(type(value), name, None)
        if method is None or kind in data:
            continue
        try:
            given, about = _pair(method(value))
        except NotImplementedError:
            continue
        except Exception as error:
            faults.append(describe(error))
            continue
        if not kind:
            data.update(given or {})
            metadata.update(about or {})
        elif given is not None:
            data[kind] = base64.b64encode(given).decode() if isinstance(given, bytes) else given
            if about is not None:
                metadata[kind] = about
    if "text/plain" not in data:
        data["text/plain"] = "\n".join([_plain(value), *faults])
    return data, metadata


def _pair(given: Any) -> tuple[Any, Any]:
    return given if isinstance(given, tuple) and len(given) == 2 else (given, None)


def _plain(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}, whose text cannot be made: {describe(error)}>"
    return text if len(text) <= LONGEST else shorten(text, LONGEST)


# ---------------------------------------------------------------- figures


def _pyplot() -> Any:
    return sys.modules.get("matplotlib.pyplot")


def _is_figure(value: Any) -> bool:
    figure = sys.modules.get("matplotlib.figure")
    return figure is not None and isinstance(value, figure.Figure)


def _png_of(figure: Any) -> bytes:
    with io.BytesIO() as file:
        figure.savefig(file, format="png", bbox_inches="tight")
        return file.getvalue()


def close_figure(value: Any) -> None:
    """A figure that is shown is not shown again at the end of the cell."""
    if (pyplot := _pyplot()) is not None and _is_figure(value):
        pyplot.close(value)


def show_figures() -> None:
    """Show what is open, and close it; what `pyplot.show()` does in a task.

    On a thread of the user's process they may be the notebook's: there a figure is shown by `display`.
    """
    pyplot, shown = _pyplot(), getattr(_here, "shown", None)
    if pyplot is None or shown is None or not shown.apart:
        return
    for number in pyplot.get_fignums():
        figure = pyplot.figure(number)
        if figure.axes or figure.texts:
            shown.add(bundle_of(figure))
        pyplot.close(figure)


def _use_backend() -> None:
    """Draw for this module from here on; figures that an earlier task left open are none of this one's."""
    os.environ["MPLBACKEND"] = BACKEND  # put back behind the task, with all its environment
    if (matplotlib := sys.modules.get("matplotlib")) is not None:
        matplotlib.use(BACKEND)
    if (pyplot := _pyplot()) is not None:
        pyplot.close("all")


# ---------------------------------------------------------------- a cell


@contextmanager
def collected(uses_ipython: bool) -> Iterator[Shown]:
    """While it is entered, what is displayed is collected.

    `uses_ipython`: the cell may import IPython's own `display`, which would find no notebook.
    """
    # on a thread of the user's process, all that belongs to the process is the notebook's
    apart = threading.current_thread() is threading.main_thread()
    shown = _here.shown = Shown(apart)
    builtins_had = getattr(builtins, "display", None)
    replaced: list[tuple[Any, Any]] = []
    if apart:
        _use_backend()
        vars(builtins)["display"] = display  # as IPython does, for functions
        if uses_ipython:
            replaced = _replace_ipythons()
    try:
        yield shown
    finally:
        del _here.shown
        if apart:
            for module, original in replaced:
                vars(module)["display"] = original
            if builtins_had is None:
                delattr(builtins, "display")
            else:
                vars(builtins)["display"] = builtins_had


def _replace_ipythons() -> list[tuple[Any, Any]]:
    """Put ours in the place of IPython's, which the cell is about to import; (module, what it had)."""
    replaced = []
    for name in ("IPython.core.display_functions", "IPython.display"):
        with suppress(ImportError):
            module = importlib.import_module(name)
            replaced.append((module, vars(module)["display"]))
            vars(module)["display"] = display
    return replaced
