"""Running cells that ran as tasks again: by hand, and those that are not up to date."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow.core.states import State
from nbflow.notebook.task.future import NameFuture
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


@pytest.mark.parametrize("known_by", ["id", "name"])
def test_running_a_cell_again_withdraws_the_run_that_goes_on(
    shell: Any, tmp_path: Path, known_by: str
) -> None:
    wait, path = gate(tmp_path)
    run(shell, "x = 1")
    line, identity = ("--name again", None) if known_by == "name" else ("", "a")
    run(shell, f"%%app {line}\n{wait}x += 1", cell_id=identity)
    first = shell.user_ns["x"]
    run(shell, f"%%app {line}\n{wait}x += 1\nx += 100", cell_id=identity)
    assert first.parent.cancel() or first.cancelled()
    path.touch()
    assert value(shell, "x") == 102  # not 103: the first run counts as never run
    run(shell, f"%%app {line}\n{wait}x += 1\nx += 100", cell_id=identity)
    assert value(shell, "x") == 203  # this one had ended


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
    assert value(shell, "i") == 99, "as if both had been run once, in their order"
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


# ---------------------------------------------------------------- cells that bind the same name


def again(shell: Any, capsys: pytest.CaptureFixture[str]) -> str:
    """What `%nbflow run --stale` says; all that it has begun is over then."""
    capsys.readouterr()
    run(shell, "%nbflow run --stale")
    said = capsys.readouterr().out
    run(shell, "%nbflow wait")
    return said


def test_cells_that_bind_one_name_one_after_the_other_are_run_again_one_after_the_other(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "a = 1")
    run(shell, "%%app --name A\nx = a", cell_id="a")
    run(shell, "%%app --name early\ny = x", cell_id="b")
    run(shell, "%%app --name B\nx = x + 1", cell_id="c")
    run(shell, "%%app --name late\nz = x", cell_id="d")
    run(shell, "%%app --name C\nx = 100", cell_id="e")
    assert (value(shell, "y"), value(shell, "z"), value(shell, "x")) == (1, 2, 100)
    assert all(line.endswith("fresh") for line in cells(shell, capsys))
    run(shell, "a = 10")
    assert [line.split("stale ")[-1] for line in cells(shell, capsys)[:4]] == [
        "`a` has changed", *["`x` comes from A, which is to run again"] * 2, "`x` comes from B, which is to run again"
    ]  # fmt: skip
    assert "4 cells again: A, early, B, late." in again(shell, capsys)
    # as if the cells had been run once, in their order
    assert (value(shell, "y"), value(shell, "z"), value(shell, "x")) == (10, 11, 100)
    assert "All cells are up to date." in again(shell, capsys)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_cells_bind_all_is_in_the_end_as_if_they_had_been_run_once_in_their_order(
    shell: Any, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    chance = random.Random(seed)
    nbflow.load(nbflow.Config(executors=[nbflow.ThreadExecutor(max_workers=2)]))
    bodies = []
    for number in range(8):
        reads = chance.sample(["a", "b", "x", "y", "z"], 2)
        bodies.append(f"{chance.choice('xyz')} = {' * 3 + '.join(reads)} + {number}")
    run(shell, "a, b, x, y, z = 1, 2, 3, 4, 5")
    for number, body in enumerate(bodies):
        run(shell, f"%%app --name c{number}\n{body}", cell_id=str(number))
    for name, number in chance.sample([("a", 100), ("b", 1000)], 2):
        run(shell, f"{name} = {number}")
        again(shell, capsys)
        expected = {"a": shell.user_ns["a"], "b": shell.user_ns["b"], "x": 3, "y": 4, "z": 5}
        for body in bodies:
            exec(body, {}, expected)
        found = {name: shell.user_ns[name] for name in expected}
        assert {
            name: one.result(SECONDS) if isinstance(one, NameFuture) else one for name, one in found.items()
        } == expected
        assert "All cells are up to date." in again(shell, capsys)


def test_a_cell_that_was_run_twice_on_its_own_value_builds_on_what_it_was_given_first(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "a = 1")
    run(shell, "%%app --name A\nx = a", cell_id="a")
    for _ in range(2):
        run(shell, "%%app --name B\nx = x + 1", cell_id="b")
        run(shell, "%nbflow wait")
    assert value(shell, "x") == 3
    run(shell, "a = 10")
    assert "2 cells again: A, B." in again(shell, capsys)
    assert value(shell, "x") == 11
    assert "All cells are up to date." in again(shell, capsys)


def test_cells_that_were_run_in_turns_on_each_others_values_settle(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "x = 1; k = 1")
    for _ in range(2):
        run(shell, "%%app --name A\nx = x + k", cell_id="a")
        run(shell, "%%app --name B\nx = x * 10", cell_id="b")
        run(shell, "%nbflow wait")
    assert value(shell, "x") == 210
    assert all(line.endswith("fresh") for line in cells(shell, capsys))
    run(shell, "k = 5")
    assert "2 cells again: A, B." in again(shell, capsys)
    assert "All cells are up to date." in again(shell, capsys)


def test_a_cell_whose_source_was_run_again_by_hand_is_stale(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "a = 1")
    run(shell, "%%app --name A\nx = a", cell_id="a")
    run(shell, "%%app --name B\nx = x + 1", cell_id="b")
    assert value(shell, "x") == 2
    run(shell, "%%app --name A\nx = a + 6", cell_id="a")
    assert value(shell, "x") == 7
    assert cells(shell, capsys)[0].endswith("`x` comes from A, which has run again since")
    assert "1 cell again: B." in again(shell, capsys)
    assert value(shell, "x") == 7, "the name stands for what was run by hand last"


def test_a_value_that_was_fetched_under_its_own_name_counts_as_the_same(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "a = 1")
    run(shell, "%%app --name A\nxs = [a]")
    run(shell, "%%app --name B\ny = xs + [0]")
    run(shell, "xs = xs.result()")
    assert value(shell, "y") == [1, 0]
    assert "All cells are up to date." in again(shell, capsys)
    run(shell, "a = 2")
    assert "2 cells again: A, B." in again(shell, capsys)
    assert (value(shell, "xs"), value(shell, "y")) == ([2], [2, 0])


def test_a_value_that_somebody_has_set_by_hand_takes_the_place_of_a_cells(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "%%app --name A\nx = 1")
    run(shell, "%%app --name B\ny = x + 1")
    assert value(shell, "y") == 2
    run(shell, "x = 7")
    assert cells(shell, capsys)[1].endswith("`x` has changed")
    assert "1 cell again: B." in again(shell, capsys)
    assert (value(shell, "y"), shell.user_ns["x"]) == (8, 7)
    assert "All cells are up to date." in again(shell, capsys)


def test_a_value_that_a_cell_has_taken_the_name_from_and_that_is_changed_in_place_counts(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "xs = ys = [1]")
    run(shell, "%%app --name A\nxs = xs + [0]")
    assert value(shell, "xs") == [1, 0]
    run(shell, "ys.append(2)")
    assert "1 cell again: A." in again(shell, capsys)
    assert value(shell, "xs") == [1, 2, 0]
    assert "All cells are up to date." in again(shell, capsys)


def test_a_function_that_uses_what_a_cell_binds_is_followed_to_that_cell(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "a = 1\ndef f(): return x * 10")
    run(shell, "%%app --name A\nx = a")
    run(shell, "%%app --name B\ny = f()")
    assert value(shell, "y") == 10
    run(shell, "a = 2")
    assert cells(shell, capsys)[1].endswith("`f` uses what comes from A, which is to run again")
    assert "2 cells again: A, B." in again(shell, capsys)
    assert value(shell, "y") == 20
    assert "All cells are up to date." in again(shell, capsys)


def test_a_cell_that_waits_for_what_was_made_of_its_own_run_is_given_what_was_there_before(
    shell: Any, tmp_path: Path
) -> None:
    wait, path = gate(tmp_path)
    run(shell, "x = 1; w = 0")
    run(shell, f"%%app --name A\n{wait}x = x + 1 + w", cell_id="a")
    run(shell, "%%app --name B\nx = x * 2\nw = x", cell_id="b")
    waits = shell.user_ns["x"]
    run(shell, f"%%app --name A\n{wait}x = x + 3 + w", cell_id="a")
    path.touch()
    assert value(shell, "x") == 4  # neither 2 nor what B would have made of it
    eventually(waits.cancelled)


def test_a_cell_that_is_none_any_more_is_not_run_again(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "a = 1")
    run(shell, "%%app\nx = a", cell_id="a")
    run(shell, "%%app\ny = a", cell_id="b")
    assert (value(shell, "x"), value(shell, "y")) == (1, 1)
    refusal(
        shell,
        "%%app\nx = a +",
    )
    assert len(cells(shell, capsys)) == 2, "a slip of the pen does not make another cell of it"
    run(shell, "x = a + 5", cell_id="a")
    run(shell, "a = 2")
    assert "1 cell again: In[3]." in again(shell, capsys)
    assert (shell.user_ns["x"], value(shell, "y")) == (6, 2)


def test_two_cells_of_one_text_are_two_where_no_front_end_says_which_is_which(
    shell: Any, tmp_path: Path
) -> None:
    wait, path = gate(tmp_path)
    run(shell, "x = 0")
    for _ in range(3):
        run(shell, f"%%app\n{wait}x = x + 1")
    path.touch()
    assert value(shell, "x") == 3
