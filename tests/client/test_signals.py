"""Stretches that no handler of a signal disturbs: behind them all is as the program has set it, whatever was raised."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # what is patched here
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from nbflow.client import signals
from nbflow.client.signals import undisturbed

NUMBERS = signal.SIGINT, signal.SIGALRM, signal.SIGUSR1


class Came(Exception):
    """What the handlers raise."""


@pytest.fixture(autouse=True)
def handlers() -> Iterator[dict[int, Any]]:
    """Handlers of the program's own, which raise; put back afterwards."""

    def handler(*_: object) -> None:
        raise Came

    before = {number: signal.getsignal(number) for number in NUMBERS}
    own = {int(number): handler for number in NUMBERS}
    for number in NUMBERS:
        signal.signal(number, handler)
    yield own
    for number, found in before.items():
        signal.signal(number, found)


def found() -> dict[int, Any]:
    return {int(number): signal.getsignal(number) for number in NUMBERS}


def pass_a_stretch() -> None:
    """One with a look at what comes in it, that may be cut short."""
    with suppress(Came), undisturbed:
        undisturbed.let_in()
        undisturbed.shut_out()


@pytest.fixture
def cut_short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Have the n-th setting of a handler from now on raise what the handler of a signal does that has just come."""
    original = _signal.signal
    left = [0]

    def set_one(number: int, handler: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise Came
        return original(number, handler)

    monkeypatch.setattr(signals._signal, "signal", set_one)

    def cut(at: int) -> None:
        left[0] = at

    yield cut
    left[0] = 0


@pytest.mark.parametrize("at", range(1, 12))
def test_a_handler_that_raises_while_others_are_set_leaves_all_as_they_were(
    handlers: dict[int, Any], cut_short: Callable[[int], None], at: int
) -> None:
    cut_short(at)
    pass_a_stretch()
    cut_short(0)
    with undisturbed:
        pass
    assert found() == handlers


@pytest.mark.parametrize("at", range(1, 8))
def test_what_was_cut_short_is_put_right_by_the_next_stretch(
    handlers: dict[int, Any], monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Between two steps of ours a handler may raise as well, which no loop can take back."""
    original, left = signals._put, [at]

    def put_some(wanted: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            original(dict(list(wanted.items())[:1]))
            raise Came
        original(wanted)

    monkeypatch.setattr(signals, "_put", put_some)
    for _ in range(3):
        pass_a_stretch()
    with undisturbed:
        pass
    assert found() == handlers


def test_what_comes_within_is_handled_behind_it(handlers: dict[int, Any]) -> None:
    reached = []

    def stretch() -> None:
        with undisturbed:
            signal.raise_signal(signal.SIGALRM)
            reached.append(1)

    with pytest.raises(Came):
        stretch()
    assert reached == [1]
    assert found() == handlers
