"""IPython for the tests: a shell in this process, and a real kernel in another one."""

from __future__ import annotations

import atexit
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from traitlets.config import Config

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Displays(CapturingDisplayPublisher):
    """Keeps what is displayed."""

    def of(self, display_id: str) -> list[dict[str, Any]]:
        """The bundles that stood under a display id, one after the other."""
        return [
            out["data"] for out in self.outputs if (out["transient"] or {}).get("display_id") == display_id
        ]


@contextmanager
def shell_in_process(*, front_end: bool = False) -> Iterator[Any]:
    """A shell with the extension loaded; nothing of it is left afterwards. `front_end`: as one in a kernel has."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(
        config=Config(HistoryManager={"enabled": False}), display_pub_class=Displays
    )
    shell.run_line_magic("load_ext", "nbflow")
    if front_end:
        shell.kernel = "front ends can update displays"  # type: ignore[attr-defined]
    try:
        yield shell
    finally:
        shell.run_line_magic("unload_ext", "nbflow")
        atexit.unregister(shell.atexit_operations)
        shell.atexit_operations()
        InteractiveShell.clear_instance()


def refusal(shell: InteractiveShell, code: str) -> BaseException:
    """The error of a cell that is refused, before or while it runs."""
    result = shell.run_cell(code, store_history=True)
    error = result.error_in_exec or result.error_before_exec
    assert error is not None
    return error


@dataclass
class Ran:
    """What a cell gave: `outputs` are the contents of its messages, in order."""

    status: str
    outputs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What was printed."""
        return "".join(output.get("text", "") for output in self.outputs if "name" in output)

    @property
    def plain(self) -> list[str]:
        """The plain text of each display and result."""
        kinds = ("display_data", "execute_result")
        return [output["data"]["text/plain"] for output in self.outputs if output["type"] in kinds]

    @property
    def error(self) -> str:
        """The traceback that is shown, without colours."""
        lines = [line for output in self.outputs for line in output.get("traceback", ())]
        return ANSI.sub("", "\n".join(lines))


class Kernel:
    """A real kernel with the extension loaded."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def run(
        self,
        code: str,
        *,
        ok: bool = True,
        page: bool = False,
        told: Callable[[dict[str, Any]], None] | None = None,
    ) -> Ran:
        """Run a cell and wait for its end; `told` gets each message at once. `page`: as a page would run it."""
        ran = Ran("")

        def keep(message: dict[str, Any]) -> None:
            ran.outputs.append({**message["content"], "type": message["msg_type"]})
            if told is not None:
                told(message)

        reply = self.client.execute_interactive(code, output_hook=keep, timeout=50, allow_stdin=page)
        ran.status = reply["content"]["status"]
        assert not ok or ran.status == "ok", ran.error or ran.text
        return ran

    def value(self, expression: str) -> str:
        """The repr of an expression's value."""
        (plain,) = self.run(expression).plain
        return plain

    def complete(self, code: str, cursor: int | None = None) -> list[str]:
        """What Tab offers."""
        position = len(code) if cursor is None else cursor
        reply = self.client.complete(code, cursor_pos=position, reply=True, timeout=30)
        matches: list[str] = reply["content"]["matches"]
        return matches

    def inspect(self, code: str, level: int) -> str:
        """What `?` (level 0) or `??` (level 1) shows."""
        reply = self.client.inspect(code, cursor_pos=len(code), detail_level=level, reply=True, timeout=30)
        return ANSI.sub("", reply["content"]["data"]["text/plain"])

    def say(self, comm: str, content: dict[str, Any], subshell: str | None = None) -> None:
        """Send a widget what its page would: on a subshell, or on the main shell."""
        session = self.client.session
        message = session.msg("comm_msg", {"comm_id": comm, "data": {"method": "custom", "content": content}})
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)

    def ask_control(self, kind: str) -> dict[str, Any]:
        """The answer to a request on the control channel, on which a kernel listens beside its cells."""
        message = self.client.session.msg(kind, {})
        self.client.control_channel.send(message)
        while True:
            reply = self.client.get_control_msg(timeout=30)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                content: dict[str, Any] = reply["content"]
                return content

    def features(self) -> list[str]:
        """What the kernel says it can do beyond the protocol's version."""
        return list(self.ask_control("kernel_info_request").get("supported_features", ()))

    def updates(self, until: Callable[[dict[str, Any]], bool], seconds: float = 20.0) -> list[dict[str, Any]]:
        """The updates of displays that come while no cell runs, up to the one wanted."""
        found = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = self.client.get_iopub_msg(timeout=max(end - time.monotonic(), 0.01))
            if message["msg_type"] == "update_display_data":
                found.append(message["content"])
                if until(message["content"]):
                    return found
        raise AssertionError(f"the update did not come; these did: {found}")


@contextmanager
def real_kernel(**variables: str) -> Iterator[Kernel]:
    """Start a kernel with these environment variables, load the extension, end both."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "PYTHONWARNINGS": "default", **variables})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=50)
        kernel = Kernel(manager, client)
        kernel.run("%load_ext nbflow")
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
