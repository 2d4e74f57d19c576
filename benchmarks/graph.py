"""`python -m benchmarks.graph`: what the live graph costs with 1,000, 10,000 and 50,000 tasks. Takes a minute or two.

Flows that are moved by hand, in a real kernel, so that nothing but the graph is measured: all tasks run and end within
some seconds, while the publisher's thread keeps the widget up to date. What it would have sent is then drawn by a real
Chromium. All costs are time of the processor, so that what else runs on the machine does not count.

    kernel    structure: the graph laid out and sent for the first time; share: of a core, while all tasks go through
    page      first paint: code, structure and states drawn; update: a hundredth of the tasks stand otherwise
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from jupyter_client.manager import KernelManager
from playwright.sync_api import Page, sync_playwright

from nbflow.client.flow.asking import Retrial
from nbflow.client.flow.feed import Feed
from nbflow.core.states import State
from nbflow.notebook.board import Board
from nbflow.notebook.fold import AUTO, BLOCKS
from nbflow.notebook.timeline import timeline
from nbflow.notebook.view import build, sent
from nbflow.wire.rows import TaskDetails, TaskRow
from tools import browser, page

SIZES = (1_000, 10_000, 50_000)
SECONDS = 5.0  # in which all tasks of a flow go through
BATCHES = 50  # a second
UPDATES = 20
HEADINGS = (
    *("Tasks", "Structure", "Share of a core", "Updates a second", "First paint", "Update"),
    *("As blocks: first paint", "As blocks: update"),
)
STARTED = 1_700_000_000.0


class StoodIn:
    """A flow with nothing behind it."""

    name = "benchmark"
    closed = False
    died = ""

    def __init__(self) -> None:
        self.feed = Feed()

    def watch(self) -> None:
        """Nothing has to be asked for."""

    def details(self, task_id: int, timeout: float = 0.0) -> TaskDetails:
        """There are none."""
        raise TimeoutError

    def cancel_soon(self, tasks: Sequence[int]) -> None:
        """Nothing runs."""

    def value_of(self, task_id: int) -> object:
        """There is none."""
        raise KeyError(task_id)

    def retry_soon(
        self, tasks: Sequence[int] | None, dependants: bool, told: Callable[[Retrial], None]
    ) -> None:
        """Nothing has failed."""


def tasks(count: int) -> list[TaskRow]:
    """A split, lanes of three apps, and one that needs all lanes."""
    rows = [_row(1, "split", ())]
    while len(rows) + 4 <= count:
        first = len(rows) + 1
        rows += [
            _row(first, "align", (1,), f"lane={first // 3} region='chr{first % 22}'"),
            _row(first + 1, "call", (first,), "model='default'"),
            _row(first + 2, "score", (first + 1,)),
        ]
    return [*rows, _row(len(rows) + 1, "report", tuple(row.id for row in rows if row.app == "score"))]


def _row(task: int, app: str, needs: tuple[int, ...], detail: str = "") -> TaskRow:
    return TaskRow(task, app, None, needs, detail, State.WAITING, 0, None, STARTED, 0.0, 0.0, False, "", None)


def _moved(row: TaskRow, state: State) -> TaskRow:
    begun = STARTED + row.id / 100
    return msgspec.structs.replace(
        row,
        state=state,
        attempt=1,
        worker=row.id % 8,
        started=begun,
        ended=begun + 0.08 if state is State.DONE else 0.0,
    )


# ---------------------------------------------------------------- in a kernel


def publishing(count: int) -> dict[str, float]:
    """Called in the kernel: what the publisher's thread spends on a flow of `count` tasks."""
    from nbflow.notebook.widget import FlowGraph  # only a kernel has use for it

    rows = tasks(count)
    flow = StoodIn()
    flow.feed.take(rows)
    view = FlowGraph(flow)
    updates: list[float] = []
    view.observe(lambda _: updates.append(time.monotonic()), "status")
    view._publisher.first.wait(60)
    (thread,) = [each for each in threading.enumerate() if each is view._publisher._thread]
    clock = time.pthread_getcpuclockid(thread.ident or 0)
    structure = time.clock_gettime(clock)
    began, updates[:] = time.monotonic(), []
    for batch in _batches(rows):
        flow.feed.take(batch)
        time.sleep(1 / BATCHES)  # the pace at which a flow tells
    wall, spent = time.monotonic() - began, time.clock_gettime(clock) - structure
    view.close()
    return {"structure": structure, "share": spent / wall, "updates": len(updates) / wall}


