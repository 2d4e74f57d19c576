"""A cell that runs as a task: its code, executed in a namespace of its own that holds what the cell reads."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from types import CodeType, FunctionType
from typing import Any

from nbflow.client.tasks.running import awaited
from nbflow.notebook.task.displays import close_figure, collected, display, show_figures
from nbflow.notebook.task.value import NOTHING, CellValue

LAST = "__nbflow_last__"
"""The name to which the cell's last expression is assigned."""


class Cell:
    """What runs on the worker: called with the values of the names that the cell reads, it gives a `CellValue`.

    `code` is that of the cell as a module; `reads` are the names of the values, `binds` those whose values are wanted.
    """

    def __init__(self, code: CodeType, reads: Sequence[str], binds: Sequence[str]) -> None:
        # as of a function around another one: tracebacks begin with it, and its source is what people are shown
        self.__wrapped__ = FunctionType(code, {"__name__": "__main__"}, "cell")
        self.__wrapped__.__module__ = "__main__"
        self._reads = tuple(reads)
        self._binds = tuple(binds)

    def __call__(self, *values: Any) -> CellValue:
        code = self.__wrapped__.__code__
        space: dict[str, Any] = {
            "__name__": "__main__",
            "__builtins__": builtins,
            "display": display,
            "get_ipython": _no_shell,
            **dict(zip(self._reads, values, strict=True)),
        }
        with collected(any("IPython" in name for name in _names_in(code))) as shown:
            try:
                awaited(FunctionType(code, space)())
                value = space.pop(LAST, None)
                close_figure(value)  # it is shown as the value, and not a second time
                show_figures()
            except BaseException as error:
                show_figures()
                shown.attach(error)
                raise
        bound = {name: space[name] for name in self._binds if name in space}
        return CellValue(bound, NOTHING if value is None else value, shown.displays)


def _no_shell() -> None:
    """As IPython's own gives None outside of a notebook."""


def _names_in(code: CodeType) -> Iterable[str]:
    """All names in the code and the code within it."""
    pending = [code]
    while pending:
        code = pending.pop()
        yield from code.co_names
        pending += (constant for constant in code.co_consts if isinstance(constant, CodeType))
