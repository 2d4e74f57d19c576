"""The graph in a real kernel on a real flow: live for a page, a picture where nobody looks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.notebook.shells import Kernel, Ran, real_kernel

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with real_kernel() as kernel:
        yield kernel


DOUBLE = "@nbflow.python_app\ndef double(x):\n    return 2 * x\n"


def displayed(ran: Ran) -> list[dict[str, Any]]:
    return [output for output in ran.outputs if output["type"] == "display_data"]


def updated(ran: Ran) -> list[dict[str, Any]]:
    return [output for output in ran.outputs if output["type"] == "update_display_data"]


def test_where_nobody_looks_there_is_a_picture_at_once_and_waiting_brings_it_up_to_date(
    kernel: Kernel,
) -> None:
    kernel.run(f"{DOUBLE}last = double(double(1))")
    ran = kernel.run("%nbflow graph")
    (first,) = displayed(ran)
    assert set(first["data"]) == {"text/html", "text/plain"}
    assert not [output for output in ran.outputs if output["type"].startswith("comm")]

    for more in (0, 1):  # again and again: nothing is lost for being later
        kernel.run(f"[double(x) for x in range({more})]")
        (still,) = updated(kernel.run("%nbflow wait"))
        assert still["transient"]["display_id"] == first["transient"]["display_id"]
        assert still["data"]["text/plain"] == f"nbflow graph: {2 + more} tasks, {2 + more} done"


def test_a_page_gets_the_live_graph_and_freezing_puts_the_picture_in_its_place(kernel: Kernel) -> None:
    kernel.run(f"nbflow.clear()\n{DOUBLE}double(1).result()")
    (live,) = displayed(kernel.run("%nbflow graph", page=True))
    assert WIDGET in live["data"]
    assert not updated(kernel.run("%nbflow wait", page=True))  # a person may be looking at it

    ran = kernel.run("%nbflow freeze", page=True)
    (still,) = updated(ran)
    assert still["transient"]["display_id"] == live["transient"]["display_id"]
    assert set(still["data"]) == {"text/html", "text/plain"}
    assert ran.text == "1 view of the flow is a picture now: 1 task, 1 done.\n"


def test_freezing_with_nothing_live_shows_the_picture_here(kernel: Kernel) -> None:
    kernel.run(f"nbflow.clear()\n{DOUBLE}double(1).result()")
    ran = kernel.run("%nbflow freeze", page=True)
    (picture,) = displayed(ran)
    assert set(picture["data"]) == {"text/html", "text/plain"}
    assert ran.text == "There was no live view to freeze, so the picture stands here: 1 task, 1 done.\n"


def test_freezing_does_not_wait_for_tasks_and_tells_that_they_go_on(kernel: Kernel, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    kernel.run(
        "nbflow.clear()\n@nbflow.python_app\ndef wait(path):\n    open(path).read()\n"
        f"future = wait({str(tmp_path / 'gate')!r})"
    )
    kernel.run("%nbflow graph", page=True)
    ran = kernel.run("%nbflow freeze", page=True)
    assert ran.text.endswith("The flow goes on: `%nbflow graph` shows it live.\n")
    assert kernel.value("future.done()") == "False"
    kernel.run(f"open({str(tmp_path / 'gate')!r}, 'w').close()\nfuture.result()")


def test_closing_the_flow_ends_the_graphs_thread(kernel: Kernel) -> None:
    kernel.run(
        "double(1).result()\n"
        "view = nbflow.graph()\n"
        "thread = view._publisher._thread\n"
        "nbflow.clear()\n"
        "thread.join(10)"
    )
    assert kernel.value("thread.is_alive()") == "False"
