"""Exceptions, arguments and results of every kind: what can travel does, as itself; what cannot says so in words."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import math
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nbflow import DataFlowKernel, State, WorkerLost, errors, join_app, python_app
from nbflow.errors import CannotPickle, RemoteError, UsageError

pytestmark = pytest.mark.usefixtures("shared_flow")


@python_app
def throw(kind: Callable[..., BaseException], *args: Any, **kwargs: Any) -> None:
    raise kind(*args, **kwargs)


@python_app
def make(kind: Callable[..., Any], *args: Any) -> Any:
    return kind(*args)


@python_app
def same(value: Any) -> Any:
    return value


def innocents() -> None:
    assert [f.result(30) for f in [same(n) for n in range(3)]] == [0, 1, 2]


@pytest.fixture(autouse=True)
def _others_go_on(shared_flow: DataFlowKernel) -> Iterator[None]:
    innocents()
    pids = {worker.pid for worker in shared_flow.workers()}
    yield
    innocents()
    assert {worker.pid for worker in shared_flow.workers()} == pids


# ------------------------------------------------------------ exceptions


class Unlike(Exception):
    """Its constructor takes something else than what it keeps as `args`."""

    def __init__(self, code: int, *, reason: str = "odd") -> None:
        super().__init__(f"{reason} ({code})")
        self.code = code


class Wordy(ValueError):
    """Made of its own text it would come back with another one."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the code is {code}")
        self.code = code


class OnDisk(OSError):
    def __init__(self, code: int, path: str = "path") -> None:
        super().__init__(code, f"cannot be read: {path}")
        self.code = code


