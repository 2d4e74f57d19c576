"""Running cells that ran as tasks again: by hand, and those that are not up to date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow.core.states import State
from tests.notebook.cellruns import SECONDS, cells, eventually, gate, run, under, value
from tests.notebook.shells import Kernel, real_kernel, refusal, shell_in_process


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


def test_a_loop_variable_of_another_cell_makes_no_cell_stale(shell: Any, capsys: Any) -> None:
    run(shell, "for i in range(5): pass\nscale = 2")
    run(shell, "%%app\ntotal = 0\nfor i in range(3): total += i * scale")
    assert value(shell, "total") == 6
    assert under(shell)[0]["text/plain"].startswith("reads scale · binds total, i")
    run(shell, "i = 99")
    run(shell, "%nbflow run --stale")
    assert "again" not in capsys.readouterr().out


@pytest.mark.parametrize("known_by", ["id", "name", "text"])
def test_running_a_cell_again_withdraws_the_run_that_goes_on(
    shell: Any, tmp_path: Path, known_by: str
) -> None:
    wait, path = gate(tmp_path)
    run(shell, "x = 1")
    line, identity = ("--name again", None) if known_by == "name" else ("", "a" if known_by == "id" else None)
    run(shell, f"%%app {line}\n{wait}x += 1", cell_id=identity)
    first = shell.user_ns["x"]
    more = "" if known_by == "text" else "\nx += 100"
    run(shell, f"%%app {line}\n{wait}x += 1{more}", cell_id=identity)
    assert first.parent.cancel() or first.cancelled()
    path.touch()
    assert value(shell, "x") == 2 + (100 if more else 0)  # not 3: the first run counts as never run
    run(shell, f"%%app {line}\n{wait}x += 1{more}", cell_id=identity)
    assert value(shell, "x") == 3 + (200 if more else 0)  # this one had ended


def test_what_another_cells_loop_has_bound_is_not_waited_for(shell: Any, tmp_path: Path) -> None:
    wait, path = gate(tmp_path)
    run(shell, f"%%app --name A\n{wait}for i in range(3): y = i\n1 / 0")
    run(shell, "%%app --name B\nfor i in range(5): y = i\nz = (i, y)")
    assert value(shell, "z") == (4, 4)
    assert (value(shell, "i"), value(shell, "y")) == (4, 4)
    path.touch()


def test_a_cell_that_cannot_be_run_again_is_told_of_and_keeps_no_other_from_it(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "a = b = 1")
    run(shell, "%%app --name A\nx = a + 1")
    run(shell, "%%app --name B\ny = b + 1")
    assert (value(shell, "x"), value(shell, "y")) == (2, 2)
    run(shell, "del a\nb = 5")
    capsys.readouterr()
    run(shell, "%nbflow run --stale")
    said = capsys.readouterr().out
    assert "1 cell again: B." in said
    assert "A cannot be run again:" in said
    assert value(shell, "y") == 6


def test_cells_with_loops_do_not_make_each_other_stale(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "n = 2")
    run(shell, "%%app --name A\nfor i in range(n): pass")
    run(shell, "%%app --name B\nfor i in range(100): pass")
    assert value(shell, "i") == 99
    run(shell, "n = 3\n%nbflow run --stale")
    assert value(shell, "i") == 2
    assert all("stale" not in line for line in cells(shell, capsys))


def test_a_cell_that_failed_is_run_again_on_what_was_there_before(shell: Any) -> None:
    run(shell, "x = 1")
    run(shell, "%%app\nx = x + 1\nfor i in range(3): last = 1 / (x - 2)", cell_id="a")
    shell.user_ns["x"].exception(SECONDS)
    run(shell, "%%app\nx = x + 1\nfor i in range(3): last = 1 / x", cell_id="a")
    assert (value(shell, "x"), value(shell, "last")) == (2, 0.5)


def test_what_failed_is_tried_again_but_for_runs_that_a_later_one_has_taken_the_place_of(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "%%app --name one\nx = 1 / 0")
    run(shell, "%nbflow wait")
    run(shell, "%%app --name one\nx = 2 / 0")
    run(shell, "%%app --name other\ny = 3 / 0")
    run(shell, "%nbflow wait")
    capsys.readouterr()
    run(shell, "%nbflow retry")
    assert "Tried again: tasks 2 `one`, 3 `other`." in capsys.readouterr().out


def test_stale_cells_are_told_and_run_again_in_the_order_of_their_needs(
    shell: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run(shell, "a = 1; b = 1\ndef f(x): return x + 1")
    run(shell, "%%app\nx = f(a)\nprint('ran x')")
    run(shell, "%%app\ny = x * 10\nprint('ran y')")
    run(shell, "%%app --name alone\nz = b\nprint('ran z')")
    run(shell, "%nbflow wait")
    assert cells(shell, capsys) == [
        "In[2] f, a x ✓ fresh", "In[3] x y ✓ fresh", "alone (In[4]) b z ✓ fresh",
    ]  # fmt: skip
    run(shell, "%nbflow run --stale")
    assert "All cells are up to date." in capsys.readouterr().out
    run(shell, "a = 2")
    assert cells(shell, capsys) == [
        "In[2] f, a x ↻ stale `a` has changed",
        "In[3] x y ↻ stale `x` comes from In[2], which is to run again",
        "alone (In[4]) b z ✓ fresh",
    ]
    tasks, displays = nbflow.dfk().task_count, len(under(shell))
    run(shell, "%nbflow run --stale")
    assert "2 cells again: In[2], In[3]." in capsys.readouterr().out
    assert (value(shell, "y"), nbflow.dfk().task_count - tasks) == (30, 2)
    run(shell, "%nbflow wait")
    assert [line.split()[-1] for line in cells(shell, capsys)] == ["fresh"] * 3
    assert len(under(shell)) - displays <= 4  # tables; the cells' own displays were replaced
    run(shell, "def f(x): return x + 5")
    assert "`f` has changed" in cells(shell, capsys)[0]


def test_failed_running_and_uncompared_cells_are_told(
    shell: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    numpy = pytest.importorskip("numpy")
    wait, path = gate(tmp_path)
    shell.user_ns |= {"d": 0, "big": numpy.ones(2_000_000)}
    run(shell, "%%app\nq = 1 / d")
    run(shell, "%%app\nn = len(big)")
    shell.user_ns["n"].result(SECONDS), shell.user_ns["q"].exception(SECONDS)
    run(shell, f"%%app\n{wait}r = d")
    run(shell, "%%app\nafter = r")
    eventually(lambda: shell.user_ns["r"].running())
    lines = cells(shell, capsys)
    assert lines[0] == "In[1] d q ✕ failed ZeroDivisionError: division by zero"
    assert lines[1].startswith("In[2] big n ✓ fresh `big`: too big to be compared (16 MB or more)")
    assert lines[2].startswith("In[3] d os, time, r ▶ running")
    assert lines[3] == f"In[4] r after {State.WAITING.sign} waiting"
    shell.user_ns |= {"d": 2, "big": numpy.ones(3_000_000)}
    lines = cells(shell, capsys)
    assert "`d` has changed" in lines[0]
    assert "stale `big` has changed" in lines[1]
    path.touch()
    run(shell, "%nbflow run --stale")
    assert (value(shell, "q"), value(shell, "n"), value(shell, "r")) == (0.5, 3_000_000, 2)


def test_run_and_cells_say_what_they_take(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert "%nbflow run takes --stale" in str(refusal(shell, "%nbflow run"))
    run(shell, "%nbflow cells")
    run(shell, "%nbflow run --stale")
    assert capsys.readouterr().out.count("No cell has run as a task yet") == 2


def test_a_cell_that_was_deleted_is_not_run_again(kernel: Kernel) -> None:
    def execute(code: str, **metadata: Any) -> None:
        """As JupyterLab does: with the cell's id, and those that were deleted since the last time."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        message = kernel.client.session.msg("execute_request", content, metadata=metadata)
        kernel.client.shell_channel.send(message)
        while (
            kernel.client.get_shell_msg(timeout=30)["parent_header"]["msg_id"] != message["header"]["msg_id"]
        ):
            pass

    kernel.run("base = 1")
    execute("%%app --name stays\nleft = base", cellId="one")
    execute("%%app --name goes\ngone = base", cellId="two")
    assert kernel.value("left.result(), gone.result()") == "(1, 1)"
    execute("base = 2", cellId="three", deletedCells=["two"])
    assert "1 cell again: stays" in kernel.run("%nbflow run --stale").text
    assert kernel.value("left.result(), gone.result()") == "(2, 1)"
