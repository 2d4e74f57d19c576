"""Lines under cells in a real kernel: which cells get one, what it is sent, what stays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

from tests.gates import Gate, make_gate
from tests.notebook.shells import Kernel, real_kernel

WIDGET = "application/vnd.jupyter.widget-view+json"
APPS = """
from tests.gates import Gate, stand_at
@nbflow.python_app
def quick(x=0):
    return x
@nbflow.python_app
def waits(gate, fails=False):
    stand_at(Gate(*gate), None)
    if fails:
        raise ValueError("not today")
@nbflow.join_app
def both(gate):
    return [waits(gate), waits(gate)]
"""


class Page:
    """What a page would know of a kernel: the messages of all its cells."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.heard: list[dict[str, Any]] = []

    def run(self, code: str, *, page: bool = True) -> str:
        """Run a cell; gives the id of its request."""
        request: str = self.kernel.client.execute(code, allow_stdin=page)
        self.until(lambda: self.is_idle(request))
        return request

    def is_idle(self, request: str) -> bool:
        return any(message["content"].get("execution_state") == "idle" for message in self.of(request))

    def until(self, good: Callable[[], Any]) -> Any:
        """What `good` gives once it is true."""
        end = time.monotonic() + 40
        while not (found := good()):
            assert time.monotonic() < end, [(m["msg_type"], m["content"]) for m in self.heard[-8:]]
            with suppress(Empty):
                self.heard.append(self.kernel.client.get_iopub_msg(timeout=0.2))
        return found

    def of(self, request: str) -> list[dict[str, Any]]:
        return [message for message in self.heard if message["parent_header"].get("msg_id") == request]

    def displays(self, request: str) -> list[dict[str, Any]]:
        return [message["content"] for message in self.of(request) if message["msg_type"] == "display_data"]

    def line(self, request: str) -> str:
        """The widget of the line under a cell, once it is there."""
        shown: dict[str, Any] = self.until(lambda: self.displays(request))[0]
        return str(shown["data"][WIDGET]["model_id"])

    def state(self, model: str) -> dict[str, Any]:
        """The traits of a widget, as a page knows them by now."""
        state: dict[str, Any] = {}
        for message in self.heard:
            if message["content"].get("comm_id") == model:
                data = message["content"]["data"]
                state |= data.get("state", {})
        return state

    def says(self, model: str, verb: str) -> None:
        """Say something as the page of a widget does."""
        content = {"verb": verb, "key": f"k-{verb}"}
        data = {"method": "custom", "content": content}
        channel = self.kernel.client.shell_channel
        channel.send(self.kernel.client.session.msg("comm_msg", {"comm_id": model, "data": data}))

    def thread(self) -> None:
        """Have the lines' thread look twice at what there is."""
        self.run(
            "import time as _time\n"
            "_lines = get_ipython().magics_manager.registry['FlowMagics']._tools.lines\n"
            "_looked = []\n"
            "for _ in range(2):\n"
            "    _lines._note(lambda: _looked.append(1))\n"
            "    while len(_looked) <= _: _time.sleep(0.01)\n"
        )


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent.parent.parent))
        with real_kernel() as kernel:
            kernel.run("%nbflow start 3")
            kernel.run(f"{APPS}\n[quick(x).result() for x in range(4)]")  # the workers are there
            yield kernel


@pytest.fixture
def page(kernel: Kernel) -> Iterator[Page]:
    yield Page(kernel)
    kernel.run("%nbflow cancel\n%nbflow progress auto")


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    import os

    gate, ends = make_gate(tmp_path)
    yield gate
    for end in ends:
        os.close(end)


def test_a_cell_whose_tasks_take_longer_gets_a_line_of_its_own_tasks(page: Page, gate: Gate) -> None:
    before = page.run("done_before = [quick(x) for x in range(3)]")
    request = page.run(f"held = [waits({tuple(gate)}), quick(), quick()]")
    model = page.line(request)
    page.until(lambda: page.state(model)["counts"] == {"done": 2, "running": 1})
    assert page.state(model)["clock"]["running"] is True
    assert not page.displays(before)
    gate.let_through()
    notice = page.until(lambda: page.state(model)["notice"])
    assert notice["text"].startswith("3 tasks, 3 done, in ")
    assert notice["good"] is True
    assert page.state(model)["counts"] == {"done": 3}
    assert page.state(model)["fraction"] == 1.0


