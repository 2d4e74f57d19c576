"""What a program says that ends while tasks have not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

import nbflow
from nbflow import DataFlowKernel, python_app
from nbflow.client.flow import parting
from tests.gates import Gate, stand_at


@pytest.fixture
def in_a_notebook() -> Iterator[None]:
    parting.in_notebook(True)
    yield
    parting.in_notebook(False)


def test_it_tells_how_many_tasks_of_which_apps_and_what_would_have_waited() -> None:
    assert parting.words(Counter(fit=2, load=1)) == (
        "nbflow: the program ends while 3 tasks have not (2 `fit`, 1 `load`); they are lost. "
        "nbflow.wait_for_current_tasks() waits for them"
    )


@pytest.mark.usefixtures("in_a_notebook")
def test_in_a_notebook_it_names_the_cell_that_was_missing(capfd: pytest.CaptureFixture[str]) -> None:
    parting.say(Counter(fit=1))
    assert capfd.readouterr().err == (
        "nbflow: the kernel ends while 1 task has not (1 `fit`); it is lost. "
        "`%nbflow wait` as the last cell waits for them\n"
    )


def test_of_many_apps_those_with_most_tasks_are_named() -> None:
    text = parting.words(Counter({f"app{i}": 10 - i for i in range(7)}))
    assert "10 `app0`" in text
    assert "app5" not in text
    assert "and more of 2 other apps" in text


def test_names_are_shown_as_text() -> None:
    assert "\x1b" not in parting.words(Counter({"a\x1b[31m\nb": 1}))


def test_where_nothing_is_left_nothing_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    parting.say(Counter())
    assert capfd.readouterr().err == ""


def test_items_of_sweeps_are_counted_each_and_the_tasks_that_run_them_are_not(
    flow: DataFlowKernel, gate: Gate
) -> None:
    alone = python_app(stand_at)
    sweep = nbflow.starmap(stand_at, [(gate, number) for number in range(50)])
    calls = [alone(gate, 1), alone(gate, 2)]
    gate.wait_for(2)
    assert parting.unended(flow.calls) == Counter(stand_at=52)
    sweep.cancel()
    for call in calls:
        call.cancel()
    assert parting.unended(flow.calls) == Counter()
