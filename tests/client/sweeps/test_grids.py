"""`nbflow.grid` and `sweep.frame()`: combinations of arguments, and a table of what came of them."""

from __future__ import annotations

import builtins
import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbflow
from nbflow import Config, DataFlowKernel, ProcessExecutor, ThreadExecutor
from nbflow.client.sweeps.points import Points
from tests.gates import Gate, stand_at

SOON = 20  # seconds


@pytest.fixture(params=[ProcessExecutor, ThreadExecutor])
def each_flow(request: pytest.FixtureRequest) -> Iterator[DataFlowKernel]:
    """Two worker processes, whose items travel many at a time; two threads, where each is a call of its own."""
    nbflow.clear()
    yield nbflow.load(Config(executors=[request.param(max_workers=2)]))
    nbflow.clear()


def fit(C: int, kernel: str = "rbf", *, data: Any = ()) -> str:  # noqa: N803
    return f"{kernel}:{C}:{sum(data)}"


# ---------------------------------------------------------------- the points


@given(st.dictionaries(st.text(min_size=1), st.lists(st.integers(), max_size=4), min_size=1, max_size=4))
def test_the_points_are_the_product_with_the_last_parameter_the_fastest(axes: dict[str, list[int]]) -> None:
    points = Points(axes)
    expected = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    assert list(points) == expected
    assert [points[i] for i in range(-len(points), len(points))] == [*expected, *expected]
    assert points[1:3] == expected[1:3]
    assert [list(point) for point in points] == [list(axes)] * len(expected)
    with pytest.raises(IndexError):
        points[len(points)]