def test_a_quick_cell_stays_clean_unless_all_are_wanted(page: Page) -> None:
    request = page.run("quick(1).result()")
    page.thread()
    assert not page.displays(request)
    page.run("%nbflow progress on")
    request = page.run("quick(1).result();")
    model = page.line(request)
    page.until(lambda: page.state(model)["counts"] == {"done": 1})


def test_no_cell_gets_a_line_where_they_are_switched_off(page: Page, gate: Gate) -> None:
    page.run("%nbflow progress off")
    request = page.run(f"off = waits({tuple(gate)})")
    page.thread()
    assert not page.displays(request)
    gate.let_through()
    page.run("off.result()")


def test_a_cell_that_waits_itself_gets_its_line_while_it_runs(page: Page, gate: Gate) -> None:
    request = page.kernel.client.execute(f"waits({tuple(gate)}).result()")
    model = page.line(request)
    assert not page.is_idle(request)
    page.until(lambda: page.state(model)["counts"] == {"running": 1})
    gate.let_through()
    page.until(lambda: page.is_idle(request))
    assert page.until(lambda: page.state(model)["notice"])["good"] is True


def test_what_tasks_have_called_counts_with_their_callers_cell(page: Page, gate: Gate) -> None:
    request = page.run(f"joined = both({tuple(gate)})")
    model = page.line(request)
    other = page.run("quick(5).result()")
    page.until(lambda: page.state(model)["counts"] == {"running": 2, "waiting": 1})
    gate.let_through(2)
    page.until(lambda: page.state(model)["counts"] == {"done": 3})
    assert not page.displays(other)


def test_items_of_a_sweep_are_counted_one_by_one(page: Page, gate: Gate) -> None:
    request = page.run(
        f"def held(x):\n    if x == 30: stand_at(Gate(*{tuple(gate)}), None)\n    return x\n"
        "sweep = nbflow.map(held, range(40))"
    )
    model = page.line(request)
    page.until(lambda: sum(page.state(model)["counts"].values()) == 40)
    gate.let_through()
    page.until(lambda: page.state(model)["counts"] == {"done": 40})


def test_what_a_sweep_of_an_earlier_cell_sends_gives_a_later_one_no_line(page: Page, gate: Gate) -> None:
    page.run("%nbflow progress on")
    request = page.run(
        f"def held(x):\n    if x < 2: stand_at(Gate(*{tuple(gate)}), None)\n    return x\n"
        "sweep = nbflow.map(held, range(100), chunksize=1)"
    )
    model = page.line(request)
    later = page.run(f"Gate(*{tuple(gate)}).let_through(2); sweep.result();")
    both = page.run("quick(1).result();")
    page.line(both)
    page.until(lambda: page.state(model)["counts"] == {"done": 100})
    assert not page.displays(later)


def test_the_first_failure_is_told_at_once_and_only_it(page: Page, gate: Gate) -> None:
    request = page.run(f"bad = [waits({tuple(gate)}, True), waits({tuple(gate)})]")
    model = page.line(request)
    gate.wait_for(2)
    gate.let_through()
    page.until(lambda: page.state(model)["counts"] != {"running": 2})
    gate.let_through()
    page.until(lambda: page.state(model)["clock"]["running"] is False)
    notices = {message["content"]["data"]["state"]["notice"]["text"] for message in page.heard
               if message["content"].get("comm_id") == model
               and message["content"]["data"].get("state", {}).get("notice")}  # fmt: skip
    assert len(notices) == 1
    assert "`waits` failed: ValueError: not today" in notices.pop()


def test_the_graph_opens_under_the_cell_once_by_the_word_of_the_page(page: Page, gate: Gate) -> None:
    request = page.run(f"shown = waits({tuple(gate)})")
    model = page.line(request)
    for _ in range(2):
        page.says(model, "graph")
    page.until(lambda: len(page.displays(request)) == 2)
    page.thread()
    graph = page.displays(request)[1]
    assert graph["data"]["text/plain"].startswith("nbflow graph: ")
    assert WIDGET in graph["data"]
    assert len(page.displays(request)) == 2, "it stands there already"
    gate.let_through()


