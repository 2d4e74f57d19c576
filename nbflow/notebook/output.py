"""One place under a cell, displayed once and replaced later, from any thread."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbflow.notebook import audience

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class Output:
    """A display of its own in a cell that runs now."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._display_id = uuid.uuid4().hex
        self._kernel: Any = getattr(shell, "kernel", None)  # None in a terminal
        self._parent: Mapping[str, Any] = shell.get_parent() if self._kernel is not None else {}  # type: ignore[attr-defined]

    def show(self, data: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Display a bundle of representations here."""
        self._shell.display_pub.publish(data, metadata, transient={"display_id": self._display_id})

    def replace(self, data: Mapping[str, Any], *, here: bool) -> None:
        """Show this bundle instead.

        `here`: as a part of the cell that runs now. A head-less run takes in nothing else; a front end finds the
        display by its id, and gets the header of the cell that displayed it.
        """
        if self._kernel is None:
            return
        # display_pub would put the header of whatever came last on a thread's message: of a click, perhaps, where
        # front ends drop it.
        self._kernel.session.send(
            self._kernel.iopub_socket,
            "update_display_data",
            {"data": dict(data), "metadata": {}, "transient": {"display_id": self._display_id}},
            parent=self._kernel.get_parent("shell") if here else self._parent,
            ident=getattr(self._shell.display_pub, "topic", None),
        )

    @property
    def interactive(self) -> bool:
        """Whether a person may be there: head-less runs say with each cell that they answer no questions."""
        return audience.answers(self._parent)
