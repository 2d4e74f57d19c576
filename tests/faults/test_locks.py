"""Code of the user's runs at many moments, and nbflow holds no lock meanwhile: it may wait for whoever needs one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow import Config, DataFlowKernel, File, errors, python_app
from nbflow.client.flow.loading import start_on_first_call
from nbflow.compat.executors import HighThroughputExecutor
from nbflow.concurrent import NbflowPoolExecutor
from nbflow.staging import Staging
from tests.faults.processes import Driver

PATIENCE = 20.0  # seconds


@python_app
def same(value: Any) -> Any:
    return value


def elsewhere(function: Callable[[], Any]) -> Any:
    """What a function gives on another thread; TimeoutError where it waits for this one."""
    found: Future[Any] = Future()

    def run() -> None:
        try:
            found.set_result(function())
        except BaseException as error:
            found.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return found.result(PATIENCE)


class WhenPickled:
    """Calls something when it is pickled, and becomes what that gives."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function

    def __reduce__(self) -> Any:
        return str, (self.function(),)


# ------------------------------------------------------------ pools


def test_pickling_an_argument_may_wait_for_a_thread_that_uses_the_same_pool(
    shared_flow: DataFlowKernel,
) -> None:
    with NbflowPoolExecutor(dfk=shared_flow) as pool:
        argument = WhenPickled(lambda: elsewhere(lambda: pool.submit(pow, 2, 3).result(PATIENCE)))
        assert pool.submit(str, argument).result(PATIENCE) == "8"


def test_a_pool_may_be_shut_down_by_another_thread_while_an_argument_is_pickled(
    shared_flow: DataFlowKernel,
) -> None:
    pool = NbflowPoolExecutor(dfk=shared_flow)
    with pytest.raises(RuntimeError, match="was shut down"):
        pool.submit(str, WhenPickled(lambda: elsewhere(pool.shutdown)))


# ------------------------------------------------------------ finalizers and handlers of signals, at any moment


@pytest.fixture
def in_the_midst_of_sending(
    shared_flow: DataFlowKernel, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], Any]], Future[Any]]:
    """Has a function run once as a finalizer that the collector happens to run there; what comes of it."""

    def arrange(function: Callable[[], Any]) -> Future[Any]:
        connection, found = shared_flow._connection, Future[Any]()
        extra = connection.extra

        def collect() -> Any:
            if found.set_running_or_notify_cancel():
                monkeypatch.setattr(connection, "extra", extra)
                try:
                    found.set_result(function())
                except Exception as error:
                    found.set_exception(error)
            return extra()

        monkeypatch.setattr(connection, "extra", collect)
        return found

    return arrange


def test_a_finalizer_may_make_a_call_while_its_thread_sends(in_the_midst_of_sending: Any) -> None:
    made = in_the_midst_of_sending(lambda: [same(same(n)) for n in range(500)])
    assert elsewhere(lambda: same(1).result(PATIENCE)) == 1
    assert [future.result(PATIENCE) for future in made.result(0)] == [*range(500)]


def test_a_finalizer_that_would_wait_while_its_thread_sends_is_refused(in_the_midst_of_sending: Any) -> None:
    waited = in_the_midst_of_sending(lambda: same(2).result(PATIENCE))
    assert elsewhere(lambda: same(1).result(PATIENCE)) == 1
    assert isinstance(waited.exception(0), errors.UsageError)


def test_a_handler_of_a_signal_may_make_calls_while_the_program_waits_and_not_wait_itself(
    tmp_path: Path,
) -> None:
    with Driver(HANDLER, tmp_path) as driver:
        traces = driver.hear_traces()
        assert driver.hear() == "UsageError"
        with open(tmp_path / "gate", "w") as gate:
            gate.write("opened")
        assert driver.hear() == "opened 3"
        assert driver.wait() == 0, driver.errors()
        traces.assert_gone()


HANDLER = """
flow = nbflow.load(Config([ProcessExecutor(max_workers=1)]))
add = python_app(lambda x: x + 1)
os.mkfifo("gate")
slow = python_app(lambda path: open(path).read())(os.path.abspath("gate"))
made = []

def handle(*_):
    made.append(add(2))
    try:
        made[0].result()
    except errors.UsageError as error:
        tell(type(error).__name__)

def send_when_it_reads():
    while flow._connection._leads != threading.main_thread().ident:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGUSR1)

signal.signal(signal.SIGUSR1, handle)
tell_traces(flow)
threading.Thread(target=send_when_it_reads).start()
tell(slow.result(), made[0].result())
"""


class Equal(Future):  # type: ignore[type-arg] # of anything
    """Compares, and is hashed, by what waits for another thread."""

    def __eq__(self, other: object) -> bool:
        return bool(elsewhere(lambda: same(Future()).cancel(wait=False)))

    def __hash__(self) -> int:
        return elsewhere(lambda: same(done()).result(PATIENCE)) * 0


