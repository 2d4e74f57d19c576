"""What can be made an app, and what its special keywords mean, on processes and on threads."""

from __future__ import annotations

import functools
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbflow import App, AppFuture, DataFlowKernel, bash_app, errors, join_app, python_app

pytestmark = pytest.mark.usefixtures("each_flow")


@python_app
def same(x: Any) -> Any:
    return x


def double(x: int) -> int:
    """Twice the number."""
    return 2 * x


def loudly(function: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> str:
        return function(*args, **kwargs).upper()

    return wrapper


class Adder:
    """An object that can be called."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, x: int) -> int:
        return self.number + x

    def add(self, x: int) -> int:
        return self.number + x


class Scale:
    factor = 3

    def __init__(self, number: int) -> None:
        self.number = number

    @python_app
    def times(self, x: int) -> int:
        return self.number * x

    @classmethod
    @python_app
    def of_class(cls, x: int) -> int:
        return cls.factor * x

    @python_app
    @classmethod
    def of_class_too(cls, x: int) -> int:
        return cls.factor * x

    @staticmethod
    @python_app
    def alone(x: int) -> int:
        return 5 * x

    @python_app
    @staticmethod
    def alone_too(x: int) -> int:
        return 5 * x


# ---------------------------------------------------------------- what can be an app


@pytest.mark.parametrize(
    ("function", "name", "args", "value"),
    [
        (double, "double", (4,), 8),
        (lambda x: x + 1, "<lambda>", (4,), 5),
        (len, "len", ([1, 2],), 2),
        (max, "max", (1, 7, 3), 7),
        (functools.partial(pow, 2), "pow", (5,), 32),
        (functools.partial(functools.partial(double)), "double", (5,), 10),
        (Adder(3), "Adder", (4,), 7),
        (Adder(3).add, "add", (4,), 7),
        ("{}-{}".format, "format", (1, 2), "1-2"),
        (Path, "Path", ("a",), Path("a")),
    ],
)
def test_anything_that_can_be_called_can_be_an_app(
    function: Any, name: str, args: tuple[Any, ...], value: Any
) -> None:
    app = python_app(function)
    assert app.__name__ == name
    future = app(*args)
    assert future.app_name == name
    assert future.result(20) == value


@pytest.mark.parametrize("make", [python_app, bash_app, join_app])
def test_what_cannot_be_called_is_refused(make: Any) -> None:
    for given in (3, None.__class__.__name__, [double]):
        with pytest.raises(errors.AppBadFormatting, match=r"makes an app of a function, not of"):
            make(given)


def test_wrapped_functions_keep_their_name_above_and_below() -> None:
    @python_app
    @loudly
    def greet(name: str) -> str:
        return f"hello {name}"

    assert greet.__name__ == "greet"
    assert greet("you").result(20) == "HELLO YOU"
    with pytest.raises(TypeError, match=r"greet\(\).*missing"):
        greet()

    def twice(app: Callable[..., AppFuture]) -> Callable[..., AppFuture]:
        @functools.wraps(app)
        def wrapper(*args: Any) -> AppFuture:
            return same([app(*args), app(*args)])

        return wrapper

    above = twice(greet)
    assert above.__name__ == "greet"
    assert above("me").result(20) == ["HELLO ME", "HELLO ME"]


def test_apps_in_a_class_are_bound_as_functions_are() -> None:
    scale = Scale(2)
    assert scale.times(10).result(20) == 20
    assert Scale.times(scale, 10).result(20) == 20
    assert scale.times.__name__ == "times"
    assert [f.result(20) for f in (Scale.of_class(1), scale.of_class(1))] == [3, 3]
    assert [f.result(20) for f in (Scale.of_class_too(1), scale.of_class_too(1))] == [3, 3]
    assert [f.result(20) for f in (Scale.alone(1), scale.alone(1))] == [5, 5]
    assert [f.result(20) for f in (Scale.alone_too(1), scale.alone_too(1))] == [5, 5]


class Failing:
    def __call__(self, x: int) -> int:
        raise ValueError("called")

    def method(self, x: int) -> int:
        raise ValueError("called")


def failing(x: int) -> int:
    raise ValueError("called")


def in_a_hurry(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> None:
        raise ValueError("called")

    return wrapper


@pytest.mark.parametrize(
    "function",
    [
        failing,
        Failing(),
        Failing().method,
        functools.partial(failing),
        functools.partial(Failing().method),
        loudly(failing),
        in_a_hurry(failing),
    ],
)
def test_the_traceback_of_any_app_is_the_users_own(function: Any) -> None:
    error = python_app(function)(1).exception(20)
    assert isinstance(error, ValueError)
    told = str(error.__cause__)
    assert 'raise ValueError("called")' in told
    assert "running.py" not in told


def test_an_app_that_travels_is_the_same_app() -> None:
    again = pickle.loads(pickle.dumps(python_app(cache=True, walltime=9)(double)))
    assert isinstance(again, App)
    assert (again.kind, again.options.cache, again.options.walltime) == ("python", True, 9)
    assert again(2).result(20) == 4


def test_an_app_that_calls_itself_has_its_defaults_inside_its_tasks_too(tmp_path: Path) -> None:
    """In a script, whose functions travel by value: a function there comes back after what it refers to."""
    script = tmp_path / "script.py"
    script.write_text(
        "import nbflow\n"
        "@nbflow.python_app\n"
        "def depth(n, step=1, *, more=0):\n"
        "    return 0 if n <= 0 else 1 + more + depth(n - step).result()\n"
        "@nbflow.join_app\n"
        "def down(n, seen=()):\n"
        "    return depth(0, more=len(seen)) if n == 0 else down(n - 1, (*seen, n))\n"
        "nbflow.load()\n"
        "print(depth(3).result(), down(2).result(), nbflow.map(depth, [1, 2]).result())\n"
        "nbflow.clear()\n"
    )
    command = [sys.executable, script]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=50, cwd=tmp_path)
    assert (ran.stdout, ran.stderr) == ("3 0 [1, 2]\n", "")


# ---------------------------------------------------------------- defaults


def test_a_future_as_a_default_is_a_need() -> None:
    first = same(20)

    @python_app
    def add(x: int = 1, y: Any = first, *, z: Any = (first, [first])) -> Any:
        return x, y, z

    assert add().result(20) == (1, 20, (20, [20]))
    assert add(5, 6, z=7).result(20) == (5, 6, 7)
    assert add(y=2).result(20) == (1, 2, (20, [20]))
    assert add.__wrapped__.__defaults__[1] is first, "the user's own function is left as it is"  # type: ignore[attr-defined]


def test_futures_in_the_default_of_inputs_are_needs() -> None:
    numbers = [same(1), same(2)]

    @python_app
    def total(inputs: Any = numbers) -> int:
        return sum(inputs)

    assert total().result(20) == 3
    assert total(inputs=(4, same(5))).result(20) == 9


# ---------------------------------------------------------------- special keywords


@pytest.mark.parametrize("how", ["keyword", "place", "default"])
def test_special_keywords_may_be_given_by_keyword_by_place_or_as_a_default(how: str, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    if how == "default":

        @bash_app
        def say(word: str, stdout: Any = str(out), walltime: float = 50) -> str:
            return f"echo {word} {stdout} {walltime}"

        future = say("a")
    else:

        @bash_app
        def say(word: str, stdout: Any = None, walltime: float | None = None) -> str:
            return f"echo {word} {stdout} {walltime}"

        future = say("a", str(out), 50) if how == "place" else say("a", stdout=str(out), walltime=50)
    assert future.stdout == str(out)
    assert future.result(20) == 0
    assert out.read_text() == f"a {out} 50\n"


@pytest.mark.parametrize("make", [python_app, join_app, bash_app])
def test_a_special_keyword_that_the_function_does_not_take_does_not_reach_it(
    make: Any, tmp_path: Path
) -> None:
    out, made = tmp_path / "out.txt", tmp_path / "made"
    made.touch()

    def act() -> Any:
        print("printed")
        return {python_app: 1, join_app: [], bash_app: "true"}[make]

    future = make(act)(inputs=[], outputs=[made], stdout=str(out), stderr=None, walltime=50)
    assert future.result(20) == {python_app: 1, join_app: [], bash_app: 0}[make]
    assert out.read_text() == "printed\n"
    assert future.outputs[0].result(20) == str(made)


def test_a_function_that_takes_any_keyword_gets_the_special_ones_too() -> None:
    @python_app
    def names(**kwargs: Any) -> list[str]:
        return sorted(kwargs)

    assert names(inputs=[1], walltime=50, other=1).result(20) == ["inputs", "other", "walltime"]


def test_inputs_and_outputs_may_be_any_sequence_and_are_never_changed(tmp_path: Path) -> None:
    @python_app
    def take(inputs: Any = (), outputs: Any = ()) -> Any:
        Path(outputs[0]).touch()
        return type(inputs).__name__, list(inputs)

    first = same(1)
    inputs, outputs = (first, 2, "a.txt"), (tmp_path / "made",)
    assert take(inputs=inputs, outputs=outputs).result(20) == ("list", [1, 2, "a.txt"])
    assert inputs == (first, 2, "a.txt")
    assert inputs[0] is first
    assert outputs == (tmp_path / "made",)
    listed = [first, 2]
    take(listed, [str(tmp_path / "made")]).result(20)
    assert listed == [first, 2]


def test_a_walltime_of_none_leaves_the_decorators() -> None:
    @python_app(walltime=0.2)
    def forever(walltime: Any = None) -> None:
        import time

        time.sleep(1000)

    with pytest.raises(errors.AppTimeout, match=r"walltime of 0\.2 s"):
        forever().result(20)


def test_a_label_is_an_ordinary_argument() -> None:
    @python_app
    def show(label: str = "none") -> str:
        return label

    assert show(label="mine").result(20) == "mine"
    assert show().result(20) == "none"
    with pytest.raises(TypeError, match="label"):
        same(1, label="x")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: python_app(executors="one"), "\"all\" or a list of at least one label, not 'one'"),
        (lambda: python_app(executors=[]), "at least one label, not []"),
        (lambda: python_app(executors=[3]), "a list of at least one label, not [3]"),
        (lambda: join_app(cache=1), "True or False, not 1"),
        (lambda: python_app(ignore_for_cache="x"), "a list of names of parameters, not 'x'"),
        (lambda: python_app(ignore_for_cache=[5]), "a list of names of parameters, not [5]"),
        (lambda: python_app(walltime=10**400), "above 0 or None, not 1"),
        (lambda: bash_app(walltime=float("nan")), "above 0 or None, not nan"),
        (lambda: python_app(data_flow_kernel=7), "a flow or None, not 7"),
    ],
)
def test_a_wrong_argument_of_a_decorator_is_refused_and_says_what_is_allowed(
    make: Callable[[], Any], words: str
) -> None:
    with pytest.raises(errors.AppBadFormatting) as caught:
        make()
    assert words in str(caught.value)


def test_an_unknown_argument_of_a_decorator_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="walltme"):
        python_app(walltme=3)  # type: ignore[call-overload]


SCRIPT = """
import dataclasses
import nbflow

DEFAULT = 5

def helper():
    return 7

@dataclasses.dataclass(slots=True)
class Point:
    a: object
    def doubled(self):
        return 2 * self.a

class Base:
    __slots__ = ("a", "__b")
    def __init__(self, a):
        self.a, self.__b = a, 2
    def b(self):
        return self.__b

class Derived(Base):
    __slots__ = ("c",)
    def __init__(self):
        super().__init__(1)
        self.c = 3

@nbflow.python_app
def make(kind):
    return {"point": lambda: Point(3), "base": lambda: Base(3), "derived": lambda: Derived()}[kind]()

@nbflow.python_app
def same(x):
    return x

@nbflow.python_app
def local():
    class Local:
        x = DEFAULT
        y = helper()
        z = x
    return Local.x, Local.y, Local.z

with nbflow.load(nbflow.Config([nbflow.ProcessExecutor(max_workers=1)])):
    for through in (lambda future: future.result(20), lambda future: same(future).result(20)):
        assert through(make("point")) == Point(3) and through(make("point")).doubled() == 6
        assert type(through(make("base"))) is Base and through(make("base")).b() == 2
        assert (through(make("derived")).a, through(make("derived")).c) == (1, 3)
        assert not hasattr(through(make("point")), "__dict__")
    assert local().result(20) == (5, 7, 5)
print("well")
"""


def test_a_future_in_a_closure_is_named_with_what_to_do(flow: DataFlowKernel) -> None:
    future = same(1)

    def waits() -> Any:
        return future.result()

    with pytest.raises(errors.CannotPickle, match="a future is passed as an argument") as found:
        python_app(waits)()
    assert "`waits`" in str(found.value)
    assert repr(future).split(":")[0] in str(found.value)


def test_slots_and_what_classes_of_a_script_read_travel(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=False
    )
    assert (ended.stdout, ended.stderr) == ("well\n", "")