class Holding(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


class Slotted(Exception):
    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Frozen(Exception):
    """Nothing can be set on it: neither a cause nor a traceback."""

    code: int

    def __reduce__(self) -> Any:
        return Frozen, (self.code,)


class Falsy(Exception):
    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0


class OddText(str):
    __slots__ = ()

    def __getitem__(self, _: Any) -> Any:
        raise ValueError("no part of this text can be had")

    def __format__(self, _: str) -> str:
        raise ValueError("this text cannot be put anywhere")


class OddlyWorded(Exception):
    def __str__(self) -> str:
        return OddText("odd")


class Traceless(Exception):
    @property
    def __traceback__(self) -> Any:  # type: ignore[override]
        raise ValueError("no traceback")

    @property
    def __cause__(self) -> Any:  # type: ignore[override]
        raise ValueError("no cause")


def test_what_cannot_be_made_again_is_told_in_words_with_its_traceback() -> None:
    error = throw(Holding, "odd").exception(30)
    assert type(error) is RemoteError
    assert (error.kind, error.text) == ("Holding", "odd")
    assert str(error) == "Holding: odd"
    assert "raise kind(*args, **kwargs)" in str(error.__cause__)


@pytest.mark.parametrize("kind", [Slotted, Frozen, Unlike, Wordy, OnDisk])
def test_exceptions_of_any_make_come_out_as_themselves(kind: Callable[..., BaseException]) -> None:
    error = throw(kind, 3).exception(30)
    assert type(error) is kind
    assert (error.code, str(error)) == (3, str(kind(3)))  # type: ignore[attr-defined]
    assert "raise kind" in str(error.__cause__)


class Thing:
    """Its text has its address."""


def test_an_exception_whose_text_is_another_each_time_is_itself() -> None:
    error = throw(ValueError, Thing()).exception(30)
    assert type(error) is ValueError
    assert type(error.args[0]).__name__ == "Thing"


def test_a_local_class_and_one_of_a_cell_travel() -> None:
    class Local(KeyError):
        pass

    assert type(throw(Local, "key").exception(30)) is Local


def test_an_exception_that_counts_as_false_is_raised_all_the_same() -> None:
    future = throw(Falsy)
    with pytest.raises(Falsy):
        future.result(30)
    assert future.state is State.FAILED


def test_the_text_of_an_exception_may_be_of_any_class() -> None:
    future = throw(OddlyWorded)
    assert type(future.exception(30)) is OddlyWorded
    error = same(future).exception(30)
    assert str(error).startswith("OddlyWorded: odd (in task")


def test_an_exception_that_hides_its_traceback() -> None:
    assert type(throw(Traceless).exception(30)) is Traceless


def test_an_exception_of_a_module_that_only_the_worker_has(tmp_path: Path) -> None:
    (tmp_path / "only_there.py").write_text("class Strange(Exception): pass\n")
    os.utime(tmp_path / "only_there.py", (1e9, 1e9))  # long before the worker looked for what was edited

    @python_app
    def fails(folder: str) -> None:
        import sys

        sys.path.insert(0, folder)
        from only_there import Strange  # type: ignore[import-not-found]

        raise Strange("words")

    @python_app
    def gives(folder: str) -> Any:
        import sys

        sys.path.insert(0, folder)
        from only_there import Strange

        return Strange("words")

    error = fails(str(tmp_path)).exception(30)
    assert type(error) is RemoteError
    assert (error.kind, error.text) == ("Strange", "words")
    value = gives(str(tmp_path)).exception(30)
    assert type(value) is errors.DeserializationError
    assert value.kind == "ModuleNotFoundError"
    assert "`gives` cannot be rebuilt here" in str(value)


def test_causes_in_a_circle() -> None:
    def circle() -> None:
        first, second = ValueError("first"), ValueError("second")
        first.__cause__, second.__cause__ = second, first
        first.__context__, second.__context__ = second, first
        raise first

    error = make(circle).exception(30)
    assert str(error) == "first"
    assert "second" in str(error.__cause__)


def test_a_long_chain_of_causes() -> None:
    def chain() -> None:
        error = ValueError(0)
        for number in range(1, 5_000):
            previous, error = error, ValueError(number)
            error.__cause__ = previous
        raise error

    assert type(make(chain).exception(30)) is ValueError


def test_a_group_of_exceptions() -> None:
    group = getattr(__import__("builtins"), "ExceptionGroup", None)
    if group is None:
        pytest.skip("Python 3.10 has none")
    error = throw(group, "some", [ValueError(1), Slotted(2)]).exception(30)
    assert type(error) is group
    assert [type(part) for part in error.exceptions] == [ValueError, Slotted]
    inner = throw(lambda: group("some", [Unlike(1), group("more", [Wordy(2)])])).exception(30).exceptions
    assert [str(inner[0]), str(inner[1].exceptions[0])] == ["odd (1)", "the code is 2"]
    assert type(throw(lambda: group("some", [Holding("odd")])).exception(30)) is RemoteError


def test_an_exception_that_holds_an_array_is_itself_up_to_a_size() -> None:
    error = throw(ValueError, bytearray(300_000)).exception(30)
    assert type(error) is ValueError
    assert len(error.args[0]) == 300_000


def test_an_exception_with_a_huge_text_is_told_in_few_words(shared_flow: DataFlowKernel) -> None:
    def huge() -> None:
        raise ValueError("x" * 50_000_000)

    future = make(huge)
    error = future.exception(30)
    assert type(error) is RemoteError
    assert len(str(error)) < 20_000
    assert "49990000 characters left out" in str(error)
    assert len(str(error.__cause__)) < 200_000
    assert len(shared_flow.details(future.tid).traceback) < 200_000


def test_where_no_memory_is_left_the_error_says_so_as_itself() -> None:
    def fill() -> None:
        import resource

        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (used + 50_000_000, hard))
        kept = []
        while True:  # in pieces so small that none is left for anything else
            kept.append(bytes(100))

    for _ in range(3):
        error = make(fill).exception(30)
        assert type(error) is MemoryError
        assert "in fill" in str(error.__cause__)


def test_an_exception_that_holds_itself_or_is_nested_deeply() -> None:
    def itself() -> None:
        error = ValueError("round")
        error.args = ([error],)
        raise error

    assert type(make(itself).exception(30)) is ValueError

    def deep() -> None:
        nested: list[Any] = []
        for _ in range(100_000):
            nested = [nested]
        raise ValueError(nested)

    error = make(deep).exception(30)
    assert type(error) is RemoteError
    assert error.kind == "ValueError"


@pytest.mark.parametrize(
    "kind",
    [
        StopIteration,
        StopAsyncIteration,
        GeneratorExit,
        concurrent.futures.CancelledError,
        asyncio.CancelledError,
    ],
)
def test_exceptions_that_mean_something_to_python_are_the_tasks_own(kind: type[BaseException]) -> None:
    future = throw(kind, "mine")
    with pytest.raises(kind) as raised:
        future.result(30)
    assert raised.value.args == ("mine",)
    assert not future.cancelled()
    assert future.state is State.FAILED
    assert type(same(future).exception(30)) is errors.NeedFailed


