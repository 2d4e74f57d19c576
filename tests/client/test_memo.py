"""What a cached app recalls and what it runs again, within one session."""

from __future__ import annotations

import collections
import logging
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbflow import (
    AppFuture,
    Config,
    DataFlowKernel,
    File,
    ProcessExecutor,
    ThreadExecutor,
    bash_app,
    errors,
    join_app,
    python_app,
)
from nbflow.values.fingerprint import fingerprint

pytestmark = pytest.mark.usefixtures("shared_flow")


class Runs:
    """Counts the runs of apps that call `note(log)`."""

    def __init__(self, log: Path) -> None:
        self.log = str(log)

    @property
    def count(self) -> int:
        path = Path(self.log)
        return len(path.read_text()) if path.exists() else 0


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "log")


def note(log: str) -> None:
    with open(log, "a", encoding="utf-8") as file:
        file.write("x")


def test_a_call_is_equal_however_its_arguments_are_passed(runs: Runs) -> None:
    log = runs.log

    @python_app(cache=True)
    def app(a: int, b: int = 2, *rest: int, c: int = 3, **more: int) -> Any:
        note(log)
        return a, b, rest, c, more

    equal = [app(1), app(1, 2), app(1, b=2), app(a=1, b=2), app(1, c=3)]
    assert [future.result(10) for future in equal] == [(1, 2, (), 3, {})] * 5
    assert runs.count == 1
    others = [app(2), app(1, 3), app(1, 2, 3), app(1, c=4), app(1, d=4), app(1.0), app(True)]  # type: ignore[arg-type]
    assert len([future.result(10) for future in others]) == len(others) == runs.count - 1


def test_a_keyword_that_is_called_like_a_parameter_is_another_argument(runs: Runs) -> None:
    @python_app(cache=True)
    def places(*args: int, **keywords: Any) -> Any:
        return args, keywords

    @python_app(cache=True)
    def first(a: int, /, **keywords: int) -> Any:
        return a, keywords

    calls: list[tuple[Any, tuple[int, ...], dict[str, Any]]] = [
        (places, (1, 2), {}),
        (places, (), {"args": (1, 2)}),
        (places, (1, 2), {"args": (9,)}),
        (places, (5,), {"args": (9,)}),
        (places, (5,), {"**args": (9,)}),
        (places, (5,), {"****args": (9,)}),
        (first, (1,), {"a": 2}),
        (first, (3,), {"a": 2}),
    ]
    futures = [app(*args, **keywords) for app, args, keywords in calls]
    assert [future.result(10) for future in futures] == [
        (args[0] if app is first else args, keywords) for app, args, keywords in calls
    ]


@pytest.mark.parametrize("names", [["verbose"], ["verbose", "more"]])
def test_what_is_ignored_is_ignored_however_it_is_passed(runs: Runs, names: list[str]) -> None:
    log = runs.log

    @python_app(cache=True, ignore_for_cache=names)
    def app(x: int, verbose: bool = False, **keywords: int) -> int:
        note(log)
        return x

    calls = [app(1), app(1, True), app(1, verbose=True)]
    calls += [app(1, more=3)] if "more" in names else []
    assert {future.result(10) for future in calls} == {1}
    assert runs.count == 1


def test_a_name_to_be_ignored_that_is_no_parameter_is_refused_at_decoration() -> None:
    with pytest.raises(
        errors.AppBadFormatting, match="'verbos' is no parameter of `app`; its parameters: verbose, x"
    ):

        @python_app(cache=True, ignore_for_cache=["verbos"])
        def app(x: int, verbose: bool = False) -> None: ...

    @python_app(cache=True, ignore_for_cache=["stdout"])
    def with_streams(x: int) -> int:
        return x

    assert with_streams(1).result(10) == 1


def test_a_function_that_is_defined_anew_runs_anew(runs: Runs) -> None:
    log = runs.log

    def define(step: int, unit: int) -> Any:
        def helper(x: int) -> int:
            return x + unit

        if step == 1:

            @python_app(cache=True)
            def app(x: int) -> int:
                """One."""
                note(log)
                return helper(x)

        else:

            @python_app(cache=True)
            def app(x: int) -> int:
                """Another."""
                note(log)
                return 10 * helper(x)

        return app

    first, second, same = define(1, 1), define(2, 1), define(1, 1)
    assert [first(1).result(10), second(1).result(10), same(1).result(10)] == [2, 20, 2]
    assert runs.count == 2
    assert define(1, 2)(1).result(10) == 3, "a helper's closure has changed"


