"""Executors are descriptions: nbflow's own, and Parsl's spellings of them."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from nbflow import Config, ProcessExecutor, ThreadExecutor, checking, errors, executors
from nbflow.compat import executors as parsls
from nbflow.compat import providers, staging
from nbflow.compat.executors import HighThroughputExecutor, ThreadPoolExecutor
from nbflow.compat.monitoring import MonitoringHub
from nbflow.compat.providers import LocalProvider, SingleNodeLauncher, SrunLauncher, WrappedLauncher
from nbflow.parsl.configs import htex_local, local_threads

GIB = 2**30


@pytest.fixture
def a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight cores, 16 GiB."""
    for module in (executors, parsls):
        monkeypatch.setattr(module, "cores_available", lambda: 8)
    monkeypatch.setattr(parsls, "memory_available", lambda: 16 * GIB)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: ProcessExecutor(0),
            "ProcessExecutor(max_workers=...) must be a whole number of at least 1, not 0",
        ),
        (lambda: ProcessExecutor(2.0), "not 2.0"),
        (lambda: ProcessExecutor(label=""), "ProcessExecutor(label=...) must be a text that is not empty"),
        (lambda: ProcessExecutor(environment={"A": 1}), "must be a dict of texts, not {'A': 1}"),
        (lambda: ProcessExecutor(environment={"A=B": "c"}), "whose names have no '=' in them, not 'A=B'"),
        (lambda: ProcessExecutor(environment={"": "c"}), "whose names have no '=' in them, not ''"),
        (
            lambda: ProcessExecutor(environment={"A": "b\0c"}),
            "texts that a process can be given, not 'b\\x00c'",
        ),
        (lambda: ProcessExecutor(environment={"A": "\ud800"}), "texts that a process can be given"),
        (lambda: ProcessExecutor(accelerators=["a\0"]), "a list of their names"),
        (lambda: ProcessExecutor(working_dir=5), "ProcessExecutor(working_dir=...) must be a path, not 5"),
        (
            lambda: ProcessExecutor(accelerators="01"),
            "a number of accelerators or a list of their names, not '01'",
        ),
        (lambda: ProcessExecutor(accelerators=-1), "at least 0, not -1"),
        (lambda: ProcessExecutor(accelerators=["0", "0"]), "must be names that differ"),
        (lambda: ProcessExecutor(acelerators=2), "Did you mean 'accelerators'?"),
        (
            lambda: ProcessExecutor(memory_limit="2 G"),
            'ProcessExecutor(memory_limit=...) must be bytes, or a text like "2 GB" or "512 MiB", not \'2 G\'',
        ),
        (lambda: ProcessExecutor(memory_limit=True), "or a text like"),
        (lambda: ProcessExecutor(memory_limit=float("nan")), "or a text like"),
        (
            lambda: ProcessExecutor(memory_limit="2 MB"),
            "(memory_limit=...) must be at least 50 MB, not '2 MB'",
        ),
        (lambda: ProcessExecutor(memory_limit=2), "must be at least 50 MB, not 2"),
        (
            lambda: HighThroughputExecutor(memory_limit="x"),
            "HighThroughputExecutor(memory_limit=...) must be bytes",
        ),
        (
            lambda: ThreadExecutor(0),
            "ThreadExecutor(max_workers=...) must be a whole number of at least 1, not 0",
        ),
        (lambda: ThreadExecutor(thread_name_prefix=3), "must be a text, not 3"),
        (
            lambda: HighThroughputExecutor(max_workers_per_node=0),
            "(max_workers_per_node=...) must be a whole number",
        ),
        (lambda: HighThroughputExecutor(max_workers_per_node=2, max_workers=3), "give one of them"),
        (lambda: HighThroughputExecutor(cores_per_worker=0), "must be a number above 0, not 0"),
        (lambda: HighThroughputExecutor(mem_per_worker="4"), "must be a number above 0, not '4'"),
        (
            lambda: HighThroughputExecutor(available_accelerators=1.5),
            "(available_accelerators=...) must be a number",
        ),
        (lambda: HighThroughputExecutor(provider="local"), "must be a LocalProvider or None, not 'local'"),
        (lambda: HighThroughputExecutor(cpu_affinity="tight"), "'block-reverse', 'list:...', not 'tight'"),
        (lambda: HighThroughputExecutor(storage_access="x"), "a list of Staging objects or None, not 'x'"),
        (
            lambda: HighThroughputExecutor(accelerators=2),
            "has no field 'accelerators'. Did you mean 'available_accel",
        ),
        (lambda: HighThroughputExecutor(workers_per_node=2), "Did you mean 'max_workers_per_node'?"),
        (lambda: ThreadPoolExecutor(max_workers=2), "ThreadPoolExecutor has no field 'max_workers'"),
        (
            lambda: ThreadPoolExecutor(max_threads=0),
            "(max_threads=...) must be a whole number of at least 1, not 0",
        ),
        (
            lambda: LocalProvider(init_blocks=-1),
            "LocalProvider(init_blocks=...) must be a whole number of at least 0",
        ),
        (lambda: LocalProvider(launcher="srun"), "must be a launcher, not 'srun'"),
        (lambda: LocalProvider(worker_init=None), "must be a text, not None"),
        (lambda: SingleNodeLauncher(debug=1), "SingleNodeLauncher(debug=...) must be True or False, not 1"),
        (lambda: MonitoringHub(resource_monitoring_interval="5"), "must be a number of at least 0, not '5'"),
        (lambda: Config(monitoring="yes"), "must be a MonitoringHub or None, not 'yes'"),
    ],
)
def test_what_is_not_allowed_is_refused_with_field_value_and_what_is(
    make: Callable[[], object], words: str
) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        make()
    assert words in str(caught.value)