@pytest.mark.parametrize("kind", [StopIteration, asyncio.CancelledError, concurrent.futures.CancelledError])
def test_awaiting_a_task_that_raised_them_neither_hangs_nor_cancels(kind: type[BaseException]) -> None:
    async def wait() -> BaseException:
        try:
            await asyncio.wait_for(asyncio.gather(throw(kind, "mine")), 30)
        except BaseException as error:
            return error
        raise AssertionError("nothing was raised")

    error = asyncio.run(wait())
    assert isinstance(error, Exception)
    assert not isinstance(error, asyncio.TimeoutError)
    assert "mine" in f"{error}{error.__cause__}"


def test_errors_of_nbflows_own_raised_by_a_task_are_the_tasks_own() -> None:
    error = throw(WorkerLost, "said the user").exception(30)
    assert type(error) is WorkerLost
    assert str(error) == "said the user"
    remote = throw(RemoteError, "Kind", "text").exception(30)
    assert type(remote) is RemoteError
    assert (remote.kind, remote.text) == ("Kind", "text")

    class SchedulerLost(Exception):
        """Named like one of nbflow's."""

    error = throw(SchedulerLost, "mine").exception(30)
    assert type(error) is SchedulerLost
    assert not isinstance(error, errors.NbflowError)


# ------------------------------------------------------------ values


def test_deeply_nested_values_are_refused_where_they_are_pickled() -> None:
    def deep() -> Any:
        nested: list[Any] = []
        for _ in range(100_000):
            nested = [nested]
        return nested

    with pytest.raises(CannotPickle, match=r"argument `value` \(list\) of `same` cannot travel: .*recursion"):
        same(deep())
    with pytest.raises(CannotPickle, match=r"what `make` returned \(list\) cannot travel: .*recursion"):
        make(deep).result(30)


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        (threading.Lock, ()),
        (iter, ([1],)),
        (lambda: (n for n in range(3)), ()),
        (threading.current_thread, ()),
    ],
    ids=["lock", "iterator", "generator", "thread"],
)
def test_a_result_that_cannot_travel_is_named(kind: Callable[..., Any], args: tuple[Any, ...]) -> None:
    future = make(kind, *args)
    error = future.exception(30)
    if error is None:  # an iterator of a list can
        assert list(future.result()) == [1]
        return
    assert type(error) is CannotPickle
    assert str(error).startswith("what `make` returned (")


def test_functions_modules_and_classes_of_a_cell_travel() -> None:
    class Local:
        value = 3

    assert make(lambda: lambda x: x + 1).result(30)(1) == 2
    assert make(lambda: math).result(30) is math
    assert make(lambda: Local).result(30).value == 3
    assert make(lambda: Local()).result(30).value == 3


def test_a_task_that_returns_a_future_is_told_what_to_do() -> None:
    with pytest.raises(UsageError, match="make it a join_app"):
        make(lambda: same(1)).result(30)
    with pytest.raises(UsageError, match="make it a join_app"):
        make(lambda: [same(1)]).result(30)


# ------------------------------------------------------------ text that is no text

ODD = "a\udcffb"  # as a file name that is not UTF-8 comes out of the system


def test_texts_that_are_no_unicode_travel_in_every_place() -> None:
    error = throw(ValueError, ODD).exception(30)
    assert str(error) == ODD
    assert str(throw(Unlike, 3, reason=ODD).exception(30)) == f"{ODD} (3)"
    remote = throw(Holding, ODD).exception(30)
    assert type(remote) is RemoteError
    assert "a\\udcffb" in str(remote)
    assert make(lambda: print(ODD)).result(30) is None
    assert same(ODD).result(30) == ODD  # in the short texts of arguments and results
    assert same({ODD: ODD}).result(30) == {ODD: ODD}

    def named() -> int:
        return 1

    named.__name__ = named.__qualname__ = ODD
    assert python_app(named)().result(30) == 1

    @join_app
    def joins() -> Any:
        return [python_app(named)(), same(ODD)]

    assert joins().result(30) == [1, ODD]


def test_a_file_with_a_name_that_is_no_unicode_is_refused_by_name(tmp_path: Path) -> None:
    path = str(tmp_path / ODD)
    with pytest.raises(UsageError, match=r"udcff"):
        throw(ValueError, outputs=[path])
    with pytest.raises(UsageError, match=r"udcff"):
        throw(ValueError, stdout=path)


def test_a_users_log_handler_that_raises_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Raises(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise SystemExit("the user's handler")

    handler = Raises()
    logger = logging.getLogger("nbflow")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        assert same(1).result(30) == 1
        assert [f.result(30) for f in [same(n) for n in range(10)]] == list(range(10))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
