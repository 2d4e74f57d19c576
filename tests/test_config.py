"""A configuration is checked when it is made, compares by what it says, and can be printed and used again."""

from __future__ import annotations

import copy
import dataclasses
import logging
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbflow
from nbflow import Config, ProcessExecutor, ThreadExecutor, checking, errors
from nbflow.config import EXIT_MODES, STRATEGIES
from nbflow.memoizers import BasicMemoizer


@pytest.fixture
def nothing_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "_noted", set())


def handler(exception: Exception, record: object) -> float:
    return 1.0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Config(executors=[]), "Config(executors=...) is empty, which leaves nothing to run on"),
        (lambda: Config(executors=ProcessExecutor()), "must be a list"),
        (lambda: Config(executors="threads"), "must be a list of executors, not 'threads'"),
        (
            lambda: Config(executors=["local"]),
            "takes ProcessExecutor and ThreadExecutor objects, not 'local'",
        ),
        (lambda: Config(executors=7), "must be a list"),
        (
            lambda: Config(executors=[ProcessExecutor(), ProcessExecutor()]),
            "label twice: processes, processes",
        ),
        (
            lambda: Config(retries=-1),
            "Config(retries=...) must be a whole number of at least 0 or an nbflow.Retry, not -1",
        ),
        (lambda: Config(retries=True), "not True"),
        (lambda: Config(retries="2"), "not '2'"),
        (lambda: Config(run_dir=3), "Config(run_dir=...) must be a path, not 3"),
        (lambda: Config(run_dir=""), "Config(run_dir=...) must be a path, not ''"),
        (lambda: Config(run_dir="a\0b"), "Config(run_dir=...) must be a path, not 'a\\x00b'"),
        (lambda: Config(name=""), "Config(name=...) must be a text that is not empty"),
        (
            lambda: Config(name="a\nb"),
            "Config(name=...) must be a text on one line, of at most 200 characters",
        ),
        (lambda: ProcessExecutor(label="\x1b[31m"), "label=...) must be a text on one line, of at most 200"),
        (lambda: Config(exit_mode="stay"), "must be one of 'cleanup', 'skip', 'wait', not 'stay'"),
        (lambda: Config(garbage_collect=1), "must be True or False, not 1"),
        (lambda: Config(internal_tasks_max_threads=0), "at least 1, not 0"),
        (lambda: Config(retry_handler=1), "Config(retry_handler=...) must be a function, not 1"),
        (lambda: Config(std_autopath="x"), "Config(std_autopath=...) must be a function, not 'x'"),
        (
            lambda: Config(memoizer=type("Mine", (BasicMemoizer,), {})()),
            "must be a BasicMemoizer itself or None, not Mine()",
        ),
        (
            lambda: Config(memoizer=True),
            "Config(memoizer=...) must be a BasicMemoizer itself or None, not True",
        ),
        (lambda: Config(app_cache=1), "BasicMemoizer(memoize=...) must be True or False, not 1"),
        (
            lambda: Config(memoizer=BasicMemoizer(), app_cache=False),
            "memoizer=..., app_cache=...): say it in the",
        ),
        (lambda: Config(checkpoint_mode="often"), "'manual', None, not 'often'"),
        (lambda: Config(dependency_resolver="deep"), "must be a DependencyResolver, not 'deep'"),
        (lambda: Config(initialize_logging=0), "must be True or False, not 0"),
        (
            lambda: Config(strategy="fast"),
            "must be one of 'simple', 'htex_auto_scale', 'none', None, not 'fast'",
        ),
        (lambda: Config(strategy_period=0), "must be a number above 0, not 0"),
        (lambda: Config(strategy_period=float("nan")), "must be a number above 0, not nan"),
        (lambda: Config(max_idletime=-0.5), "must be a number of at least 0, not -0.5"),
        (lambda: Config(usage_tracking=4), "must be one of 0, 1, 2, 3, True, False, not 4"),
        (lambda: Config(project_name=""), "must be a text that is not empty"),
        (
            lambda: Config(retires=3),
            "Config has no field 'retires'. Did you mean 'retries'? Its fields: executors, ",
        ),
        (lambda: Config(nonsense=3), "Config has no field 'nonsense'. Its fields: executors, "),
    ],
)
def test_what_is_not_allowed_is_refused_with_field_value_and_what_is(
    make: Callable[[], Config], words: str
) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        make()
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config([ThreadExecutor()]),
        Config(
            executors=(
                ProcessExecutor(2, environment={"A": "b"}, accelerators=["0", "1"]),
                ThreadExecutor(4, "t"),
            ),
            retries=3,
            run_dir="runs",
            name="sweep",
            exit_mode="wait",
            strategy=None,
            max_idletime=1.5,
        ),
    ],
)
def test_its_repr_can_be_pasted_back(config: Config) -> None:
    assert eval(repr(config), vars(nbflow).copy()) == config
    assert pickle.loads(pickle.dumps(config)) == config
    assert copy.deepcopy(config) == config


