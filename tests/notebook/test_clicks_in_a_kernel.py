"""A click beside a cell that runs, on the wire: with which ipykernel, and sent how, is it heard before the cell ends?

A front end sends a widget's messages on a subshell, if it and the kernel know of such (JupyterLab from 4.4 on, Notebook
7.4, ipykernel 7.1), or else on the main shell. What is expected here is what the documentation tells.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import ipykernel
import pytest

from tests.notebook.shells import Kernel, real_kernel

VERSION = ipykernel.version_info[:2]
WIDGET = "application/vnd.jupyter.widget-view+json"
BUSY = """
import os
print("begun", flush=True)
while not os.path.exists({path!r}) and not future.cancelled():
    sum(range(1000))
print("seen" if future.cancelled() else "not seen", flush=True)
"""
AWAITING = """
import asyncio, os
print("begun", flush=True)
while not os.path.exists({path!r}) and not future.cancelled():
    await asyncio.sleep(0.01)
print("seen" if future.cancelled() else "not seen", flush=True)
"""
SHOWN = """
import time
from nbflow.notebook import widget
while not all(view._publisher._board.get(future.tid) for view in widget.views(nbflow.dfk())):
    time.sleep(0.01)  # the row is on its way; nobody clicks on a task that is not shown
"""


@contextmanager
def kernel_with_a_flow() -> Iterator[Kernel]:
    with real_kernel() as kernel:
        kernel.run("import concurrent.futures\n%nbflow start 1")
        kernel.run("@nbflow.python_app\ndef stand():\n    import threading\n    threading.Event().wait()")
        yield kernel


@contextmanager
def graph_in(kernel: Kernel) -> Iterator[str]:
    """The id of a live graph's comm, the only one."""
    outputs = kernel.run("%nbflow graph", page=True).outputs
    (live,) = [output["data"][WIDGET] for output in outputs if WIDGET in output.get("data", {})]
    yield str(live["model_id"])
    kernel.run("%nbflow freeze", page=True)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with kernel_with_a_flow() as kernel:
        yield kernel


@pytest.fixture
def graph(kernel: Kernel) -> Iterator[str]:
    with graph_in(kernel) as graph:
        yield graph


class Deaf(Exception):
    """The kernel hears nothing any more.

    That happens to ipykernel 7.3 and 7.4 in some three of a hundred cases: a request was sent, and all threads of the
    kernel wait for one.
    """


def subshell_of(kernel: Kernel) -> str:
    """A new subshell of the kernel's."""
    reply = kernel.ask_control("create_subshell_request")
    return str(reply["subshell_id"])


Wanted = Callable[[dict[str, Any]], bool]


class Cell:
    """A cell that runs until it is let go or its task was cancelled, and what the kernel publishes meanwhile."""

    def __init__(self, kernel: Kernel, code: str, enough: Path) -> None:
        self._kernel = kernel
        self._enough = enough
        self._message = kernel.client.execute(code.format(path=str(enough)))
        self.ended = False
        self.wait_for(says("begun"))

    def wait_for(self, wanted: Wanted) -> None:
        """Read what is published up to the message that is wanted."""
        while True:
            try:
                message = self._kernel.client.get_iopub_msg(timeout=30)
            except queue.Empty:
                raise Deaf from None
            self.ended |= self.is_end(message)
            if wanted(message):
                return

    def is_end(self, message: dict[str, Any]) -> bool:
        mine = message["parent_header"].get("msg_id") == self._message
        return mine and message["content"].get("execution_state") == "idle"

    def let_go(self) -> None:
        self._enough.touch()


def says(text: str) -> Wanted:
    return lambda message: message["content"].get("text") == f"{text}\n"


def is_acknowledged(key: str) -> Wanted:
    def wanted(message: dict[str, Any]) -> bool:
        data = message["content"].get("data") or {}
        return bool(message["msg_type"] == "comm_msg" and data.get("content", {}).get("ack") == key)

    return wanted


@pytest.mark.parametrize("cell", [BUSY, AWAITING], ids=["busy", "awaiting"])
def test_a_click_on_the_main_shell_is_heard_beside_a_cell_that_awaits_where_the_kernel_can(
    tmp_path: Path, cell: str
) -> None:
    beside = cell is AWAITING and VERSION >= (7, 4)
    with_a_kernel_that_hears(
        tmp_path, lambda kernel, graph, place: click(kernel, graph, place, cell, None, beside=beside)
    )


@pytest.mark.parametrize("cell", [BUSY, AWAITING], ids=["busy", "awaiting"])
def test_a_click_on_a_subshell_is_heard_beside_a_cell_where_the_kernel_can(
    kernel: Kernel, tmp_path: Path, cell: str
) -> None:
    if VERSION < (7, 1):
        assert "kernel subshells" not in kernel.features()
        pytest.skip("this kernel has no subshells, and front ends ask it first")
    with_a_kernel_that_hears(
        tmp_path,
        lambda fresh, graph, place: click(fresh, graph, place, cell, subshell_of(fresh), beside=True),
    )


def with_a_kernel_that_hears(tmp_path: Path, act: Callable[[Kernel, str, Path], None]) -> None:
    """Try it with a fresh kernel and its graph; with another one where that has become deaf."""
    for attempt in range(3):
        with suppress(Deaf), ExitStack() as stack:
            kernel = stack.enter_context(kernel_with_a_flow())
            graph = stack.enter_context(graph_in(kernel))
            (place := tmp_path / str(attempt)).mkdir()
            act(kernel, graph, place)
            return
    pytest.fail("three kernels in a row became deaf")


def click(kernel: Kernel, graph: str, place: Path, cell: str, subshell: str | None, *, beside: bool) -> None:
    """Cancel a task by a click while a cell computes: it is heard `beside` the cell, or after it."""
    number = int(kernel.value("(future := stand()).tid"))
    kernel.run(SHOWN)

    running = Cell(kernel, cell, place / "enough")
    kernel.say(graph, {"verb": "cancel", "key": "click-1", "tasks": [number]}, subshell)
    if not beside:
        kernel.ask_control("kernel_info_request")  # the kernel goes on reading what comes
        running.let_go()
    running.wait_for(says("seen" if beside else "not seen"))
    running.wait_for(is_acknowledged("click-1") if not beside else running.is_end)
    assert running.ended
    kernel.client.get_shell_msg(timeout=30)
    assert (
        kernel.value("concurrent.futures.wait([future], 30).done == {future}, future.cancelled()")
        == "(True, True)"
    )


def test_a_page_that_was_seen_is_sent_the_picture_to_put_it_into_its_notebook(
    kernel: Kernel, graph: str
) -> None:
    kernel.say(graph, {"verb": "ready", "key": "view-1"})
    sent: list[dict[str, Any]] = []
    kernel.run("%nbflow freeze", page=True, told=lambda message: sent.append(message["content"]))
    ((comm, picture),) = [
        (content["comm_id"], content["data"]["content"])
        for content in sent
        if "still" in (content.get("data") or {}).get("content", {})
    ]
    assert comm == graph
    assert set(picture["still"]) == {"text/html", "text/plain"}
