"""`%load_ext nbflow`: what nbflow adds to an IPython shell, and how it goes again.

magics        %%app, %nbflow, and %flow where no magic of that name exists
lines         under a cell that submits tasks, how they stand
displays      a future at the end of a cell is a card; errors of tasks begin with the user's own line
completion    behind the magics
names         nbflow, python_app, bash_app, join_app and File, where they are free
flow          the first call of an app starts the default flow
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbflow
from nbflow.client import awaiting
from nbflow.client.app import bash_app, join_app, python_app
from nbflow.client.datafuture import DataFuture
from nbflow.client.flow import parting
from nbflow.client.flow.loading import start_on_first_call
from nbflow.client.future import AppFuture
from nbflow.client.sweeps.sweep import Sweep
from nbflow.files import File
from nbflow.notebook import audience, reloading
from nbflow.notebook.completion import matcher
from nbflow.notebook.display import Cards
from nbflow.notebook.errors import TaskErrors
from nbflow.notebook.interrupts import Interrupts
from nbflow.notebook.lines import Lines
from nbflow.notebook.magics import FlowMagics
from nbflow.notebook.places import Places
from nbflow.notebook.running import TaskCells
from nbflow.notebook.task.future import NameFuture
from nbflow.notebook.tools import Tools

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

NAMES: dict[str, Any] = {
    "nbflow": nbflow,
    "python_app": python_app,
    "bash_app": bash_app,
    "join_app": join_app,
    "File": File,
}
ALIAS = "flow"
PROMISES = (AppFuture, DataFuture, NameFuture)


class Extension:
    """All that is added to one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        assert shell.display_formatter is not None
        self._shell = shell
        self._displays = shell.display_formatter.ipython_display_formatter
        self._places = Places(shell)
        self._errors = TaskErrors(shell, self._places)
        self._cards = Cards(shell, self._errors)
        self._cells = TaskCells(shell, self._cards)
        self._lines = Lines(shell, self._cells.has_run)
        self._interrupts = Interrupts()
        self._magics = FlowMagics(
            Tools(shell, self._places, self._errors, self._cards, self._cells, self._lines)
        )
        self._matcher = matcher(self._magics.app.parser, [f"%{ALIAS}"])

    def load(self) -> None:
        """Add it.

        Raises ConfigurationError where the environment says something else than it may.
        """
        audience.said()
        lines = self._shell.magics_manager.magics["line"]
        self._shell.register_magics(self._magics)
        if ALIAS not in lines:
            lines[ALIAS] = self._magics.nbflow
        if self._shell.Completer is not None:
            self._shell.Completer.custom_matchers.append(self._matcher)
        for promise in PROMISES:
            self._displays.for_type(promise, self._cards.show)
        self._displays.for_type(Sweep, self._cards.sweeps.show)
        self._shell.events.register("pre_run_cell", self._cells.before_cell)
        self._shell.events.register("post_run_cell", self._cells.after_cell)
        self._shell.events.register("pre_run_cell", self._interrupts.before_cell)
        self._shell.events.register("post_run_cell", self._interrupts.after_cell)
        awaiting.tell_interrupts_by(self._interrupts.came)
        self._places.install()
        self._errors.install()
        self._lines.install()
        reloading.install()
        for name, value in NAMES.items():
            if name not in self._shell.user_ns:
                self._shell.user_ns[name] = value
                self._shell.user_ns_hidden[name] = value  # %who does not count them among the user's own
        start_on_first_call(True)
        parting.in_notebook(hasattr(self._shell, "kernel"))

    def unload(self) -> None:
        """Take it away again; the flow goes on, and apps stay apps."""
        start_on_first_call(False)
        parting.in_notebook(False)
        for kind in ("line", "cell"):
            magics = self._shell.magics_manager.magics[kind]
            ours = [
                name
                for name, function in magics.items()
                if getattr(function, "__self__", None) is self._magics
            ]
            for name in ours:
                del magics[name]
        if self._shell.Completer is not None:
            self._shell.Completer.custom_matchers.remove(self._matcher)
        for promise in (*PROMISES, Sweep):
            self._displays.pop(promise, None)
        self._shell.events.unregister("pre_run_cell", self._cells.before_cell)
        self._shell.events.unregister("post_run_cell", self._cells.after_cell)
        self._shell.events.unregister("pre_run_cell", self._interrupts.before_cell)
        self._shell.events.unregister("post_run_cell", self._interrupts.after_cell)
        awaiting.tell_interrupts_by(bool)
        self._interrupts.after_cell()
        self._lines.remove()
        reloading.remove()
        self._errors.remove()
        self._places.remove()
        self._cards.close()
        for name, value in NAMES.items():
            if name in self._shell.user_ns_hidden and self._shell.user_ns.get(name) is value:
                del self._shell.user_ns[name], self._shell.user_ns_hidden[name]


_loaded: dict[InteractiveShell, Extension] = {}


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add nbflow to an IPython shell; does nothing where it has been added."""
    if shell not in _loaded:
        _loaded[shell] = Extension(shell)
        _loaded[shell].load()


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take nbflow out of an IPython shell; does nothing where it has not been added."""
    if (extension := _loaded.pop(shell, None)) is not None:
        extension.unload()