texts = st.text(min_size=1, max_size=5)
paths = texts.filter(lambda text: "\0" not in text)  # or what else a process is given
variables = paths.filter(lambda text: "=" not in text)
# what people call something
names = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=5)
PUBLIC = {name: getattr(nbflow, name) for name in nbflow.__all__}
process_executors = st.builds(
    ProcessExecutor,
    max_workers=st.none() | st.integers(1, 99),
    label=names,
    environment=st.dictionaries(variables, paths, max_size=2),
    working_dir=st.none() | paths,
    accelerators=st.integers(0, 4) | st.lists(paths, unique=True, max_size=3),
)
thread_executors = st.builds(ThreadExecutor, st.none() | st.integers(1, 99), names, st.text(max_size=3))
configs = st.builds(
    Config,
    executors=st.lists(
        process_executors | thread_executors, min_size=1, max_size=3, unique_by=lambda each: each.label
    ),
    retries=st.integers(0, 9) | st.builds(nbflow.Retry, st.integers(0, 9), delay=st.floats(0, 9)),
    run_dir=st.none() | paths,
    name=names,
    memoizer=st.none() | st.builds(BasicMemoizer, memoize=st.booleans()),
    exit_mode=st.sampled_from(EXIT_MODES),
    garbage_collect=st.booleans(),
    internal_tasks_max_threads=st.integers(1, 99),
    initialize_logging=st.booleans(),
    strategy=st.sampled_from(STRATEGIES),
    strategy_period=st.floats(0.001, 1e9) | st.integers(1, 99),
    max_idletime=st.floats(0, 1e9),
    usage_tracking=st.integers(0, 3),
    project_name=st.none() | texts,
)


@given(configs, configs)
def test_what_it_says_is_what_it_is_equal_by(one: Config, other: Config) -> None:
    assert eval(repr(one), PUBLIC.copy()) == one
    assert pickle.loads(pickle.dumps(one)) == one
    assert (one == other) == (one.differences(other) == "")


def test_the_docs_say_what_every_field_means() -> None:
    docs = Path(__file__).parents[1] / "docs" / "configuration.md"
    text = docs.read_text(encoding="utf-8")
    fields = [f.name for kind in (Config, ProcessExecutor, ThreadExecutor) for f in dataclasses.fields(kind)]
    assert [name for name in fields if f"`{name}`" not in text and f"`{name}=" not in text] == []


def test_its_repr_shows_what_differs_from_the_defaults() -> None:
    assert repr(Config()) == "Config()"
    assert repr(Config([ProcessExecutor(2)], retries=1)) == (
        "Config(executors=(ProcessExecutor(max_workers=2),), retries=1)"
    )
    assert repr(Config(usage_tracking=0)) == "Config()"


def test_it_is_frozen_and_its_makers_lists_do_not_change_it() -> None:
    executors, environment = [ThreadExecutor()], {"A": "b"}
    config = Config(executors)
    process = ProcessExecutor(environment=environment)
    executors.append(ThreadExecutor(label="more"))
    environment["A"] = "c"
    assert config.executors == (ThreadExecutor(),)
    assert process.environment == {"A": "b"}
    with pytest.raises(AttributeError):
        config.retries = 2  # type: ignore[misc] # that is the test


def test_functions_in_it_are_compared_by_identity() -> None:
    assert Config(retry_handler=handler) == Config(retry_handler=handler)
    assert Config(retry_handler=handler) != Config(retry_handler=lambda *_: 1.0)


@pytest.mark.parametrize(
    ("older", "memoizer"),
    [
        (Config(app_cache=False), BasicMemoizer(memoize=False)),
        (Config(checkpoint_mode="task_exit"), BasicMemoizer(checkpoint_mode="task_exit")),
        (
            Config(checkpoint_mode="periodic", checkpoint_files=["a"], checkpoint_period="00:01:00"),
            BasicMemoizer(checkpoint_mode="periodic", checkpoint_files=["a"], checkpoint_period="00:01:00"),
        ),
        (Config(app_cache=True), None),
    ],
)
def test_older_parsls_fields_become_the_memoizer(older: Config, memoizer: BasicMemoizer | None) -> None:
    assert older.memoizer == memoizer
    assert older == Config(memoizer=memoizer)
    assert eval(repr(older), {**vars(nbflow), "BasicMemoizer": BasicMemoizer}) == older
    assert dataclasses.replace(older, retries=1) == Config(memoizer=memoizer, retries=1)


def test_none_as_executors_is_the_default() -> None:
    assert Config(executors=None) == Config()  # type: ignore[arg-type] # as in Parsl, where it is typed so


def test_what_has_no_meaning_here_is_noted_once(
    nothing_noted: None, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO, "nbflow"):
        Config()
        assert not caplog.records
        for _ in range(2):
            Config(strategy="none", usage_tracking=3)
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]
    said = caplog.text
    assert "Config(strategy=...) has no meaning" in said
    assert "Config(usage_tracking=...) has no meaning in nbflow: nothing is ever sent to anybody" in said
    assert capfd.readouterr() == ("", "")


def test_differences_name_the_fields_that_are_not_equal() -> None:
    said = Config(retries=1, run_dir=Path("a")).differences(Config(retries=2, run_dir=Path("a")))
    assert said == "retries=1, not 2"


def test_numbers_of_other_kinds_are_kept_as_pythons_own() -> None:
    numpy = pytest.importorskip("numpy")
    config = Config(
        [ProcessExecutor(max_workers=numpy.int64(2), accelerators=numpy.int8(2))],
        retries=numpy.int32(3),
        object_store_limit=numpy.float64(2e9),
        max_idletime=numpy.float32(1.5),
    )
    executor = config.executors[0]
    kept = (
        executor.max_workers,
        executor.accelerators,
        config.retries,
        config.object_store_limit,
        config.max_idletime,
    )
    assert kept == (2, 2, 3, 2_000_000_000, 1.5)
    assert [type(value) for value in kept] == [int, int, int, int, float]


@pytest.mark.parametrize("value", [10**400, -(10**400), float("inf"), float("nan"), True, 1j, "1"])
def test_what_is_no_number_of_seconds_is_refused_however_large(value: object) -> None:
    with pytest.raises(
        errors.ConfigurationError, match=r"max_idletime=\.\.\.\) must be a number of at least 0, not"
    ):
        Config(max_idletime=value)  # type: ignore[arg-type]
