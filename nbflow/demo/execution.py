"""Runs a notebook in a kernel of its own, and listens to what its live graph says meanwhile.

The kernel runs on the Python that runs the command, whatever kernels the user has installed, and is talked to over
Unix sockets. What it writes on its own standard error is kept back, and told only when it dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import nbformat
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from nbflow.demo.status import StatusLine, counts_in
from nbflow.notebook.audience import VARIABLE

REDRAW = 0.2  # seconds between two drawings of the status line
START = 60.0  # seconds a kernel may take to answer
TAIL = 2000  # characters of a dead kernel's last words


@dataclass(slots=True)
class Execution:
    """What became of a notebook."""

    notebook: str  #: its text, with the outputs so far
    seconds: float
    counts: dict[str, int] = field(default_factory=dict)  #: tasks by the word of their state, as last seen
    error: str = ""  #: what the user should read; "" if all went well
    stopped: bool = False  #: by the user


def execute(source: Path, timeout: float, line: StatusLine) -> Execution:
    """Run all cells of the notebook at `source`; what the notebook does wrong is told, not raised.

    `timeout`: seconds for the whole of it. `line` is kept up to date and drawn.
    """
    notebook: Any = nbformat.read(source, as_version=4)
    line.cells = len(notebook.cells)
    error, stopped = "", False
    with tempfile.TemporaryFile() as log:
        try:
            asyncio.run(_run(notebook, timeout, line, log))
        except CellExecutionError as failure:
            error = f"Cell {line.cell} failed.\n\n{failure.traceback or failure}"
        except TimeoutError:
            error = f"Not finished after {timeout:g} s, in cell {line.cell}; --timeout allows more."
        except DeadKernelError as failure:
            error = f"The kernel died ({failure}). The last that it wrote:\n{_tail(log)}"
        except KeyboardInterrupt:
            stopped = True
    return Execution(str(nbformat.writes(notebook)), line.seconds, dict(line.counts), error, stopped)


async def _run(notebook: Any, timeout: float, line: StatusLine, log: IO[bytes]) -> None:
    async with _kernel(log) as manager, _channels(manager) as channels:
        notebook.metadata.language_info = (await channels.kernel_info(reply=True))["content"]["language_info"]
        client = NotebookClient(notebook, km=manager, store_widget_state=False)
        client.kc = channels
        cells = asyncio.create_task(_cells(client, line))
        tasks = [cells, asyncio.create_task(_watch(manager, line)), asyncio.create_task(_redraw(line))]
        try:
            # Not wait_for: nbclient takes being cancelled for the kernel's death.
            await asyncio.wait([cells], timeout=timeout)
            if not cells.done():
                raise TimeoutError
            cells.result()
        finally:
            if not cells.done():
                await manager.interrupt_kernel()  # else a busy cell holds up the kernel's own end
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _cells(client: NotebookClient, line: StatusLine) -> None:
    for index, cell in enumerate(client.nb.cells):
        line.cell = index + 1
        await client.async_execute_cell(cell, index)


@contextlib.asynccontextmanager
async def _kernel(log: IO[bytes]) -> AsyncIterator[AsyncKernelManager]:
    """A running kernel, ended afterwards."""
    # A folder of our own: the name of a Unix socket has room for only some hundred characters.
    with tempfile.TemporaryDirectory(prefix="nbflow-demo-") as private:
        manager = AsyncKernelManager(
            # No folder to look into leaves the kernel of this very Python.
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            connection_file=str(Path(private) / "kernel.json"),
            transport="ipc",
            shutdown_wait_time=10.0,
        )
        # The live graph is listened to, as a page would.
        await manager.start_kernel(stderr=log, env={**os.environ, VARIABLE: "0"})
        try:
            yield manager
        finally:
            await manager.shutdown_kernel()


@contextlib.asynccontextmanager
async def _channels(manager: AsyncKernelManager) -> AsyncIterator[AsyncKernelClient]:
    """A client that may run code in the kernel, once that answers."""
    channels = manager.client()
    channels.start_channels()
    try:
        try:
            await channels.wait_for_ready(timeout=START)
        except RuntimeError as error:
            raise DeadKernelError(str(error)) from error
        channels.allow_stdin = False
        yield channels
    finally:
        channels.stop_channels()


async def _watch(manager: AsyncKernelManager, line: StatusLine) -> None:
    """Take over the counts from each change of a live graph's state.

    On a client of its own: nbclient looks only at messages that answer the cell it is running, and a graph reports
    on behalf of the cell that showed it.
    """
    client = manager.client()
    client.start_channels(shell=False, iopub=True, stdin=False, hb=False, control=False)
    try:
        while True:
            message = await client.get_iopub_msg()
            if message["msg_type"] in ("comm_open", "comm_msg"):
                state = message["content"]["data"].get("state", {})
                line.counts = counts_in(state.get("counts")) or line.counts
    finally:
        client.stop_channels()


async def _redraw(line: StatusLine) -> None:
    while True:
        line.show()
        await asyncio.sleep(REDRAW)


def _tail(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace")[-TAIL:].strip() or "(nothing)"
