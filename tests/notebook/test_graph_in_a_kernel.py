"""The graph in a real kernel on a real flow, as a head-less run sees it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.notebook.shells import Kernel, real_kernel

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with real_kernel() as kernel:
        yield kernel


def test_waiting_leaves_a_still_picture_of_the_ended_flow_in_the_place_of_the_live_one(
    kernel: Kernel,
) -> None:
    kernel.run("@nbflow.python_app\ndef double(x):\n    return 2 * x\nlast = double(double(1))")
    (live,) = [output for output in kernel.run("%nbflow graph").outputs if output["type"] == "display_data"]
    assert WIDGET in live["data"]

    waited = kernel.run("%nbflow wait").outputs
    (still,) = [output for output in waited if output["type"] == "update_display_data"]
    assert still["transient"]["display_id"] == live["transient"]["display_id"]
    assert set(still["data"]) == {"text/html", "text/plain"}
    assert still["data"]["text/plain"] == "nbflow graph: 2 tasks, 2 done"


def test_closing_the_flow_ends_the_graphs_thread(kernel: Kernel) -> None:
    kernel.run(
        "double(1).result()\n"
        "view = nbflow.graph()\n"
        "thread = view._publisher._thread\n"
        "nbflow.clear()\n"
        "thread.join(10)"
    )
    assert kernel.value("thread.is_alive()") == "False"