def test_a_changed_global_is_a_new_call(runs: Runs) -> None:
    log = runs.log
    space: dict[str, Any] = {"__name__": "__main__", "note": note, "log": log, "SCALE": [2]}
    exec("def app(x):\n    note(log)\n    return x * SCALE[0]", space)
    app = python_app(cache=True)(space["app"])
    assert [app(3).result(10), app(3).result(10)] == [6, 6]
    space["SCALE"][0] = 5
    assert app(3).result(10) == 15
    space["SCALE"] = [2]
    assert app(3).result(10) == 6
    assert runs.count == 2


def test_values_of_all_sorts_count_by_their_content(runs: Runs, tmp_path: Path) -> None:
    log = runs.log

    @python_app(cache=True)
    def kind(x: Any) -> str:
        note(log)
        return type(x).__name__

    def make() -> list[Any]:
        return [
            np.arange(4),
            Path("a"),
            {1, 2},
            collections.Counter("aab"),
            File(tmp_path / "in"),
            note,
            1 + 2j,
        ]

    (tmp_path / "in").write_text("content")
    first = [kind(value).result(10) for value in make()]
    assert [kind(value).result(10) for value in make()] == first
    assert runs.count == len(first)
    (tmp_path / "in").write_text("changed")
    kind(File(tmp_path / "in")).result(10)
    assert runs.count == len(first) + 1