@pytest.mark.parametrize(
    ("varied", "fixed", "error", "message"),
    [
        (
            {"kernel": "rbf"},
            {},
            TypeError,
            "the values of 'kernel' must be a list or another iterable, not 'rbf'",
        ),
        ({"C": 10}, {}, TypeError, "the values of 'C' must be a list or another iterable, not 10"),
        ({}, {}, ValueError, "at least one parameter"),
        ([1, 2], {}, TypeError, "as a dict"),
        ({1: [2]}, {}, TypeError, "named by texts, not 1"),
        ({"C": [1]}, {"C": 2}, TypeError, "'C' cannot vary and be fixed at once"),
        ({"c": [1]}, {}, TypeError, "fit()"),
        ({"C": [1]}, {"date": 1}, TypeError, "date"),
    ],
)
def test_what_makes_no_grid_is_refused_at_the_call(
    each_flow: DataFlowKernel, varied: Any, fixed: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        nbflow.grid(fit, varied, **fixed)
    assert message in str(caught.value)


# ---------------------------------------------------------------- the sweep


def test_a_grid_runs_every_combination_in_order(each_flow: DataFlowKernel) -> None:
    sweep = nbflow.grid(fit, {"C": (1, 10), "kernel": iter(["rbf", "linear"])}, data=[1, 2])
    assert sweep.result(SOON) == ["rbf:1:3", "linear:1:3", "rbf:10:3", "linear:10:3"]
    assert sweep.points is not None
    assert sweep.points[2] == {"C": 10, "kernel": "rbf"}
    assert repr(sweep.points) == "<4 points of C × kernel>"
    assert nbflow.grid(fit, {"C": []}).result(SOON) == []


def test_a_future_that_is_fixed_is_waited_for(each_flow: DataFlowKernel) -> None:
    data = nbflow.python_app(list)((1, 2, 3))
    assert nbflow.grid(fit, {"C": [1, 2]}, data=data).result(SOON) == ["rbf:1:6", "rbf:2:6"]


def test_a_special_keyword_means_what_it_means_in_a_call(each_flow: DataFlowKernel, tmp_path: Any) -> None:
    def say(x: int) -> None:
        print("said", x)

    nbflow.grid(nbflow.python_app(say), {"x": [1, 2]}, stdout=str(tmp_path / "said")).result(SOON)
    assert sorted((tmp_path / "said").read_text().splitlines()) == ["said 1", "said 2"]


def test_an_app_that_is_cached_recalls_points(nothing_loaded: None) -> None:
    with nbflow.load(Config(executors=[ProcessExecutor(1)])) as flow:
        app = nbflow.python_app(cache=True)(fit)
        assert nbflow.grid(app, {"C": [1, 2]}).result(SOON) == nbflow.grid(app, {"C": [1, 2]}).result(SOON)
        assert [row.recalled for row in flow.rows().values()] == [False, False, True, True]


# ---------------------------------------------------------------- the frame


def test_a_frame_has_a_row_for_each_point(each_flow: DataFlowKernel) -> None:
    def half(n: int, of: int) -> float:
        return of / n

    sweep = nbflow.grid(half, {"n": [1, 0], "of": [4, 6]})
    with pytest.raises(ZeroDivisionError):
        sweep.result(SOON)
    sweep.result(SOON, return_exceptions=True)
    frame = sweep.frame()
    assert list(frame.columns) == ["n", "of", "result", "state", "error", "seconds"]
    assert frame.index.name == "item"
    assert list(frame["n"]) == [1, 1, 0, 0]
    assert list(frame["result"][:2]) == [4.0, 6.0]
    assert frame["result"][2:].isna().all()
    assert list(frame["state"]) == ["done", "done", "failed", "failed"]
    assert list(frame["error"][2:]) == ["ZeroDivisionError: division by zero"] * 2
    assert frame["error"][:2].isna().all()
    assert (frame["seconds"] >= 0).all()


class Fitted(NamedTuple):
    score: float
    n: int


@dataclasses.dataclass
class Scored:
    score: float
    n: int


def as_dict(n: int) -> dict[str, float]:
    return {"score": n / 2, "n": -n} | ({"extra": 1.0} if n > 1 else {})


def as_tuple(n: int) -> Fitted:
    return Fitted(n / 2, -n)


def as_record(n: int) -> Scored:
    return Scored(n / 2, -n)


@pytest.mark.parametrize("make", [as_dict, as_tuple, as_record])
def test_fields_of_results_are_columns(each_flow: DataFlowKernel, make: Any) -> None:
    sweep = nbflow.grid(make, {"n": [1, 2]})
    sweep.result(SOON)
    frame = sweep.frame()
    extra = ["extra"] if make is as_dict else []
    assert list(frame.columns) == ["n", "score", "result_n", *extra, "state", "error", "seconds"]
    assert list(frame["n"]) == [1, 2]
    assert list(frame["result_n"]) == [-1, -2]
    assert list(frame["score"]) == [0.5, 1.0]
    if extra:
        assert math.isnan(frame["extra"][0])


def mixed(n: int) -> Any:
    return {"n": n} if n else "none"


def test_results_of_several_kinds_are_one_column(each_flow: DataFlowKernel) -> None:
    sweep = nbflow.map(mixed, [1, 0])
    sweep.result(SOON)
    assert list(sweep.frame().columns) == ["result", "state", "error", "seconds"]


def at_the_gate(n: int, gate: Gate) -> int:
    return stand_at(gate, n) if n else n


def test_a_frame_of_a_sweep_that_goes_on_has_what_there_is(nothing_loaded: None, gate: Gate) -> None:
    with nbflow.load(Config(executors=[ProcessExecutor(1)])):
        sweep = nbflow.grid(at_the_gate, {"n": [0, 1, 1]}, gate=gate, chunksize=1)
        assert sweep[0].result(SOON) == 0
        frame = sweep.frame()
        assert frame["result"][0] == 0
        assert frame["result"][1:].isna().all()
        assert frame["state"][0] == "done"
        assert set(frame["state"][1:]) <= {"running", "waiting"}
        assert frame["seconds"][1:].isna().all()
        gate.let_through(2)
        sweep.result(SOON)
        assert list(sweep.frame()["result"]) == [0, 1, 1]


def test_a_frame_of_nothing_has_no_rows(each_flow: DataFlowKernel) -> None:
    assert list(nbflow.map(fit, []).frame().columns) == ["result", "state", "error", "seconds"]


def test_without_pandas_the_error_says_what_to_install(
    each_flow: DataFlowKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_import = builtins.__import__

    def without_pandas(name: str, *args: Any) -> Any:
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'")
        return true_import(name, *args)

    sweep = nbflow.map(fit, [1])
    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(ImportError, match="pip install pandas"):
        sweep.frame()


def test_pandas_is_loaded_by_whoever_wants_a_frame_alone() -> None:
    from tests.test_public_names import loaded_after

    assert "nbflow.client.sweeps.frame" not in loaded_after("import nbflow; nbflow.grid")
