"""One place under a cell, displayed once and replaced later, from any thread."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from IPython.core.displaypub import CapturingDisplayPublisher

from nbflow.notebook import audience

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class Uncaught:
    """What publishes the displays of a shell, but for that of a cell under `%%capture`.

    That catches what the cell shows. What becomes of other cells' displays meanwhile is theirs.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._last: Any = None
        self.publisher  # noqa: B018 - to know it before a cell catches anything

    @property
    def publisher(self) -> Any:
        """As it is now, or was before a cell caught what it shows."""
        now = self._shell.display_pub
        if type(now) is not CapturingDisplayPublisher:
            self._last = now
        return now if self._last is None else self._last

    def publish(
        self, bundle: tuple[Mapping[str, Any], Mapping[str, Any]], display_id: str, *, update: bool
    ) -> None:
        """Display a bundle, data and metadata, under the cell that runs, or `update` a display with it."""
        data, metadata = bundle
        publisher = self.publisher if update else self._shell.display_pub
        publisher.publish(dict(data), dict(metadata), transient={"display_id": display_id}, update=update)


class Output:
    """A display of its own in a cell that runs now."""

    def __init__(self, shell: InteractiveShell, request: Mapping[str, Any] | None = None) -> None:
        """`request`: the message that has another cell run than the present one, see `request_of`."""
        self._shell = shell
        self._display_id = uuid.uuid4().hex
        self._kernel: Any = getattr(shell, "kernel", None)  # None in a terminal
        self._parent = request_of(shell) if request is None else request

    def show(self, data: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Display a bundle of representations here."""
        self._shell.display_pub.publish(data, metadata, transient={"display_id": self._display_id})

    def show_late(self, data: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Display it as a part of its cell, which may have ended; from any thread."""
        self._send("display_data", data, metadata, self._parent)

    def replace(self, data: Mapping[str, Any], *, here: bool) -> None:
        """Show this bundle instead.

        `here`: as a part of the cell that runs now. A head-less run takes in nothing else; a front end finds the
        display by its id, and gets the header of the cell that displayed it.
        """
        if self._kernel is not None:
            self._send(
                "update_display_data", data, {}, self._kernel.get_parent("shell") if here else self._parent
            )

    def _send(
        self, kind: str, data: Mapping[str, Any], metadata: Mapping[str, Any], parent: Mapping[str, Any]
    ) -> None:
        # display_pub would put the header of whatever came last on a thread's message: of a click, perhaps, where
        # front ends drop it.
        self._kernel.session.send(
            self._kernel.iopub_socket,
            kind,
            {
                "data": dict(data),
                "metadata": dict(metadata),
                "transient": {"display_id": self._display_id},
            },
            parent=parent,
            ident=getattr(self._shell.display_pub, "topic", None),
        )

    @property
    def interactive(self) -> bool:
        """Whether a person may be there: head-less runs say with each cell that they answer no questions."""
        return audience.answers(self._parent)


def request_of(shell: InteractiveShell | None) -> Mapping[str, Any]:
    """The message that has the shell's present cell run; empty outside of a kernel."""
    parent: Any = getattr(shell, "get_parent", None)
    return parent() if parent is not None and getattr(shell, "kernel", None) is not None else {}
