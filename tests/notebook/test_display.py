"""Cards of futures: what stands under a cell, from the call to the value."""

from __future__ import annotations

import queue
import threading
import time
import types
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import nbclient
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

import nbflow
from nbflow.core.states import State
from nbflow.notebook.card import Card
from nbflow.notebook.formats import rich
from nbflow.notebook.output import Uncaught
from nbflow.notebook.traces import ARROW
from tests.notebook.shells import Kernel, real_kernel, shell_in_process

SECONDS = 20.0
HOSTILE = "<script>alert(1)</script> & \"quotes\" '</pre>' \x1b[31mred\x00"


@pytest.fixture
def shell() -> Iterator[Any]:
    """A shell that has a front end, as one in a kernel has."""
    nbflow.clear()
    with shell_in_process(front_end=True) as shell:
        yield shell
    nbflow.clear()


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with real_kernel() as kernel:
        yield kernel


def run(shell: InteractiveShell, code: str) -> None:
    shell.run_cell(code, store_history=True).raise_error()


def displays(shell: Any) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = shell.display_pub.outputs
    return outputs


def eventually(shell: Any, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first bundle that is displayed and of which it is true."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for output in list(displays(shell)):
            if true(output["data"]):
                return output
        threading.Event().wait(0.01)
    raise AssertionError([output["data"]["text/plain"] for output in displays(shell)])


def says(text: str) -> Callable[[dict[str, Any]], bool]:
    return lambda data: text in data.get("text/plain", "")


# ---------------------------------------------------------------- the card itself


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (State.WAITING, "task 7 `score` has not ended yet"),
        (State.RUNNING, "task 7 `score` has not ended yet"),
        (State.DONE, "task 7 `score` done: why"),
        (State.FAILED, "task 7 `score` failed: why"),
        (State.SKIPPED, "task 7 `score` was skipped because why"),
        (State.CANCELLED, "task 7 `score` was cancelled: why"),
    ],
)
def test_a_card_tells_the_state_by_word_and_sign(state: State, text: str) -> None:
    bundle = Card(7, "score", state, detail="C=10", remark="why").bundle()
    assert bundle["text/plain"] == text
    assert state.sign in bundle["text/html"]
    assert f'data-card="{state.label}"' in bundle["text/html"]
    assert "C=10" in bundle["text/html"]


def test_text_of_the_users_never_becomes_markup() -> None:
    card = Card(7, HOSTILE, State.FAILED, detail=HOSTILE, remark=HOSTILE, lines=[HOSTILE])
    html = card.bundle()["text/html"]
    assert "<script" not in html
    assert html.count("</pre>") == 1
    assert "\x1b" not in html
    assert "\x00" not in html


@given(st.text(), st.text(), st.text(), st.lists(st.text()), st.sampled_from(State))
def test_a_card_has_the_same_elements_whatever_it_says(
    app: str, detail: str, remark: str, lines: list[str], state: State
) -> None:
    folded = [(remark, detail)] * len(lines)
    html = Card(1, app, state, detail, remark, lines, folded).bundle()["text/html"]
    marked = sum(line.startswith(ARROW) for line in lines)
    assert html.count("<") == 8 + (2 if lines else 0) + 2 * marked + 6 * len(lines)


# ---------------------------------------------------------------- formats


class Rich:
    def _repr_html_(self) -> str:
        return "<b>rich</b>"

    def __repr__(self) -> str:
        return "plain"


class Bundled:
    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"text/x": "bundled"}, {"text/x": {"size": 1}}


class Broken:
    def _repr_html_(self) -> str:
        raise ValueError("no html today")


class Settles:
    """While it is shown for the first time, another thread brings all cards up to date."""

    shell: ClassVar[Any] = None
    said: ClassVar[queue.SimpleQueue[str]] = queue.SimpleQueue()

    def _repr_html_(self) -> str:
        shell, Settles.shell = self.shell, None
        if shell is not None:
            thread = threading.Thread(target=shell.run_line_magic, args=("nbflow", "wait"), daemon=True)
            thread.start()
            thread.join(SECONDS / 2)
            self.said.put("waits for this one" if thread.is_alive() else "ended")
        return "settled"


class Unwilling:
    def _repr_html_(self) -> str:
        raise NotImplementedError


class DisplaysItself:
    def _ipython_display_(self) -> None:
        raise AssertionError("displayed under some cell")

    def __repr__(self) -> str:
        return "plain"


