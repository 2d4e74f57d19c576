"""What our widgets have in common: their traits are set by one thread, and of a page's words only a few are heard.

What a widget draws, and what is done about a click, is its own subject.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from typing import Any

import anywidget
import traitlets

from nbflow.notebook.verbs import Said, understand


class LiveWidget(anywidget.AnyWidget):
    """A widget whose state is told whole and of one moment, and whose page can only say what `verbs` knows.

    Whoever sets traits or sends something holds `_changing`.
    """

    me = traitlets.Unicode(help="by which id the notebook's outputs show it").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self._changing = threading.RLock()
        me = uuid.uuid4().hex
        super().__init__(me=me, model_id=me, **traits)
        _keep_subshell(self.comm)
        self.on_msg(self._on_message)

    def _hears(self, said: Said) -> None:
        """The page said so. May be called on a thread of the kernel's, beside a cell: only leaves a note."""
        raise NotImplementedError

    # ---------------------------------------------------------------- for the thread that owns it

    def acknowledge(self, key: str) -> None:
        """Say that a message of the page's has arrived."""
        with self._changing:
            self.send({"ack": key})

    def _give_way(self, still: Mapping[str, str]) -> None:
        """Have the page put a bundle in the widget's place.

        One that was loaded anew knows no displays, but finds the widget in its notebook.
        """
        with self._changing:
            self.send({"still": still})

    # ---------------------------------------------------------------- from other threads

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """The traits as they are sent: all of one moment."""
        with self._changing:
            state: dict[str, Any] = super().get_state(key, drop_defaults)
            return state

    def _handle_msg(self, msg: Mapping[str, Any]) -> None:
        """What comes from the page. ipywidgets would let it set every trait, the code that draws the page included."""
        data = msg["content"]["data"]
        if isinstance(data, Mapping) and data.get("method") in ("custom", "request_state"):
            super()._handle_msg(msg)

    def _on_message(self, _: object, content: object, buffers: list[object]) -> None:
        said = understand(content, buffers)
        if said is not None:
            self._hears(said)


def _keep_subshell(comm: Any) -> None:
    """Let clicks be handled beside a cell that runs.

    ipykernel 7.4 handles a comm's messages on the (sub)shell that last sent something on it, which is the main one
    here, and not on the one that the front end asks for: a click would wait for the end of the cell.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default