def test_a_line_gives_way_to_what_stays_when_all_has_ended(page: Page, gate: Gate) -> None:
    request = page.run(f"frozen = waits({tuple(gate)})")
    model = page.line(request)
    page.says(model, "ready")
    gate.let_through()
    page.until(lambda: page.state(model)["notice"])
    updates = page.until(
        lambda: [m["content"] for m in page.of(request) if m["msg_type"] == "update_display_data"]
    )
    assert updates[0]["transient"] == page.displays(request)[0]["transient"]
    assert updates[0]["data"]["text/plain"] == "nbflow: 1 task, 1 done"
    assert set(updates[0]["data"]) == {"text/plain", "text/html"}


def test_nothing_stays_of_the_line_of_a_cell_that_tells_itself_how_its_task_has_ended(
    page: Page, gate: Gate
) -> None:
    request = page.run(
        f"%%app\nfrom tests.gates import Gate, stand_at\nstood = stand_at(Gate(*{tuple(gate)}), 7)"
    )
    line = page.until(lambda: [one for one in page.displays(request) if WIDGET in one["data"]])[0]
    model = str(line["data"][WIDGET]["model_id"])
    page.says(model, "ready")
    gate.let_through()
    page.until(lambda: page.state(model)["notice"])
    (last,) = page.until(
        lambda: [
            m["content"]["data"]
            for m in page.of(request)
            if m["msg_type"] == "update_display_data" and m["content"]["transient"] == line["transient"]
        ]
    )
    assert last == {"text/html": "", "text/plain": ""}
    page.run("%nbflow wait")  # its card as well has taken its last shape


def test_where_nobody_looks_there_is_no_line_unless_it_is_wanted_and_then_as_text(
    page: Page, gate: Gate
) -> None:
    request = page.run(f"headless = waits({tuple(gate)})", page=False)
    page.thread()
    assert not page.displays(request)
    page.run("%nbflow progress on", page=False)
    request = page.run("more = [headless, quick()]", page=False)
    (shown,) = page.displays(request)
    assert set(shown["data"]) == {"text/plain", "text/html"}
    gate.let_through()
    waited = page.run("%nbflow wait", page=False)
    (update,) = [m["content"] for m in page.of(waited) if m["msg_type"] == "update_display_data"]
    assert update["transient"] == shown["transient"]
    assert update["data"]["text/plain"] == "nbflow: 1 task, 1 done"


def test_progress_says_what_it_takes(page: Page) -> None:
    assert page.kernel.run("%nbflow progress").text.startswith("Progress is auto: ")
    ran = page.kernel.run("%nbflow progress never", ok=False)
    assert "%nbflow progress takes on, off or auto; not 'never'" in ran.error + ran.text
    assert page.kernel.complete("%nbflow progress o") == ["off", "on"] or set(
        page.kernel.complete("%nbflow progress o")
    ) == {"on", "off"}


def test_the_thread_ends_with_the_extension(page: Page) -> None:
    names = "sorted(t.name for t in __import__('threading').enumerate() if t.name == 'nbflow-lines')"
    page.run("1")
    assert page.kernel.value(names) == "['nbflow-lines']"
    page.kernel.run("%unload_ext nbflow")
    assert page.kernel.value(names) == "[]"
    page.kernel.run("%load_ext nbflow")


@pytest.mark.parametrize("ends", ["nbflow.clear()", "%nbflow clear"])
def test_a_line_says_that_its_tasks_have_ended_with_the_flow(page: Page, gate: Gate, ends: str) -> None:
    page.run("nbflow.load()")
    request = page.run(f"ended = waits({tuple(gate)})")
    model = page.line(request)
    gate.wait_for()
    page.until(lambda: page.state(model)["counts"] == {"running": 1})
    page.run(ends)
    page.run("nbflow.load()")
    shown = page.displays(request)[0]["transient"]
    updates = page.until(
        lambda: [
            message["content"]["data"]["text/plain"]
            for message in page.heard
            if message["msg_type"] == "update_display_data" and message["content"]["transient"] == shown
        ]
    )
    assert updates[-1] == "nbflow: 1 task, 1 failed"