def test_a_value_has_the_formats_that_ipython_gives_it(shell: InteractiveShell) -> None:
    assert rich(shell, Rich()) == shell.display_formatter.format(Rich())
    assert rich(shell, {"a": 1}) == ({"text/plain": "{'a': 1}"}, {})
    data, metadata = rich(shell, Bundled())
    assert (data["text/x"], metadata) == ("bundled", {"text/x": {"size": 1}})
    assert rich(shell, DisplaysItself()) == ({"text/plain": "plain"}, {})
    assert "text/html" not in rich(shell, Unwilling())[0]


def test_an_error_of_a_format_is_the_callers(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match="no html today"):
        rich(shell, Broken())
    assert capsys.readouterr() == ("", "")


# ---------------------------------------------------------------- cards in a shell


APPS = """%%app
import time
def wait_for(path):
    import os
    while not os.path.exists(path):
        time.sleep(0.01)
    return 'it came'

def give(value):
    return value

def fail(text):
    raise ValueError(text)
"""


def test_a_card_becomes_the_value_when_the_task_ends(shell: Any, tmp_path: Any) -> None:
    run(shell, APPS)
    run(shell, f"wait_for({str(tmp_path / 'go')!r})")
    first = displays(shell)[0]
    assert first["data"]["text/plain"] == "task 1 `wait_for` has not ended yet"
    eventually(shell, lambda data: 'data-card="running"' in data.get("text/html", ""))
    (tmp_path / "go").touch()
    last = eventually(shell, says("it came"))
    assert last["data"] == {"text/plain": "'it came'"}
    assert last["transient"] == first["transient"]
    assert [output["update"] for output in displays(shell)] == [False] + [True] * (len(displays(shell)) - 1)


def test_a_future_that_is_done_is_displayed_as_its_value_at_once(shell: Any) -> None:
    run(shell, APPS)
    run(shell, "future = give([1, 2]); future.result()")
    before = len(displays(shell))
    run(shell, "future")
    assert [output["data"] for output in displays(shell)[before:]] == [{"text/plain": "[1, 2]"}]


def test_failed_skipped_cancelled_and_empty_tasks_have_cards(shell: Any) -> None:
    run(shell, APPS)
    run(shell, "fail('<b>no</b>')")
    failed = eventually(shell, says("failed: ValueError"))["data"]
    lines = failed["text/plain"].splitlines()
    assert lines[0] == "task 1 `fail` failed: ValueError: <b>no</b>"
    assert lines[1] == "Cell In[1], line 13, in fail"
    assert "---> 13     raise ValueError(text)" in failed["text/plain"]
    assert "<b>no</b>" not in failed["text/html"]
    run(shell, "give(fail('x'))")
    assert "<details" in failed["text/html"], "the whole traceback"
    skipped = eventually(shell, says("was skipped"))["data"]
    assert "task 3 `give` was skipped because task 2 `fail` failed: ValueError: x" in skipped["text/plain"]
    assert "---> 13     raise ValueError(text)" in skipped["text/plain"], "nobody has told it before"
    run(shell, "future = wait_for('/nowhere/at/all')\nfuture")
    eventually(shell, lambda data: 'data-card="running"' in data.get("text/html", ""))
    run(shell, "future.cancel()")
    eventually(shell, says("task 4 `wait_for` was cancelled"))
    run(shell, "give(None)")
    eventually(shell, says("task 5 `give` done: None"))


def test_the_cards_of_what_was_skipped_refer_to_the_first_of_them(shell: Any) -> None:
    run(shell, APPS)
    run(shell, "first = fail('x'); second = give(first); third = give(second); third.exception()")
    run(shell, "second")
    assert "---> 13     raise ValueError(text)" in displays(shell)[-1]["data"]["text/plain"]
    run(shell, "third")
    assert displays(shell)[-1]["data"]["text/plain"].splitlines() == [
        "task 3 `give` was skipped because task 1 `fail` failed: ValueError: x",
        "(see Cell In[3], or `%nbflow traceback 1`)",
    ]
    run(shell, "first")
    assert "---> 13" in displays(shell)[-1]["data"]["text/plain"], "the task itself has its own"


def test_who_asks_before_the_card_has_come_to_it_is_referred_to_the_card(shell: Any, tmp_path: Any) -> None:
    run(shell, APPS)
    run(
        shell,
        "first = give(wait_for('" + str(tmp_path / "go") + "')); second = fail(first); third = give(second)",
    )
    run(shell, "second")
    tellings = vars(shell)["showtraceback"].__self__.tellings
    (tmp_path / "go").touch()
    error = shell.user_ns["third"].exception(SECONDS)
    where = tellings.before(error, "another owner", tellings.cell)
    assert where == "see Cell In[3], or `%nbflow traceback 3`"
    eventually(shell, says("----> 13     raise ValueError(text)"))


