"""Sweeps in a notebook: the card that counts, and `%nbflow map`."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import nbflow
from nbflow import Config, ProcessExecutor, State
from nbflow.notebook.sweepcard import SweepCard
from tests.gates import make_gate
from tests.notebook.shells import shell_in_process

SECONDS = 20.0

CELL = """%%app
from tests.gates import stand_at

def double(x, by=2):
    return x * by

def invert(x):
    return 1 / x

def stand(x, gate=None):
    return stand_at(gate, x)
"""


@pytest.fixture
def shell() -> Iterator[Any]:
    nbflow.clear()
    nbflow.load(Config(executors=[ProcessExecutor(1)]))
    with shell_in_process(front_end=True) as shell:
        shell.run_cell(CELL, store_history=True).raise_error()
        yield shell
    nbflow.clear()


def bundles(shell: Any) -> list[dict[str, str]]:
    return [output["data"] for output in shell.display_pub.outputs]


def eventually(shell: Any, true: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for bundle in bundles(shell):
            if true(bundle):
                return bundle
        threading.Event().wait(0.01)
    raise AssertionError(bundles(shell))


def refusal(shell: InteractiveShell, cell: str) -> str:
    error = shell.run_cell(cell, store_history=True).error_in_exec
    assert isinstance(error, UsageError), error
    return str(error)


# ---------------------------------------------------------------- the card


@pytest.mark.parametrize(
    ("counts", "state", "text"),
    [
        ({State.WAITING: 3}, State.WAITING, "sweep of 3 items over `f` has not ended yet"),
        ({State.WAITING: 2, State.FAILED: 1}, State.RUNNING, "sweep of 3 items over `f` has not ended yet"),
        ({State.DONE: 3000}, State.DONE, "sweep of 3,000 items over `f`: 3,000 done"),
        (
            {State.DONE: 1, State.CANCELLED: 1},
            State.CANCELLED,
            "sweep of 2 items over `f`: 1 done, 1 cancelled",
        ),
        ({}, State.DONE, "sweep of 0 items over `f`: nothing to do"),
        (
            {State.DONE: 1, State.FAILED: 7},
            State.FAILED,
            "sweep of 8 items over `f`: 1 done, 7 failed\n  item 0: no\n  and 6 more failed",
        ),
    ],
)
def test_a_card_tells_the_counts(counts: dict[State, int], state: State, text: str) -> None:
    card = SweepCard("f", counts, ["item 0: no"] if counts.get(State.FAILED) else [])
    assert (card.state, card.bundle()["text/plain"]) == (state, text)
    assert f'data-card="{state.label}"' in card.bundle()["text/html"]
    widths = [
        float(width) for width in re.findall(r'<span style="width:([0-9.]+)%', card.bundle()["text/html"])
    ]
    assert len(widths) == len(counts)
    assert not widths or sum(widths) == pytest.approx(100, abs=0.01)


def test_a_sweep_at_the_end_of_a_cell_counts_under_it(shell: Any, tmp_path: Path) -> None:
    gate, held = make_gate(tmp_path)
    shell.user_ns["gate"] = gate
    shell.run_cell(
        "sweep = nbflow.grid(stand, {'x': [1, 2, 3]}, gate=gate, chunksize=1)\nsweep", store_history=True
    )
    first = bundles(shell)[0]
    assert first["text/plain"] == "sweep of 3 items over `stand` has not ended yet"
    gate.wait_for(1)
    gate.let_through(1)
    eventually(shell, lambda bundle: "1 done" in bundle["text/html"])
    gate.let_through(2)
    last = eventually(shell, lambda bundle: bundle["text/plain"] == "sweep of 3 items over `stand`: 3 done")
    assert "waiting" not in last["text/html"]
    ids = {output["transient"]["display_id"] for output in shell.display_pub.outputs}
    assert len(ids) == 1
    shell.display_pub.outputs.clear()
    shell.run_cell("%nbflow wait", store_history=True)
    assert [bundle["text/plain"] for bundle in bundles(shell)] == [last["text/plain"]], "for a head-less run"
    for fd in held:
        os.close(fd)


def test_the_first_items_that_fail_are_told_with_what_they_ran_for(shell: Any) -> None:
    shell.run_cell(
        "sweep = nbflow.grid(invert, {'x': [0, 1, 0]}); sweep.exception()\nsweep", store_history=True
    )
    last = eventually(shell, lambda bundle: "2 failed" in bundle["text/plain"])
    assert last["text/plain"].split("\n")[1:] == [
        "  item 0 (x=0): ZeroDivisionError: division by zero",
        "  item 2 (x=0): ZeroDivisionError: division by zero",
    ]


def test_without_a_front_end_a_card_is_displayed_once(shell: Any, tmp_path: Path) -> None:
    del shell.kernel
    shell.run_cell("sweep = nbflow.map(double, [1, 2]); sweep.result()\nsweep", store_history=True)
    assert [bundle["text/plain"] for bundle in bundles(shell)] == ["sweep of 2 items over `double`: 2 done"]


def test_the_thread_that_looks_ends_with_the_extension(shell: Any) -> None:
    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name == "nbflow-sweep-cards"]

    shell.run_cell("sweep = nbflow.map(double, range(5))\nsweep", store_history=True)
    eventually(shell, lambda bundle: "5 done" in bundle["text/plain"])
    shell.run_line_magic("unload_ext", "nbflow")
    assert threads() == []
    shell.run_line_magic("load_ext", "nbflow")


# ---------------------------------------------------------------- %nbflow map


def test_an_app_runs_over_names_of_the_notebook(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell("xs = [1, 2, 3]\nbys = (10, 20, 30)", store_history=True)
    shell.run_cell("%nbflow map double over xs", store_history=True).raise_error()
    assert "double_sweep = nbflow.map(double, xs)" in capsys.readouterr().out
    assert shell.user_ns["double_sweep"].result(SECONDS) == [2, 4, 6]
    shell.run_cell("%nbflow map double over xs, bys --into scaled", store_history=True).raise_error()
    assert shell.user_ns["scaled"].result(SECONDS) == [10, 40, 90]
    shell.run_cell(
        "x, by = [1, 2], [3, 4]\n%nbflow map double over x by --grid", store_history=True
    ).raise_error()
    assert "double_sweep = nbflow.grid(double, {'x': x, 'by': by})" in capsys.readouterr().out
    assert shell.user_ns["double_sweep"].result(SECONDS) == [3, 4, 6, 8]
    assert list(shell.user_ns["double_sweep"].frame()["by"]) == [3, 4, 3, 4]
    eventually(shell, lambda bundle: bundle["text/plain"] == "sweep of 4 items over `double`: 4 done")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "takes APP over NAME... [--grid] [--into NAME]"),
        ("double xs", "takes APP over NAME"),
        ("double over", "takes APP over NAME"),
        ("double over xs --into", "--into takes a name, not ''"),
        ("double over xs --into 1x", "--into takes a name, not '1x'"),
        ("double over xs --product", "does not know '--product'"),
        ("double over range(3)", "not 'range(3)'; nbflow.map takes any value"),
        ("dubble over xs", "nothing is called 'dubble' here; did you mean 'double'?"),
        ("double over ys", "nothing is called 'ys' here"),
        ("xs over xs", "xs is no app or function, but of the type list"),
        ("double over number", "goes through lists and other iterables, not 5"),
        ("double over xs --grid", "double(): "),
    ],
)
def test_what_cannot_be_run_over_is_refused(shell: Any, words: str, message: str) -> None:
    shell.run_cell("xs, number = [1, 2, 3], 5", store_history=True)
    assert message in refusal(shell, f"%nbflow map {words}")
    assert "double_sweep" not in shell.user_ns
