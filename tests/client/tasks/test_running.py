"""The functions that whoever runs tasks keeps: shared ones for good, others for as long as a call needs them."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from nbflow.client.tasks.running import MOST_DEFINES, Runner
from nbflow.values.pickling import dumps
from nbflow.wire.messages import Define, Run
from nbflow.wire.outcomes import Inline


def double(x: int) -> int:
    return 2 * x


class Nothing:
    """As if nothing were printed."""

    def redirected(self, streams: object) -> Any:
        return contextlib.nullcontext()

    def take(self) -> bytes:
        return b""


@pytest.fixture
def runner() -> Runner:
    return Runner([], Nothing(), lambda future: future)  # type: ignore[arg-type]


def define(digest: bytes, reusable: bool) -> Define:
    return Define(digest, dumps(double).data, reusable, "", "", 0, {})


def run(runner: Runner, number: int, digest: bytes) -> Any:
    call = Inline(dumps(((number,), {})).data)
    return runner.run(Run(number, 1, "double", "python", digest, call, [], ("", ""), (), b"")).outcome


def kept(runner: Runner) -> set[bytes]:
    return {*runner._defines, *runner._functions}


def test_a_function_that_many_calls_share_stays(runner: Runner) -> None:
    runner.define(define(b"shared", reusable=True))
    runner.is_past(b"shared")  # a call was given back before any has run
    assert [run(runner, n, b"shared") for n in (1, 2)] == [Inline(dumps(2 * n).data) for n in (1, 2)]
    assert kept(runner) == {b"shared"}


def test_one_that_comes_with_a_call_goes_with_the_last_call_that_names_it(runner: Runner) -> None:
    for _ in range(3):
        runner.define(define(b"alone", reusable=False))
    assert run(runner, 1, b"alone") == Inline(dumps(2).data)
    runner.is_past(b"alone")  # given back
    assert kept(runner) == {b"alone"}
    assert run(runner, 3, b"alone") == Inline(dumps(6).data)
    assert kept(runner) == set()


def test_there_are_never_more_than_can_be_called_for(runner: Runner) -> None:
    for number in range(MOST_DEFINES + 9):
        runner.define(define(b"%d" % number, reusable=False))
    assert len(kept(runner)) == len(runner._calls) == MOST_DEFINES
