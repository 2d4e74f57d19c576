"""What a call promises, on a real scheduler with real workers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow import AppFuture, DataFlowKernel, State, bash_app, errors, join_app, python_app

pytestmark = pytest.mark.usefixtures("shared_flow")


@python_app
def add(x: int, y: int = 1) -> int:
    return x + y


@python_app
def same(x: Any) -> Any:
    return x


@python_app
def fail(text: str = "no") -> None:
    raise ValueError(text)


@python_app
def total(numbers: Any) -> int:
    return sum(numbers)


@dataclass
class Pair:
    left: Any
    right: Any


def test_a_call_gives_a_future_of_the_standard_library_at_once() -> None:
    future = add(1, 2)
    assert isinstance(future, concurrent.futures.Future)
    assert isinstance(future, AppFuture)
    assert future.result(10) == 3
    assert future.done()
    assert not future.cancelled()
    assert future.exception() is None
    assert future.state is State.DONE
    assert future.task_status() == "exec_done"


def test_the_decorators_work_with_and_without_arguments() -> None:
    assert python_app(lambda: 1)().result(10) == 1
    assert python_app(cache=True)(lambda: 2)().result(10) == 2
    assert bash_app(retries=1)(lambda: "true")().result(10) == 0
    assert join_app(executors=["processes"])(lambda: add(1))().result(10) == 2


def test_an_app_looks_like_its_function() -> None:
    assert add.__name__ == "add"
    assert add.__wrapped__(1, 2) == 3  # type: ignore[attr-defined]
    assert repr(add) == "<python app add>"


@pytest.mark.parametrize(
    "shape",
    [
        lambda f: f,
        lambda f: [f, [f]],
        lambda f: (f, (1, f)),
        lambda f: {"a": f, "b": {"c": [f]}},
        lambda f: {f},
        lambda f: {f: 1},
        lambda f: Pair(f, [f]),
    ],
)
def test_futures_are_taken_at_any_depth(shape: Callable[[Any], Any]) -> None:
    assert same(shape(add(1, 1))).result(10) == shape(2)


def test_the_callers_own_list_is_not_changed() -> None:
    inputs = [add(1), add(2)]
    before = list(inputs)
    assert total(inputs).result(10) == 5
    assert all(a is b for a, b in zip(inputs, before, strict=True))


def test_parts_of_a_value_are_futures_too() -> None:
    future = same({"a": [10, 20]})
    assert future["a"][1].result(10) == 20
    assert same(3 + 4j).imag.result(10) == 4.0
    assert isinstance(future["nothing"].exception(10), KeyError)


def test_a_misspelt_attribute_is_refused_and_makes_no_task(shared_flow: DataFlowKernel) -> None:
    future = add(1)
    before = sum(shared_flow.counts().values())
    with pytest.raises(AttributeError, match="Did you mean 'result'"):
        future.resutl()
    with pytest.raises(AttributeError):
        _ = future._private
    with pytest.raises(TypeError, match="cannot be iterated"):
        list(future)
    assert sum(shared_flow.counts().values()) == before


def test_a_future_can_be_awaited() -> None:
    async def main() -> list[int]:
        return await asyncio.gather(add(1), add(2))

    assert asyncio.run(main()) == [2, 3]


def test_wait_and_as_completed_of_the_standard_library_work() -> None:
    futures = [add(n) for n in range(20)]
    done, rest = concurrent.futures.wait(futures, 10)
    assert not rest
    assert {future.result() for future in concurrent.futures.as_completed(done)} == set(range(1, 21))
    first = concurrent.futures.wait([fail(), same(1)], 10, concurrent.futures.FIRST_EXCEPTION)
    assert first.done


def test_a_callback_may_wait_for_another_task() -> None:
    got: list[int] = []
    done = threading.Event()

    def follow(future: concurrent.futures.Future[int]) -> None:
        got.append(add(future.result(), 10).result(10))
        done.set()

    add(1).add_done_callback(follow)
    assert done.wait(10)
    assert got == [12]


def test_wrong_arguments_are_refused_at_the_call(shared_flow: DataFlowKernel) -> None:
    before = sum(shared_flow.counts().values())
    with pytest.raises(TypeError, match=r"add\(\).*missing"):
        add()
    with pytest.raises(TypeError, match=r"add\(\).*too many"):
        add(1, 2, 3)
    with pytest.raises(TypeError, match=r"add\(\).*'z'"):
        add(1, z=2)
    assert sum(shared_flow.counts().values()) == before


def test_an_argument_that_cannot_travel_is_named_at_the_call() -> None:
    with pytest.raises(errors.CannotPickle, match=r"argument `y` \(lock\) of `add`"):
        add(1, threading.Lock())


def test_a_result_that_cannot_travel_fails_its_task_alone() -> None:
    @python_app
    def lock() -> Any:
        return threading.Lock()

    error = lock().exception(10)
    assert isinstance(error, errors.CannotPickle)
    assert "what `lock` returned (lock)" in str(error)
    assert add(1).result(10) == 2


def test_the_users_exception_comes_out_as_itself_with_the_remote_traceback_as_cause() -> None:
    with pytest.raises(ValueError, match=r"^no$") as caught:
        fail().result(10)
    assert isinstance(caught.value.__cause__, errors.RemoteTraceback)
    assert "raise ValueError(text)" in str(caught.value.__cause__)
    own = os.path.dirname(nbflow.__file__) + os.sep
    assert own not in str(caught.value.__cause__), "it begins at the user's own frame"


def test_a_failed_need_names_the_root_and_its_exception_once() -> None:
    root = fail("the root")
    error = add(add(add(root))).exception(10)
    assert isinstance(error, nbflow.DependencyError)
    assert error.root_id == root.tid
    assert isinstance(error.__cause__, ValueError)
    assert str(error).count("the root") == 1
    assert str(error).startswith("ValueError: the root")
    assert f"task {root.tid} `fail`" in str(error)


def test_the_task_of_a_failed_need_is_skipped_and_others_run_on() -> None:
    skipped, other = add(fail()), add(5)
    assert other.result(10) == 6
    assert isinstance(skipped.exception(10), errors.NeedFailed)
    assert skipped.state is State.SKIPPED


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, BaseException, RecursionError, MemoryError])
def test_whatever_a_task_raises_is_its_own_error(kind: type[BaseException]) -> None:
    @python_app
    def leave() -> None:
        raise kind("out")

    assert type(leave().exception(10)) is kind
    assert add(1).result(10) == 2


def test_plain_recursion_without_end_is_the_tasks_error() -> None:
    @python_app
    def deep(n: int) -> int:
        def go(n: int) -> int:
            return go(n + 1)

        return go(n)

    assert isinstance(deep(0).exception(20), RecursionError)


def test_a_time_out_leaves_the_task_alone(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)

    @python_app
    def wait_at(path: str) -> str:
        with open(path) as file:
            return file.read()

    future = wait_at(str(gate))
    with pytest.raises(concurrent.futures.TimeoutError):
        future.result(0.05)
    gate.write_text("go")
    assert future.result(10) == "go"


def test_a_generator_function_says_that_its_result_cannot_travel() -> None:
    @python_app
    def count() -> Iterator[int]:
        yield 1

    with pytest.raises(errors.CannotPickle, match="what `count` returned \\(generator\\) cannot travel"):
        count().result(20)


def test_an_app_with_a_future_as_a_default_cannot_be_called_inside_tasks() -> None:
    first = same(1)

    @python_app
    def inner(x: Any = first) -> Any:
        return x

    @python_app
    def outer() -> Any:
        return inner().result()

    with pytest.raises(errors.CannotPickle, match="`inner` cannot be called inside other tasks: a default"):
        outer()


# ---------------------------------------------------------------- join apps and calls inside tasks


@join_app
def fan(n: int) -> list[AppFuture]:
    return [add(i) for i in range(n)]


@join_app
def fibonacci(n: int) -> AppFuture:
    return add(fibonacci(n - 1), fibonacci(n - 2)) if n > 1 else add(n, 0)


def test_a_join_app_gives_what_its_futures_give() -> None:
    assert fan(3).result(10) == [1, 2, 3]
    assert fan(0).result(10) == []
    assert add(fan(2)[1]).result(10) == 3
    assert join_app(lambda: {"a": [add(1)], "b": 7})().result(10) == {"a": [2], "b": 7}
    assert fibonacci(7).result(30) == 13


def test_a_join_app_fails_with_the_task_it_called() -> None:
    error = join_app(lambda: [add(1), fail("inner")])().exception(10)
    assert isinstance(error, errors.JoinError)
    assert "ValueError: inner" in str(error)
    assert isinstance(error.__cause__, ValueError)


def test_a_join_app_that_returns_no_future_says_what_it_must_return() -> None:
    with pytest.raises(TypeError, match="must return a future"):
        join_app(lambda: 3)().result(10)


def test_a_python_app_that_returns_a_future_says_what_to_do() -> None:
    with pytest.raises(errors.UsageError, match="join_app"):
        python_app(lambda: add(1))().result(10)


def test_tasks_that_wait_for_tasks_inside_never_deadlock() -> None:
    @python_app
    def nest(depth: int) -> int:
        return 1 if depth == 0 else sum(nest(depth - 1).result() for _ in range(2))

    assert nest(3).result(50) == 8


# ---------------------------------------------------------------- files and commands


@bash_app
def shout(text: str, stdout: Any = None, stderr: Any = None) -> str:
    return f"echo {text}; echo oops >&2"


def test_a_bash_app_runs_its_command_and_writes_where_it_was_told(tmp_path: Path) -> None:
    out, err = tmp_path / "new" / "out.txt", tmp_path / "err.txt"
    future = shout("hello", stdout=str(out), stderr=(err, "w"))
    assert future.result(10) == 0
    assert future.stdout == str(out)
    assert out.read_text() == "hello\n"
    assert err.read_text() == "oops\n"
    assert shout("again", stdout=out).result(10) == 0
    assert out.read_text() == "hello\nagain\n"


def test_a_python_apps_output_goes_where_it_was_told(tmp_path: Path) -> None:
    @python_app
    def say() -> None:
        print("in Python")
        os.system("echo in a child")

    out = tmp_path / "out.txt"
    say(stdout=out).result(10)
    assert out.read_text() == "in Python\nin a child\n"


def test_a_command_that_fails_tells_its_exit_code_and_last_words() -> None:
    error = bash_app(lambda: "echo reason >&2; exit 3")().exception(10)
    assert isinstance(error, errors.BashExitFailure)
    assert error.exitcode == 3
    assert "reason" in str(error)
    assert isinstance(bash_app(lambda: None)().exception(10), errors.BashAppNoReturn)


def test_strings_and_paths_are_taken_for_files(tmp_path: Path) -> None:
    @bash_app
    def write(text: str, outputs: Any = ()) -> str:
        return f"echo {text} > {outputs[0]}"

    @bash_app
    def concat(inputs: Any = (), outputs: Any = ()) -> str:
        return f"cat {' '.join(inputs)} > {outputs[0].filepath}"

    @python_app
    def read(inputs: Any = ()) -> str:
        return Path(inputs[0]).read_text()

    written = [write(str(n), outputs=[str(tmp_path / f"{n}.txt")]) for n in range(3)]
    joined = concat(inputs=[w.outputs[0] for w in written], outputs=[tmp_path / "all.txt"])
    assert read(inputs=[joined.outputs[0]]).result(10) == "0\n1\n2\n"
    file = joined.outputs[0].result(10)
    assert isinstance(file, nbflow.File)
    with open(file) as opened:
        assert opened.read() == "0\n1\n2\n"
    assert joined.outputs[0].file_obj.filename == "all.txt"
    assert read(inputs=[tmp_path / "1.txt"]).result(10) == "1\n"


def test_an_output_that_was_not_written_is_an_error(tmp_path: Path) -> None:
    @python_app
    def nothing(outputs: Any = ()) -> None:
        pass

    future = nothing(outputs=[tmp_path / "never"])
    assert isinstance(future.exception(10), errors.MissingOutputs)
    assert isinstance(future.outputs[0].exception(10), errors.MissingOutputs)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"outputs": "a.txt"}, "outputs= takes a list"),
        ({"outputs": [3]}, "outputs= takes paths, strings or Files, not 3"),
        ({"stdout": 7}, "stdout= takes a path"),
        ({"stdout": ("a", "r")}, "mode of w, a"),
        ({"walltime": -1}, "walltime= takes a number of seconds above 0 or None, not -1"),
    ],
)
def test_a_special_keyword_that_cannot_be_used_is_refused_at_the_call(keywords: Any, words: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        same(1, **keywords)
    assert words in str(caught.value)


# ---------------------------------------------------------------- recalling


def test_an_equal_call_of_a_cached_app_is_recalled(tmp_path: Path) -> None:
    log = tmp_path / "log"

    @python_app(cache=True)
    def once(x: int) -> int:
        with log.open("a") as file:
            file.write("x")
        return x

    assert [once(1).result(10), once(1).result(10), once(2).result(10)] == [1, 1, 2]
    assert log.read_text() == "xx"
    chained = [add(once(once(1))).result(10) for _ in range(2)]
    assert chained == [2, 2]
    assert log.read_text() == "xxx", (
        "the outer call ran once: the inner one counts by what it was called with"
    )


def test_numpy_arrays_travel_from_task_to_task() -> None:
    import numpy as np

    @python_app
    def ones(n: int) -> Any:
        return np.ones(n)

    array = ones(1_000_000)
    assert total(array).result(20) == 1_000_000
    assert array.result(10).shape == (1_000_000,)
    with pytest.raises(ValueError, match="read-only"):
        array.result()[0] = 2


def test_an_async_function_is_an_app_like_any_other() -> None:
    @python_app
    async def later() -> int:
        await asyncio.sleep(0)
        return 4

    assert later().result(10) == 4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: python_app(3), "of a function, not of 3"),
        (lambda: python_app(executors="one"), '"all" or a list'),
        (lambda: python_app(retries=-1), "at least 0"),
        (lambda: bash_app(walltime=0), "above 0"),
    ],
)
def test_an_app_that_cannot_be_made_is_refused(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(errors.AppBadFormatting) as caught:
        make()
    assert words in str(caught.value)


def test_an_executor_that_is_not_there_is_refused_at_the_call() -> None:
    with pytest.raises(errors.UsageError, match="wants executor 'gpu'; this flow has: processes"):
        python_app(executors=["gpu"])(lambda: 1)()


def test_a_recalled_task_says_so() -> None:
    @python_app(cache=True)
    def twice(x: int) -> int:
        return 2 * x

    first = twice(2)
    first.result(20)
    again = twice(2)
    again.result(20)
    assert (first.task_status(), again.task_status()) == ("exec_done", "memo_done")


def test_futures_that_are_dropped_are_told_of_while_the_program_only_waits(
    shared_flow: DataFlowKernel,
) -> None:
    for number in range(2000):
        same(number)
    shared_flow.wait_for_current_tasks()
    untold = shared_flow.calls.take_released()
    assert untold is None or len(untold.ids) < 1000


class TakenMeanwhile(deque[int]):
    """What another thread has emptied whenever somebody has looked whether there is something."""

    def __bool__(self) -> bool:
        self.clear()
        return True

    def __len__(self) -> int:
        found = super().__len__()
        self.clear()
        return found


def test_what_two_threads_tell_of_at_the_same_time_harms_neither(shared_flow: DataFlowKernel) -> None:
    calls = shared_flow.calls
    released, calls._released = calls._released, TakenMeanwhile([1 << 60])
    try:
        calls.take_released()
        assert calls.take_released() is None
    finally:
        calls._released = released