@pytest.mark.usefixtures("a_machine")
@pytest.mark.parametrize(
    ("executor", "workers"),
    [
        (ProcessExecutor(), 8),
        (ProcessExecutor(3), 3),
        (ProcessExecutor(accelerators=2), 2),
        (ProcessExecutor(3, accelerators=["a", "b"]), 2),
        (ProcessExecutor(1, accelerators=2), 1),
        (ThreadExecutor(), 2),
        (ThreadExecutor(None), 12),
        (HighThroughputExecutor(), 8),
        (HighThroughputExecutor(max_workers_per_node=20), 20),
        (HighThroughputExecutor(max_workers=3), 3),
        (HighThroughputExecutor(cores_per_worker=3), 2),
        (HighThroughputExecutor(cores_per_worker=0.5), 16),
        (HighThroughputExecutor(cores_per_worker=100), 1),
        (HighThroughputExecutor(mem_per_worker=3), 5),
        (HighThroughputExecutor(mem_per_worker=100), 1),
        (HighThroughputExecutor(max_workers_per_node=4, mem_per_worker=8), 2),
        (HighThroughputExecutor(available_accelerators=["0", "1", "2"]), 3),
        (ThreadPoolExecutor(), 2),
        (ThreadPoolExecutor(max_threads=5), 5),
        (ThreadPoolExecutor("t", 3), 3),
        (htex_local.config.executors[0], 8),
        (local_threads.config.executors[0], 2),
    ],
)
def test_how_many_workers_there_will_be(executor: executors.Executor, workers: int) -> None:
    assert executor.workers == workers


def test_parsls_executors_are_nbflows_own_with_parsls_defaults() -> None:
    assert isinstance(HighThroughputExecutor(), ProcessExecutor)
    assert isinstance(ThreadPoolExecutor(), ThreadExecutor)
    assert HighThroughputExecutor("a").label == "a"
    assert (HighThroughputExecutor().label, ThreadPoolExecutor().label) == (
        "HighThroughputExecutor",
        "threads",
    )
    assert ThreadPoolExecutor(thread_name_prefix=None).thread_name_prefix == ""
    assert HighThroughputExecutor(available_accelerators=2).accelerator_names == ("0", "1")
    assert Config([HighThroughputExecutor("a"), ThreadPoolExecutor("b")]).executors[1].label == "b"


def test_their_repr_can_be_pasted_back() -> None:
    everything = {**vars(parsls), **vars(providers)}
    for made in (
        HighThroughputExecutor(
            "h",
            max_workers_per_node=2,
            provider=LocalProvider(launcher=SrunLauncher(overrides="-c 2"), max_blocks=3),
        ),
        HighThroughputExecutor(available_accelerators=["a"], environment={"A": "b"}),
        ThreadPoolExecutor("t", 3, working_dir="x"),
        WrappedLauncher("nice"),
    ):
        assert eval(repr(made), everything) == made
    assert repr(HighThroughputExecutor()) == "HighThroughputExecutor()"
    assert repr(ThreadPoolExecutor("t", 3)) == "ThreadPoolExecutor(label='t', max_threads=3)"


def test_what_has_no_meaning_here_is_noted_once_and_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(checking, "_noted", set())
    with caplog.at_level(logging.INFO, "nbflow"):
        HighThroughputExecutor(max_workers_per_node=1, working_dir=".", mem_per_worker=1)
        assert not caplog.records
        for _ in range(2):
            HighThroughputExecutor(
                address="10.0.0.1", provider=LocalProvider(worker_init="source activate it")
            )
    first, second, third = (record.getMessage() for record in caplog.records)
    assert first.startswith(
        "LocalProvider(worker_init=...) has no meaning in nbflow: workers get the environment"
    )
    assert second.startswith(
        "HighThroughputExecutor(provider=...) has no meaning in nbflow: workers are started on"
    )
    assert third.startswith(
        "HighThroughputExecutor(address=...) has no meaning in nbflow: workers are reached"
    )


REFUSED = [
    each
    for module in (parsls, providers, staging)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, providers.Refused) and each.__doc__
]


@pytest.mark.parametrize(
    "kind",
    sorted({*REFUSED} - {providers.Refused}, key=lambda kind: kind.__name__),
    ids=lambda kind: kind.__name__,
)
def test_what_cannot_work_on_one_machine_is_refused_when_made(kind: type[providers.Refused]) -> None:
    with pytest.raises(errors.UnsupportedFeatureError) as caught:
        kind(label="x", whatever=3)
    assert isinstance(caught.value, errors.ConfigurationError)
    assert str(caught.value) == f"{kind.__name__} {kind.why}: {kind.instead}"


@pytest.mark.parametrize("given", ["2 GB", "2000 MB", 2_000_000_000, 2e9])
def test_a_limit_of_memory_is_kept_in_bytes_however_it_was_written(given: object) -> None:
    assert ProcessExecutor(memory_limit=given) == ProcessExecutor(memory_limit=2_000_000_000)  # type: ignore[arg-type]
    assert repr(ProcessExecutor(memory_limit=given)) == "ProcessExecutor(memory_limit=2000000000)"  # type: ignore[arg-type]