def _batches(rows: Sequence[TaskRow]) -> Iterator[list[TaskRow]]:
    number = int(SECONDS * BATCHES)
    for k in range(number):
        part = rows[k * len(rows) // number : (k + 1) * len(rows) // number]
        before = rows[max(0, k - 1) * len(rows) // number : k * len(rows) // number]
        yield [_moved(row, State.RUNNING) for row in part] + [_moved(row, State.DONE) for row in before]


def in_kernel(count: int) -> dict[str, float]:
    """`publishing` in a kernel of its own."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        told: list[str] = []
        client.execute_interactive(
            f"import json\nfrom benchmarks.graph import publishing\nprint(json.dumps(publishing({count})))",
            timeout=300,
            output_hook=lambda message: told.append(message["content"].get("text", "")),
        )
        figures: dict[str, float] = json.loads("".join(told))
        return figures
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


# ---------------------------------------------------------------- on a page


def drawing(shown: Page, count: int, layout: str = AUTO) -> dict[str, float]:
    """What a page spends on drawing a flow of `count` tasks for the first time, and on each update, in seconds."""
    board = Board()
    board.update(tasks(count))
    meter = shown.context.new_cdp_session(shown)
    meter.send("Performance.enable")

    def spent() -> float:
        found = meter.send("Performance.getMetrics")["metrics"]
        return float(next(metric["value"] for metric in found if metric["name"] == "TaskDuration"))

    before = spent()
    page.show(shown, _traits(board, layout))
    _frame(shown)
    first, before = spent() - before, spent()
    step = max(1, count // 100)
    for k in range(UPDATES):
        board.update([_moved(row, State.DONE) for row in board.rows[k * step : (k + 1) * step]])
        page.change(shown, {"status": bytes(board.status), "counts": board.counts})
        _frame(shown)
    update = (spent() - before) / UPDATES
    shown.evaluate("window.end()")
    return {"first": first, "update": update}


def _traits(board: Board, layout: str) -> dict[str, Any]:
    return {
        "scene": sent(build("benchmark", board.rows, layout)),
        "layout": {"asked": layout, "note": ""},
        "status": bytes(board.status),
        "parts": {},
        "progress": {},
        "counts": board.counts,
        "clock": {"elapsed": 1.0, "running": True},
        "timeline": msgspec.to_builtins(timeline(board.rows, board.started, STARTED + 1)),
        "notice": "",
        "panel": {},
    }


def _frame(shown: Page) -> None:
    """Wait until what has changed is on the screen."""
    shown.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print the table; 1 where there is no browser."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.graph", description="What the live graph costs."
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="numbers of tasks")
    sizes = parser.parse_args(words).sizes
    path = browser.find()
    if path is None:
        print(f"No Chromium-like browser found. {browser.HINT}", file=sys.stderr)
        return 1
    print(f"| {' | '.join(HEADINGS)} |\n|{'---:|' * len(HEADINGS)}")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for count in sizes:
            kernel = in_kernel(count)
            drawn, blocks = (drawing(chromium.new_page(), count, layout) for layout in (AUTO, BLOCKS))
            cells = [
                f"{count:,}", _ms(kernel["structure"]), f"{100 * kernel['share']:.1f} %", f"{kernel['updates']:.1f}",
                _ms(drawn["first"]), _ms(drawn["update"]), _ms(blocks["first"]), _ms(blocks["update"]),
            ]  # fmt: skip
            print(f"| {' | '.join(cells)} |", flush=True)
        chromium.close()
    return 0


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


if __name__ == "__main__":
    raise SystemExit(main())