def done() -> Future[int]:
    future: Future[int] = Future()
    future.set_result(1)
    return future


def test_futures_of_other_libraries_are_told_apart_by_identity(shared_flow: DataFlowKernel) -> None:
    futures = [Equal(), Equal()]
    given = [same(future) for future in [*futures, *futures]]
    for n, future in enumerate(futures):
        future.set_result(n)
    assert [future.result(PATIENCE) for future in given] == [0, 1, 0, 1]


# ------------------------------------------------------------ from here on without the flow of the others: loading


class Handler(logging.Handler):
    """Calls something at the first record of nbflow's."""

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__()
        self.function = function
        self.found: Any = None

    def emit(self, record: logging.LogRecord) -> None:
        if self.found is None:
            self.found = "called"
            try:
                self.found = self.function()
            except Exception as error:
                self.found = error


@pytest.fixture
def logged(nothing_loaded: None) -> Iterator[Callable[[Callable[[], Any]], Handler]]:
    """Makes a handler of nbflow's log that calls a function while a flow is loaded."""
    logger = logging.getLogger("nbflow")
    level, handlers = logger.level, list(logger.handlers)
    logger.setLevel(logging.INFO)

    def make(function: Callable[[], Any]) -> Handler:
        logger.addHandler(handler := Handler(function))
        return handler

    yield make
    logger.handlers[:] = handlers
    logger.setLevel(level)


@pytest.mark.parametrize("what", [nbflow.load, lambda: same(1)], ids=["load", "a call"])
def test_what_loading_logs_may_not_wait_for_the_flow_to_be_loaded(logged: Any, what: Any) -> None:
    handler = logged(what)
    start_on_first_call()
    try:
        assert elsewhere(lambda: same(2).result(PATIENCE)) == 2
    finally:
        start_on_first_call(False)
    assert isinstance(handler.found, errors.NoDataFlowKernelError)
    assert "in this very thread" in str(handler.found)


def test_what_loading_logs_may_wait_for_a_thread_that_asks_for_what_is_loaded(logged: Any) -> None:
    handler = logged(lambda: elsewhere(nbflow.clear) or "cleared")
    flow = elsewhere(nbflow.load)
    assert handler.found == "cleared"
    assert nbflow.dfk() is flow


def test_of_several_threads_that_load_one_makes_the_flow_and_all_have_it(logged: Any) -> None:
    begun, go_on = threading.Event(), threading.Event()
    logged(lambda: (begun.set(), go_on.wait(PATIENCE)))
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(nbflow.load)
        assert begun.wait(PATIENCE)
        others = [pool.submit(nbflow.load) for _ in range(3)]
        go_on.set()
        assert {other.result(PATIENCE) for other in others} == {first.result(PATIENCE)}


# ------------------------------------------------------------ files that are brought in


class Elsewhere(Staging):
    """Brings in files of `one:` by another thread, which makes a call with another file, or with the same one."""

    def __init__(self, scheme: str) -> None:
        self.scheme = scheme
        self.staged: list[str] = []

    def can_stage_in(self, file: File) -> bool:
        return file.scheme in ("one", "other")

    def stage_in(self, dm: Any, executor: str, file: File, parent_fut: Any) -> None:
        self.staged.append(file.url)
        file.local_path = f"/tmp/{file.filename}"
        if file.scheme == "one":
            there = elsewhere if self.scheme == "other" else lambda function: function()
            there(lambda: path_of(File(f"{self.scheme}://there/file")).result(PATIENCE))


@python_app
def path_of(file: File) -> str:
    return file.filepath


def staging(scheme: str) -> tuple[Config, Elsewhere]:
    way = Elsewhere(scheme)
    return Config([HighThroughputExecutor(max_workers_per_node=1, storage_access=[way])]), way


def test_bringing_a_file_in_may_wait_for_a_thread_that_brings_in_another_one(nothing_loaded: None) -> None:
    config, way = staging("other")
    with nbflow.load(config):
        assert path_of(File("one://here/name")).result(PATIENCE) == "/tmp/name"
        assert path_of(File("one://here/name")).result(PATIENCE) == "/tmp/name"
    assert way.staged == ["one://here/name", "other://there/file"]


def test_a_file_that_needs_itself_to_be_brought_in_is_refused_and_may_be_tried_again(
    nothing_loaded: None,
) -> None:
    config, way = staging("one")
    with nbflow.load(config):
        for _ in range(2):
            with pytest.raises(errors.UsageError, match="the same file"):
                path_of(File("one://there/file"))
    assert way.staged == ["one://there/file"] * 2
