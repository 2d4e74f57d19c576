"""Whatever the user's data do, wherever they do it, costs the one task that they belong to.

    what happens (`RAISING`, `KILLING`)  x  where (`ON_PROCESSES`, `ON_THREADS`, `KILLED`)

After each case innocents run, and where the worker lives it is the same process as before.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

import nbflow
from nbflow import (
    AppFuture,
    Config,
    DataFlowKernel,
    ProcessExecutor,
    ThreadExecutor,
    WorkerLost,
    python_app,
)
from nbflow.errors import CannotPickle, DeserializationError, RemoteError

HERE = os.getpid()


class Bare(BaseException):
    """Neither an Exception nor one of Python's own."""


def raises() -> None:
    raise ValueError("a deed")


def exits() -> None:
    raise SystemExit(3)


def interrupts() -> None:
    raise KeyboardInterrupt


def raises_bare() -> None:
    raise Bare("a deed")


def recurses() -> None:
    recurses()


def runs_out_of_memory() -> None:
    bytearray(1 << 62)


def leaves() -> None:
    os._exit(7)


def crashes() -> None:
    ctypes.string_at(0)


Deed = Callable[[], None]
Point = Callable[[str, Deed], None]
RAISING: dict[str, Deed] = {
    deed.__name__: deed for deed in (raises, exits, interrupts, raises_bare, recurses, runs_out_of_memory)
}
KILLING: dict[str, Deed] = {deed.__name__: deed for deed in (leaves, crashes)}
ERROR: dict[str, type[BaseException]] = {
    "raises": ValueError,
    "exits": SystemExit,
    "interrupts": KeyboardInterrupt,
    "raises_bare": Bare,
    "recurses": RecursionError,
    "runs_out_of_memory": MemoryError,
}


def elsewhere(deed: Deed, driver: int) -> str:
    """Do it, but not in the driver."""
    if os.getpid() != driver:
        deed()
    return "rebuilt"


def at_home(deed: Deed, driver: int) -> str:
    """Do it in the driver alone."""
    if os.getpid() == driver:
        deed()
    return "rebuilt"


class Pickled:
    """Does it when it is pickled; once it is `armed`."""

    def __init__(self, deed: Deed) -> None:
        self.deed = deed

    def __reduce__(self) -> Any:
        self.deed()
        return str, ()


class Rebuilt:
    """Does it when it is unpickled, where `how` says."""

    def __init__(self, how: Callable[[Deed, int], str], deed: Deed) -> None:
        self.call = how, (deed, os.getpid())

    def __reduce__(self) -> Any:
        return self.call


class RebuiltWithState:
    """Does it in `__setstate__`."""

    def __init__(self, deed: Deed) -> None:
        self.deed = deed

    def __getstate__(self) -> Any:
        return self.deed, HERE

    def __setstate__(self, state: Any) -> None:
        elsewhere(*state)


class Dropped:
    """Does it when it is let go, in a process other than the driver."""

    def __init__(self, deed: Deed, driver: int) -> None:
        self.state = deed, driver

    def __del__(self) -> None:
        elsewhere(*self.state)


class Hostile:
    """Does it whenever it is looked at, compared, hashed, counted or asked what it is."""

    def __init__(self, deed: Deed) -> None:
        self.__dict__["deed"] = deed

    def _do(self, *_: Any) -> Any:
        self.__dict__["deed"]()

    __repr__ = __str__ = __hash__ = __eq__ = __bool__ = __len__ = __iter__ = __format__ = _do

    def __reduce__(self) -> Any:
        return Hostile, (self.__dict__["deed"],)


class OfNoClass:
    """Does it when it is asked what it is, as `isinstance` does."""

    def __init__(self, deed: Deed) -> None:
        self.__dict__["deed"] = deed

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # type: ignore[override]
        self.__dict__["deed"]()


class PickledError(Exception):
    def __init__(self, deed: Deed) -> None:
        super().__init__("its own text")
        self.deed = deed

    def __reduce__(self) -> Any:
        self.deed()
        return str, ()


