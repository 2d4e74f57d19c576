"""Completing a call: pure, whatever the caller gives and however."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow import File
from nbflow.client.parameters import SPECIAL, Parameters, parameters_of, without_futures
from nbflow.client.special import AUTO_LOGNAME, complete


def takes_all(
    x: Any,
    inputs: Any = (),
    outputs: Any = (),
    y: Any = "y",
    stdout: Any = None,
    stderr: Any = None,
    walltime: Any = None,
    label: Any = None,
) -> None:
    """A function with every special keyword, in between others."""


def takes_none(x: Any, y: Any = "y") -> None:
    """A function with none."""


def takes_any(x: Any, **more: Any) -> None:
    """A function that takes whatever it is given."""


def unnamed(stream: str, label: Any) -> str:
    return f"auto.{stream}"


names = st.sampled_from(["a.txt", "b/c.txt"])
files = st.lists(st.one_of(names, names.map(Path), names.map(File)), max_size=3)
streams = st.one_of(
    st.none(), names, names.map(Path), names.map(File), st.tuples(names, st.just("w")), st.just(AUTO_LOGNAME)
)
given_specially = st.fixed_dictionaries(
    {},
    optional={
        "inputs": files.map(lambda items: [*items, 7]) | files.map(tuple),
        "outputs": files,
        "stdout": streams,
        "stderr": streams,
        "walltime": st.none() | st.floats(0.1, 1e6),
    },
)


@given(given_specially, st.integers(1, 7))
def test_how_a_special_keyword_is_given_does_not_matter(special: dict[str, Any], by_place: int) -> None:
    parameters = parameters_of(takes_all)
    assert parameters.signature is not None
    by_name = complete(parameters, (1,), special, unnamed)
    bound = parameters.signature.bind(1, **special)
    bound.apply_defaults()
    values = list(bound.arguments.values())
    rest = dict(list(bound.arguments.items())[by_place:])
    placed = complete(parameters, tuple(values[:by_place]), rest, unnamed)
    assert _seen(parameters, placed.args, placed.kwargs) == _seen(parameters, by_name.args, by_name.kwargs)
    assert placed[2:8] == by_name[2:8]


@given(given_specially, st.sampled_from([takes_all, takes_none, takes_any]))
def test_what_the_caller_gave_is_never_changed(special: dict[str, Any], function: Callable[..., Any]) -> None:
    before = copy.deepcopy(special)
    done = complete(parameters_of(function), (1,), special, unnamed)
    assert special == before
    assert [type(value) for value in special.values()] == [type(value) for value in before.values()]
    assert all(
        done.kwargs.get(name) is not special[name] for name in ("inputs", "outputs") if name in special
    )


@given(given_specially)
def test_only_a_function_that_takes_a_special_keyword_gets_it(special: dict[str, Any]) -> None:
    assert complete(parameters_of(takes_none), (1,), special, unnamed).kwargs == {}
    assert complete(parameters_of(takes_any), (1,), special, unnamed).kwargs.keys() == special.keys()
    assert set(SPECIAL) >= special.keys()


@given(given_specially)
def test_streams_are_paths_and_modes_or_nothing(special: dict[str, Any]) -> None:
    done = complete(parameters_of(takes_none), (1,), special, unnamed)
    asked = [special.get(name) for name in ("stdout", "stderr")]
    if asked == [None, None]:
        assert done.streams == ()
        return
    pairs = list(zip(done.streams[::2], done.streams[1::2], strict=True))
    assert [pair == ("", "") for pair in pairs] == [value is None for value in asked]
    modes = {path: mode for path, mode in pairs if path}
    assert set(modes.values()) <= {"w", "a+"}
    assert all(value != AUTO_LOGNAME for value in done.asked)
    assert done.counted.keys() == {name for name, value in special.items() if type(value) is not int}


def _seen(parameters: Parameters, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """What the function sees, by its parameters' names."""
    assert parameters.signature is not None
    bound = parameters.signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in bound.arguments.items()
    }


# ---------------------------------------------------------------- parameters


def test_only_functions_with_special_parameters_or_late_defaults_are_looked_at() -> None:
    assert parameters_of(takes_all).read
    assert not parameters_of(takes_none).read
    assert not parameters_of(takes_any).read
    assert not parameters_of(max).read
    future: Future[int] = Future()
    for late in (future, [future], {"a": (future,)}, File("http://host/a"), [File("http://host/a")]):
        assert parameters_of(_with_default(late)).defaults == {"x": late}
    for plain in (1, [1], File("a"), {"a": ()}):
        assert not parameters_of(_with_default(plain)).read


def test_a_default_that_holds_itself_is_looked_at_once() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert not parameters_of(_with_default(endless)).read


def test_a_function_travels_without_the_futures_of_its_defaults() -> None:
    future: Future[int] = Future()

    def function(a: Any, b: Any = 1, c: Any = future, *, d: Any = (future,), e: Any = 2) -> Any:
        """Says what it got."""
        return a, b, c, d, e

    function.mark = 1  # type: ignore[attr-defined]
    copied = without_futures(function)
    assert copied is not function
    assert copied(0) == (0, 1, None, None, 2)
    assert function(0)[2] is future
    same = ("__name__", "__qualname__", "__module__", "__doc__", "__code__", "mark")
    assert all(getattr(copied, name) is getattr(function, name) for name in same)
    assert without_futures(takes_all) is takes_all
    assert without_futures(len) is len


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "why"),
    [
        (takes_none, (), {}, "missing a required argument: 'x'"),
        (takes_none, (1, 2, 3), {}, "too many positional arguments"),
        (takes_none, (1,), {"z": 1}, "got an unexpected keyword argument 'z'"),
        (takes_none, (1,), {"stdout": "x", "walltime": 3}, ""),
        (takes_all, (1,), {"stdout": "x"}, ""),
        (takes_any, (1,), {"z": 1}, ""),
        (max, (), {"z": 1}, ""),
    ],
)
def test_why_arguments_are_refused(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], why: str
) -> None:
    assert parameters_of(function).refused(args, kwargs) == why


def _with_default(default: Any) -> Callable[..., Any]:
    def function(x: Any = default) -> Any:
        return x

    return function
