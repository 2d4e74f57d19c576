"""Thousands of failures at once: each future ends with its own error, and nothing is done for each of the others."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import nbflow
from nbflow import AppFuture, State, python_app
from nbflow.errors import NeedFailed, RemoteError
from nbflow.values import outcome
from nbflow.wire.outcomes import Failure

pytestmark = pytest.mark.usefixtures("no_checks_after_every_step")

MANY = 5_000


@pytest.fixture
def no_checks_after_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """They look at every task after every step, which is not to be done with thousands."""
    nbflow.clear()
    monkeypatch.delenv("NBFLOW_VALIDATE")


@python_app
def head(path: str) -> None:
    with open(path) as file:
        file.read()
    raise ValueError("the head")


@python_app
def link(*needs: object) -> None:
    raise AssertionError("never runs")


def fan(first: AppFuture) -> list[AppFuture]:
    return [link(first) for _ in range(MANY)]


def chain(first: AppFuture) -> list[AppFuture]:
    futures = [link(first)]
    for _ in range(MANY - 1):
        futures.append(link(futures[-1]))
    return futures


def layers(first: AppFuture) -> list[AppFuture]:
    layer, futures = [first] * 50, []
    for _ in range(MANY // 50):
        layer = [link(layer[n], layer[(n * 7 + 1) % 50]) for n in range(50)]
        futures += layer
    return futures


@pytest.mark.parametrize("shape", [fan, chain, layers], ids=lambda shape: shape.__name__)
def test_5_000_dependants_of_a_failed_task_end_and_name_it_once(
    shape: Callable[[AppFuture], list[AppFuture]], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with nbflow.load() as flow:
        first = head(str(gate))
        futures = shape(first)
        with open(gate, "w"):  # only now may it fail
            pass
        for future in futures:
            error = future.exception(50)
            assert type(error) is NeedFailed
            assert (error.root_id, str(error.root)) == (first.tid, "the head")
            assert str(error).count("the head") == 1
            assert error.__cause__ is error.root
            assert error.root.__context__ is None
        assert len(futures) == MANY
        assert flow.counts()[State.SKIPPED] == MANY


def test_an_error_that_is_large_is_told_in_brief_to_those_who_needed_the_task() -> None:
    @python_app
    def fails(size: int) -> None:
        raise ValueError(b"x" * size)

    with nbflow.load():
        for size, kind in ((1_000, ValueError), (100_000, RemoteError)):
            first = fails(size)
            error = link(first).exception(50)
            assert first.exception(50).args == (b"x" * size,)
            assert type(error) is NeedFailed
            assert type(error.root) is kind
            assert str(error.root).startswith(("b'xxx", "ValueError: b'xxx"))
            assert "raise ValueError(b" in str(error.root.__cause__)


def test_thousands_of_failing_tasks_each_have_their_own_error() -> None:
    @python_app
    def fails(n: int) -> None:
        raise ValueError(n)

    with nbflow.load() as flow:
        futures = [fails(n) for n in range(2_000)]
        for n, future in enumerate(futures):
            error = future.exception(50)
            assert type(error) is ValueError
            assert error.args == (n,)
            assert "raise ValueError(n)" in str(error.__cause__)
        assert flow.counts()[State.FAILED] == 2_000


def failure_of(function: Callable[..., None], *args: object) -> Failure:
    try:
        function(*args)
    except BaseException as error:
        return outcome.pack_error(error, function.__code__)
    raise AssertionError("nothing was raised")


def two_places(n: int) -> None:
    if n % 2:
        raise ValueError(f"odd {n}")
    raise KeyError(f"even {n}")


def test_the_text_of_a_place_is_made_once_and_that_of_each_error_each_time() -> None:
    found = [failure_of(two_places, n) for n in range(4)]
    assert [one.text for one in found] == ["'even 0'", "odd 1", "'even 2'", "odd 3"]
    assert [one.line for one in found] == [4, 3, 4, 3]
    assert found[3].traceback == found[1].traceback.replace("odd 1", "odd 3")
    assert found[1].traceback.endswith("ValueError: odd 1\n")
    assert 'raise KeyError(f"even {n}")' in found[2].traceback
    assert found[2].traceback.startswith("Traceback (most recent call last):\n")


def with_a_note() -> None:
    error = ValueError("text")
    error.__notes__ = ["a note"]  # type: ignore[attr-defined]
    raise error


def from_another() -> None:
    raise ValueError("second") from KeyError("first")


def while_another() -> None:
    try:
        raise KeyError("first")
    except KeyError:
        raise ValueError("second")  # noqa: B904 - what it is about


def misspelt() -> None:
    lenght = 1
    del lenght
    print(lenth)  # type: ignore[name-defined] # noqa: F821


@pytest.mark.parametrize("function", [from_another, while_another])
def test_tracebacks_of_several_errors_are_told_in_full(function: Callable[[], None]) -> None:
    told = failure_of(function).traceback
    assert "KeyError: 'first'" in told
    assert told.endswith("ValueError: second\n")


def test_what_python_tells_beside_the_text_is_told() -> None:
    assert "NameError: name 'lenth' is not defined" in failure_of(misspelt).traceback
    if hasattr(BaseException, "add_note"):
        assert failure_of(with_a_note).traceback.endswith("ValueError: text\na note\n")