class RebuiltError(Exception):
    def __init__(self, how: Callable[[Deed, int], str], deed: Deed, driver: int) -> None:
        super().__init__("its own text")
        self.call = how, (deed, driver)

    def __reduce__(self) -> Any:
        return _error_again, (*self.call[1], self.call[0])


def _error_again(deed: Deed, driver: int, how: Callable[[Deed, int], str]) -> RebuiltError:
    how(deed, driver)
    return RebuiltError(how, deed, driver)


class TextError(Exception):
    def __init__(self, deed: Deed) -> None:
        super().__init__("its own text")
        self.deed = deed

    def __str__(self) -> str:
        self.deed()
        return "never"

    __repr__ = __str__


class HostileError(Exception):
    def _do(self, *_: Any) -> Any:
        self.args[0]()

    __hash__ = __eq__ = __bool__ = __len__ = __iter__ = __format__ = _do  # type: ignore[assignment]


@python_app
def same(value: Any) -> Any:
    return value


@python_app
def ignore(*values: Any) -> str:
    return "fine"


@python_app
def make(kind: Callable[..., Any], *args: Any) -> Any:
    return kind(*args)


@python_app
def do(deed: Deed) -> None:
    deed()


@python_app
def throw(kind: Callable[..., BaseException], *args: Any) -> None:
    raise kind(*args)


def name_of(point: Point) -> str:
    return point.__name__


def end_of(future: AppFuture) -> Any:
    """The error, or the value if there is none."""
    error = future.exception(30)
    return future.result() if error is None else error


def innocents() -> None:
    assert [f.result(30) for f in [same(n) for n in range(5)]] == list(range(5))


def of(name: str, end: Any) -> None:
    assert type(end) is ERROR[name], end
    assert "test_crash_matrix" in str(end.__cause__), "the traceback does not show where"


# ------------------------------------------------------------ where the worker lives


def in_the_task(name: str, deed: Deed) -> None:
    of(name, end_of(do(deed)))


def pickling_an_argument(name: str, deed: Deed) -> None:
    if issubclass(ERROR[name], Exception):
        with pytest.raises(CannotPickle, match=r"argument `2` \(Pickled\) of `ignore`"):
            ignore(1, Pickled(deed))
    else:  # whoever calls is interrupted, or ends
        with pytest.raises(ERROR[name]):
            ignore(1, Pickled(deed))


def rebuilding_an_argument(name: str, deed: Deed) -> None:
    of(name, end_of(same(Rebuilt(elsewhere, deed))))


def setting_the_state_of_an_argument(name: str, deed: Deed) -> None:
    of(name, end_of(same(RebuiltWithState(deed))))


def rebuilding_a_need(name: str, deed: Deed) -> None:
    of(name, end_of(same(make(_At, elsewhere, deed, HERE))))


def pickling_the_result(name: str, deed: Deed) -> None:
    end = end_of(make(Pickled, deed))
    assert type(end) is CannotPickle
    assert "what `make` returned (Pickled) cannot travel" in str(end)
    assert ("deep recursion" if name == "recurses" else ERROR[name].__name__) in str(end)


def rebuilding_the_result(name: str, deed: Deed) -> None:
    future = make(_At, at_home, deed, HERE)
    if name in (
        "interrupts",
        "raises_bare",
    ):
        # a handler of the user's may have raised it: the value is still there
        for _ in range(2):
            with pytest.raises(ERROR[name]):
                future.result(30)
        return
    end = end_of(future)
    assert type(end) is DeserializationError
    assert end.kind == ERROR[name].__name__
    assert "`make`" in str(end)
    assert isinstance(end.__cause__, ERROR[name])
    assert future.exception() is end


class _At:
    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], self.call[1:]


def pickling_the_error(name: str, deed: Deed) -> None:
    itself(PickledError, end_of(throw(PickledError, deed)))


def rebuilding_the_error_in_the_worker(name: str, deed: Deed) -> None:
    itself(RebuiltError, end_of(throw(RebuiltError, elsewhere, deed, HERE)))