def test_a_value_that_cannot_be_shown_has_a_card_that_says_so(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, APPS)
    shell.user_ns["broken"] = Broken()
    run(shell, "give(broken)")
    eventually(shell, says("its Broken cannot be shown: ValueError: no html today"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("raised", ["SystemExit(3)", "GeneratorExit('no html today')"])
def test_a_value_that_ends_the_program_when_it_is_shown_has_such_a_card_too(shell: Any, raised: str) -> None:
    run(shell, APPS)
    run(shell, f"class Ends:\n    def _repr_html_(self): raise {raised}")
    run(shell, "give(Ends())")
    eventually(shell, says("its Ends cannot be shown: "))
    run(shell, "give('the next one')")
    eventually(shell, says("the next one"))


def test_a_card_that_cannot_be_sent_is_in_no_others_way(shell: Any, caplog: pytest.LogCaptureFixture) -> None:
    run(shell, APPS)
    publish = shell.display_pub.publish

    def refuses(data: Any, *args: Any, **kwargs: Any) -> None:
        if "unsendable" in data["text/plain"]:
            raise ValueError("it cannot be sent")
        publish(data, *args, **kwargs)

    shell.display_pub.publish = refuses
    run(shell, "give('unsendable')")
    eventually(shell, lambda _: "the card of task 1 could not be brought up to date" in caplog.text)
    run(shell, "give('the next one')")
    eventually(shell, says("the next one"))


def test_making_what_is_shown_may_wait_for_a_thread_that_brings_cards_up_to_date(shell: Any) -> None:
    Settles.shell = shell
    run(shell, APPS)
    shell.user_ns["settles"] = Settles()
    run(shell, "give(settles)")
    assert Settles.said.get(timeout=SECONDS) == "ended"
    eventually(shell, lambda data: data.get("text/html") == "settled")


def test_the_value_of_an_output_is_its_file(shell: Any, tmp_path: Any) -> None:
    path = tmp_path / "out.txt"
    run(shell, "@bash_app\ndef write(outputs):\n    return f'echo x > {outputs[0]}'\n")
    run(shell, f"write(outputs=[{str(path)!r}]).outputs[0]")
    eventually(shell, says(str(path)))


def test_without_a_front_end_a_card_is_displayed_once(shell: Any) -> None:
    del shell.kernel
    run(shell, APPS)
    run(shell, "future = wait_for('/nowhere/at/all')\nfuture")
    run(shell, "future.cancel()")
    assert [output["data"]["text/plain"] for output in displays(shell)] == [
        "task 1 `wait_for` has not ended yet",
    ]


def test_waiting_brings_every_card_to_its_last_state_in_the_cell_that_waits(shell: Any) -> None:
    run(shell, APPS)
    run(shell, "give(1)")
    run(shell, "give(2)")
    for value in "12":
        eventually(shell, lambda data, value=value: data["text/plain"] == value)  # type: ignore[misc]
    shell.display_pub.outputs.clear()
    run(shell, "%nbflow wait")
    assert sorted(output["data"]["text/plain"] for output in displays(shell)) == ["1", "2"]
    shell.display_pub.outputs.clear()
    run(shell, "%nbflow wait")
    assert displays(shell) == []


def test_the_thread_of_the_cards_ends_with_the_extension() -> None:
    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name == "nbflow-cards"]

    with shell_in_process(front_end=True) as shell:
        run(shell, APPS)
        run(shell, "future = wait_for('/nowhere/at/all')\nfuture")
        assert threads() == ["nbflow-cards"]
        run(shell, "future.cancel()")
    assert threads() == []
    nbflow.clear()


# ---------------------------------------------------------------- cards in a real kernel


def test_an_update_comes_while_another_cell_runs(kernel: Kernel, tmp_path: Any) -> None:
    kernel.run(APPS)
    ran = kernel.run(f"future = wait_for({str(tmp_path / 'go')!r})\nfuture")
    (first,) = [output for output in ran.outputs if output["type"] == "display_data"]
    came = "while not future.done(): time.sleep(0.01)\ntime.sleep(1)"  # the card follows within half a second
    busy = kernel.run(f"open({str(tmp_path / 'go')!r}, 'w').close()\n{came}")
    updates = [output for output in busy.outputs if output["type"] == "update_display_data"]
    assert updates[-1]["transient"] == first["transient"]
    assert updates[-1]["data"] == {"text/plain": "'it came'"}


def test_an_update_comes_while_no_cell_runs(kernel: Kernel, tmp_path: Any) -> None:
    kernel.run(APPS)
    kernel.run(f"wait_for({str(tmp_path / 'go')!r})")
    (tmp_path / "go").touch()
    assert kernel.updates(lambda content: content["data"] == {"text/plain": "'it came'"})


def test_a_figure_that_two_threads_show_is_drawn_by_one_after_the_other(shell: Any) -> None:
    figures = pytest.importorskip("matplotlib.figure")
    both = threading.Barrier(2)
    met: list[str] = []

    def draw(_: Any) -> bytes:
        with suppress(threading.BrokenBarrierError):
            both.wait(0.5)
            met.append("two draw at a time")
        return b""

    shell.display_formatter.formatters["image/png"].for_type(figures.Figure, draw)
    figure = figures.Figure()
    threads = [threading.Thread(target=rich, args=(shell, figure)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == []


def test_a_figure_drawn_in_a_task_is_shown_once(kernel: Kernel) -> None:
    pytest.importorskip("matplotlib")
    kernel.run("%%app\ndef draw():\n    from matplotlib import pyplot\n    return pyplot.subplots()[0]\n")
    kernel.run("draw()")
    assert kernel.updates(lambda content: "image/png" in content["data"])
    assert not any("image/png" in output.get("data", ()) for output in kernel.run("1").outputs)


def test_a_notebook_run_head_less_has_values_in_place_of_cards() -> None:
    cells = [
        "%load_ext nbflow",
        "%%app\nimport time\ndef slow(x):\n    time.sleep(0.5)\n    return x\ndef fail(): raise ValueError('no')",
        "slow([1, 2])",
        "slow('three')",
        "fail()",
        "%nbflow wait",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=50, kernel_name="python3").execute()
    shown = [cell.outputs[0].data["text/plain"] for cell in notebook.cells[2:5]]
    assert shown[:2] == ["[1, 2]", "'three'"]
    assert shown[2].startswith("task 3 `fail` failed: ValueError: no\nCell In[2], line 6, in fail")
    assert [len(cell.outputs) for cell in notebook.cells] == [0, 0, 1, 1, 1, 1]


def test_the_card_of_a_task_that_is_tried_again_tells_how_that_ends(shell: Any, tmp_path: Path) -> None:
    path = tmp_path / "ready"
    run(shell, f"%%app\ndef flaky():\n    return open({str(path)!r}).read()")
    run(shell, "f = flaky()\nf")
    eventually(shell, says("failed: FileNotFoundError"))
    path.write_text("ready by now")
    run(shell, "f.retry()")
    eventually(shell, says("ready by now"))


def test_so_does_one_that_was_shown_once_the_task_had_failed(shell: Any, tmp_path: Path) -> None:
    path = tmp_path / "ready"
    run(shell, f"%%app\ndef flaky():\n    return open({str(path)!r}).read()")
    run(shell, "f = flaky(); f.exception(); None")
    run(shell, "f")
    eventually(shell, says("failed: FileNotFoundError"))
    path.write_text("ready by now")
    run(shell, "f.retry()")
    eventually(shell, says("ready by now"))


def test_what_ends_while_a_cell_captures_is_shown_all_the_same(shell: Any, tmp_path: Path) -> None:
    go = tmp_path / "go"
    run(shell, APPS)
    run(shell, f"future = wait_for({str(go)!r})\nfuture")
    run(
        shell,
        f"%%capture caught\nimport pathlib\npathlib.Path({str(go)!r}).touch()\nfuture.result()\n%nbflow wait",
    )
    eventually(shell, lambda data: "has not ended" not in data["text/plain"])
    assert shell.user_ns["caught"].outputs == []


def test_a_shell_whose_first_cell_captures_is_no_exception() -> None:
    """The extension was loaded in a cell that captures."""
    caught, real = CapturingDisplayPublisher(), object()
    shell: Any = types.SimpleNamespace(display_pub=caught)
    uncaught = Uncaught(shell)
    assert uncaught.publisher is caught, "there is no other one yet"
    shell.display_pub = real
    assert uncaught.publisher is real
    shell.display_pub = CapturingDisplayPublisher()
    assert uncaught.publisher is real
