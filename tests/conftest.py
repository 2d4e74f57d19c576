"""What all tests share: flows on real processes, with every invariant of the core checked after every step."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import nbflow
from nbflow import Config, DataFlowKernel, ProcessExecutor, ThreadExecutor
from tests.gates import Gate, make_gate

os.environ["NBFLOW_VALIDATE"] = "1"
TESTS = Path(__file__).parent

# how fast examples are made says something of the machine, not of the code; CI tries the same ones each time
settings.register_profile(
    "nbflow",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("nbflow")


BUSY = (
    "browser",
    "notebooks",
    "benchmarks",
)  # folders whose tests take long, and the processor for themselves


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that keep a processor busy one by one among the others, which mostly wait, and none at the end.

    Files go to whichever of two processes is free: so neither has to wait for the other, nor both for the processor.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    busy = [file for file in files if file.relative_to(TESTS).parts[0] in BUSY]
    others = [file for file in files if file not in busy]
    step = max(1, 3 * len(others) // (4 * len(busy))) if busy else 1
    order: list[Path] = []
    while busy or others:
        order += [*busy[:1], *others[:step]]
        del busy[:1], others[:step]
    items[:] = [item for file in order for item in files[file]]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have what tests of hostile texts have logged travel as text to the process that reports it."""
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report


@pytest.fixture(scope="session", autouse=True)
def state_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The key that signs checkpoints is of the tests, not of whoever runs them."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture
def flow() -> Iterator[DataFlowKernel]:
    """A loaded flow with two workers, of the test's own."""
    nbflow.clear()
    yield nbflow.load(Config(executors=[ProcessExecutor(max_workers=2)]))
    nbflow.clear()


@pytest.fixture(scope="module")
def shared_flow() -> Iterator[DataFlowKernel]:
    """A loaded flow with two workers, for all tests of a module that leave it as it is."""
    nbflow.clear()
    yield nbflow.load(Config(executors=[ProcessExecutor(max_workers=2)]))
    nbflow.clear()


@pytest.fixture(scope="module", params=["processes", "threads"])
def each_flow(request: pytest.FixtureRequest) -> Iterator[DataFlowKernel]:
    """Like `shared_flow`, once with worker processes and once with threads, for what must hold on both."""
    nbflow.clear()
    kind = {"processes": ProcessExecutor, "threads": ThreadExecutor}[request.param]
    yield nbflow.load(Config(executors=[kind(max_workers=2)]))
    nbflow.clear()


@pytest.fixture
def nothing_loaded() -> Iterator[None]:
    """For tests that load flows themselves."""
    nbflow.clear()
    yield
    nbflow.clear()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A file into which each attempt writes an x."""
    return tmp_path / "log"


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gate for tasks to stand at."""
    gate, ends = make_gate(tmp_path)
    yield gate
    for end in ends:
        os.close(end)