def itself(kind: type[Exception], end: Any) -> None:
    """As its class would have it pickled it cannot be; put together of its parts it can."""
    assert type(end) is kind
    assert str(end) == "its own text"
    assert "test_crash_matrix" in str(end.__cause__)


def rebuilding_the_error_at_home(name: str, deed: Deed) -> None:
    future = throw(RebuiltError, at_home, deed, HERE)
    if name in ("interrupts", "raises_bare"):
        for _ in range(2):
            with pytest.raises(ERROR[name]):
                future.result(30)
        return
    remote("RebuiltError", end_of(future))


def remote(kind: str, end: Any) -> None:
    assert type(end) is RemoteError
    assert (end.kind, end.text) == (kind, "its own text")
    assert "test_crash_matrix" in str(end.__cause__)


def the_text_of_the_error(name: str, deed: Deed) -> None:
    future = throw(TextError, deed)
    assert type(end_of(future)) is TextError
    assert future.task_status() == "failed"


def a_hostile_value(name: str, deed: Deed) -> None:
    assert ignore(Hostile(deed), make(Hostile, deed)).result(30) == "fine"


def a_hostile_result(name: str, deed: Deed) -> None:
    value = make(Hostile, deed).result(30)
    assert type(value).__name__ == "Hostile"


def a_result_of_no_class(name: str, deed: Deed) -> None:
    assert type(end_of(make(OfNoClass, deed))) is CannotPickle


def a_hostile_error(name: str, deed: Deed) -> None:
    future = throw(HostileError, deed)
    error = future.exception(30)
    assert type(error) is HostileError
    with pytest.raises(HostileError):
        future.result()


def letting_an_argument_go(name: str, deed: Deed) -> None:
    assert make(_drop, deed, HERE).result(30) == "dropped"
    assert ignore(make(Dropped, deed, HERE)).result(30) == "fine"


def _drop(deed: Deed, driver: int) -> str:
    Dropped(deed, driver)
    return "dropped"


def reducing_to_nonsense(name: str, deed: Deed) -> None:
    with pytest.raises(CannotPickle):
        ignore(Nonsense())
    assert type(end_of(make(Nonsense))) is CannotPickle


class Nonsense:
    def __reduce__(self) -> Any:
        return 1, 2, 3


def calling_back(name: str, deed: Deed) -> None:
    called: list[AppFuture] = []
    need: Future[int] = Future()  # of what has ended by then, callbacks run where they are added
    future = same(need)
    future.add_done_callback(lambda _: deed())
    future.add_done_callback(called.append)
    need.set_result(1)
    last = same(2)
    last.add_done_callback(called.append)
    assert ignore(future, last).result(30) == "fine"


def keeping_a_result_of_no_class(name: str, deed: Deed) -> None:
    value = make(OfNoClass, deed).result(30)
    assert type(value) is OfNoClass
    assert ignore(value).result(30) == "fine"


def for_another_executor(name: str, deed: Deed) -> None:
    value = make_on_threads(Pickled, deed)
    assert type(value.result(30)) is Pickled
    end = end_of(same_on_processes(value))
    assert type(end) is CannotPickle
    assert "(Pickled) cannot travel to another process" in str(end)


@python_app(executors=["threads"])
def make_on_threads(kind: Callable[..., Any], *args: Any) -> Any:
    return kind(*args)


@python_app(executors=["processes"])
def same_on_processes(value: Any) -> Any:
    return value


ANYWHERE = [in_the_task, the_text_of_the_error, a_hostile_error, calling_back]
ON_THREADS = [a_hostile_value, a_hostile_result, keeping_a_result_of_no_class, letting_an_argument_go]
ON_PROCESSES = [
    pickling_an_argument,
    rebuilding_an_argument,
    setting_the_state_of_an_argument,
    rebuilding_a_need,
    pickling_the_result,
    rebuilding_the_result,
    pickling_the_error,
    rebuilding_the_error_in_the_worker,
    rebuilding_the_error_at_home,
    a_hostile_value,
    a_hostile_result,
    a_result_of_no_class,
    letting_an_argument_go,
    reducing_to_nonsense,
]