def test_a_value_without_a_fingerprint_is_passed_and_not_remembered(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    log = runs.log

    class Odd:
        def __reduce__(self) -> Any:
            import sys

            # nothing of it can be told while a key is made
            if "nbflow.values.fingerprint.walk" in sys._getframe(1).f_globals["__name__"]:
                raise RuntimeError("not for you")
            return int, ("7",)

    @python_app(cache=True)
    def app(x: Any) -> Any:
        note(log)
        return x

    with caplog.at_level(logging.INFO, "nbflow"):
        assert [app(Odd()).result(10) for _ in range(3)] == [7, 7, 7]
    assert runs.count == 3
    said = [record.getMessage() for record in caplog.records if "Odd" in record.getMessage()]
    assert len(said) == 1, "said once"
    assert "calls of `app` with a" in said[0]
    assert "RuntimeError: not for you" in said[0]
    assert "nbflow.id_for_memo.register" in said[0]


def test_futures_count_by_their_calls_at_any_depth(runs: Runs) -> None:
    log = runs.log

    @python_app(cache=True)
    def pair(x: int) -> list[int]:
        note(log)
        return [x, x + 1]

    @python_app(cache=True)
    def total(parts: Any) -> int:
        note(log)
        return sum(part if isinstance(part, int) else sum(part) for part in parts)

    def chain(x: int) -> AppFuture:
        return total([pair(x)[1], pair(x)])

    assert chain(1).result(10) == chain(1).result(10) == 5
    assert runs.count == 2
    assert chain(2).result(10) == 8
    assert runs.count == 4


def test_a_future_of_an_uncached_call_counts_by_its_task(runs: Runs) -> None:
    log = runs.log

    @python_app
    def plain() -> int:
        return 1

    @python_app(cache=True)
    def app(x: int) -> int:
        note(log)
        return x

    future = plain()
    assert [app(future).result(10), app(future).result(10), app(plain()).result(10)] == [1, 1, 1]
    assert runs.count == 2


def test_a_future_from_outside_counts_by_itself(runs: Runs) -> None:
    log = runs.log

    @python_app
    def plain(x: int) -> int:
        return x

    @python_app(cache=True)
    def app(x: int) -> int:
        note(log)
        return x

    one: Future[int] = Future()
    two: Future[int] = Future()
    calls = [app(one), app(one), app(two)]
    one.set_result(1)
    two.set_result(1)
    assert [call.result(10) for call in calls] == [1, 1, 1]
    assert runs.count == 2

    config = Config(executors=[ProcessExecutor(max_workers=1)])
    with DataFlowKernel(config) as other:
        there = [python_app(lambda n=n: n, data_flow_kernel=other)() for n in range(20)]
        here = [plain(-1) for _ in range(20)]
        # among them are futures of both flows with the same number
        assert [app(future).result(10) for future in there] == list(range(20))
        assert [app(future).result(10) for future in here] == [-1] * 20


def test_a_methods_instance_counts_by_its_content(runs: Runs) -> None:
    log = runs.log

    class Model:
        def __init__(self, weight: int) -> None:
            self.weight = weight

        @python_app(cache=True)
        def apply(self, x: int) -> int:
            note(log)
            return self.weight * x

    assert [Model(w).apply(5).result(10) for w in (2, 2, 3)] == [10, 10, 15]
    assert runs.count == 2


def test_outputs_count_by_path_and_streams_by_name(tmp_path: Path, runs: Runs) -> None:
    log = runs.log

    @bash_app(cache=True)
    def write(word: str, outputs: Any = (), stdout: Any = None) -> str:
        return f"echo -n x >> {log}; echo {word} | tee {outputs[0]}"

    one, two = tmp_path / "one", tmp_path / "two"
    for output in (one, one, two):
        write("a", outputs=[File(output)]).result(10)
    assert runs.count == 2
    assert two.read_text() == "a\n"
    for stream in ("s", "s", "t"):
        write("a", outputs=[File(one)], stdout=str(tmp_path / stream)).result(10)
    assert runs.count == 4
    write("a", outputs=[File(one)], walltime=50).result(10)
    assert runs.count == 4


def outer_of(inner: Any) -> bytes:
    """What a cached app's function counts by that refers to another app."""

    def outer(x: int) -> Any:
        return inner(x).result()

    return fingerprint(outer)


def test_of_an_app_that_a_function_calls_counts_what_it_does_and_not_how_it_is_run() -> None:
    def one(x: int) -> Any:
        return x + 1

    def other(x: int) -> Any:
        return x + 2

    found = outer_of(python_app(one))
    options: list[dict[str, Any]] = [
        {"retries": 3},
        {"walltime": 10},
        {"executors": ["fast"]},
        {"cache": True, "ignore_for_cache": ["x"]},
    ]
    assert {outer_of(python_app(**each)(one)) for each in options} == {found}
    assert outer_of(python_app(other)) != found
    assert outer_of(join_app(one)) != found
    assert outer_of(one) != found


def test_an_app_that_cannot_travel_into_a_function_has_no_fingerprint() -> None:
    future: Future[int] = Future()

    @python_app
    def inner(x: Any = future) -> Any:
        return x

    with pytest.raises(errors.CannotFingerprint):
        outer_of(inner)


@pytest.mark.parametrize("kind", [ProcessExecutor, ThreadExecutor])
def test_outputs_are_looked_for_where_the_task_writes_them(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    log = runs.log

    @python_app(cache=True)
    def write(outputs: Any = ()) -> None:
        note(log)
        for output in outputs:
            Path(output).write_text("here")

    there, elsewhere = tmp_path / "there", tmp_path / "elsewhere"
    there.mkdir()
    elsewhere.mkdir()
    executor = kind(max_workers=1, **({"working_dir": there} if kind is ProcessExecutor else {}))
    with DataFlowKernel(Config([executor])) as flow:
        app = python_app(cache=True, data_flow_kernel=flow)(write.__wrapped__)
        # where this program is when it calls is where a thread's task writes
        monkeypatch.chdir(elsewhere if kind is ProcessExecutor else there)
        for _ in range(2):
            app(outputs=["one.txt", "two.txt"]).result(20)
        assert runs.count == 1
        for name in ("one.txt", "two.txt"):
            (elsewhere / name).write_text("somebody else's")
        (there / "two.txt").unlink()
        app(outputs=["one.txt", "two.txt"]).result(20)
        assert runs.count == 2
        assert (there / "two.txt").read_text() == "here"


def test_a_file_counts_by_what_the_task_will_find_under_its_name(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = runs.log

    @python_app(cache=True)
    def read(inputs: Any = ()) -> str:
        note(log)
        return Path(inputs[0]).read_text()

    there = tmp_path / "there"
    with DataFlowKernel(Config([ProcessExecutor(max_workers=1, working_dir=there)])) as flow:
        app = python_app(cache=True, data_flow_kernel=flow)(read.__wrapped__)
        for number, text in enumerate(("one", "two", "two")):
            (there / "data.txt").write_text(text)
            monkeypatch.chdir(tmp_path if number else "/")  # wherever this program is
            assert app(inputs=["data.txt"]).result(20) == text
        assert runs.count == 2