EXECUTORS: dict[str, list[ProcessExecutor | ThreadExecutor]] = {
    "processes": [ProcessExecutor(max_workers=2)],
    "threads": [ThreadExecutor(max_workers=2)],
    "both": [ProcessExecutor(max_workers=1), ThreadExecutor(max_workers=1)],
}


@pytest.fixture(scope="module")
def on(request: pytest.FixtureRequest) -> Iterator[DataFlowKernel]:
    nbflow.clear()
    yield nbflow.load(Config(executors=EXECUTORS[request.param]))
    nbflow.clear()


def run(flow: DataFlowKernel, point: Point, name: str, deed: Deed) -> None:
    innocents()
    before = {worker.pid for worker in flow.workers()}
    point(name, deed)
    innocents()
    after = {worker.pid for worker in flow.workers()}
    if deed in RAISING.values():
        # one more may stand in for one that did not respond for a while
        assert before <= after, "a worker has died"
    else:
        assert after != before, "no worker has died"


cases = pytest.mark.parametrize("name", RAISING)
unraisable = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # in `__del__`


@unraisable
@cases
@pytest.mark.parametrize("point", ON_PROCESSES + ANYWHERE, ids=name_of)
@pytest.mark.parametrize("on", ["processes"], indirect=True)
def test_what_raises_costs_its_own_task_and_the_worker_lives(
    on: DataFlowKernel, point: Point, name: str
) -> None:
    run(on, point, name, RAISING[name])


@unraisable
@cases
@pytest.mark.parametrize("point", ON_THREADS + ANYWHERE, ids=name_of)
@pytest.mark.parametrize("on", ["threads"], indirect=True)
def test_what_raises_costs_its_own_task_on_threads_as_well(
    on: DataFlowKernel, point: Point, name: str
) -> None:
    run(on, point, name, RAISING[name])


@cases
@pytest.mark.parametrize("on", ["both"], indirect=True)
def test_a_value_of_a_thread_that_cannot_travel_costs_the_task_that_wants_it(
    on: DataFlowKernel, name: str
) -> None:
    run(on, for_another_executor, name, RAISING[name])


# ------------------------------------------------------------ where the worker dies


def is_lost(end: Any) -> None:
    assert isinstance(end, WorkerLost), end


def lost_in_the_task(name: str, deed: Deed) -> None:
    is_lost(end_of(do(deed)))


def lost_rebuilding_an_argument(name: str, deed: Deed) -> None:
    is_lost(end_of(same(Rebuilt(elsewhere, deed))))


def lost_rebuilding_a_need(name: str, deed: Deed) -> None:
    is_lost(end_of(same(make(_At, elsewhere, deed, HERE))))


def lost_pickling_the_result(name: str, deed: Deed) -> None:
    is_lost(end_of(make(Pickled, deed)))


def lost_pickling_the_error(name: str, deed: Deed) -> None:
    is_lost(end_of(throw(PickledError, deed)))


def lost_rebuilding_the_error(name: str, deed: Deed) -> None:
    is_lost(end_of(throw(RebuiltError, elsewhere, deed, HERE)))


def lost_at_the_text_of_the_error(name: str, deed: Deed) -> None:
    is_lost(end_of(throw(TextError, deed)))


def lost_letting_an_argument_go(name: str, deed: Deed) -> None:
    is_lost(end_of(ignore(make(_At, Dropped, deed, HERE))))


KILLED = [
    lost_in_the_task,
    lost_rebuilding_an_argument,
    lost_rebuilding_a_need,
    lost_pickling_the_result,
    lost_pickling_the_error,
    lost_rebuilding_the_error,
    lost_at_the_text_of_the_error,
    lost_letting_an_argument_go,
]


@pytest.mark.parametrize("name", KILLING)
@pytest.mark.parametrize("point", KILLED, ids=name_of)
@pytest.mark.parametrize("on", ["processes"], indirect=True)
def test_what_kills_its_worker_costs_its_own_task(on: DataFlowKernel, point: Point, name: str) -> None:
    run(on, point, name, KILLING[name])
