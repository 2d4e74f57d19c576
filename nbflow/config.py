"""`Config`: what a flow runs on and how it behaves. Plain data, checked when it is made; may be used again.

It takes every field of Parsl's `Config`. Those that mean nothing here are accepted and noted once in the log.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, Literal

from nbflow.checking import (
    Description,
    called,
    choice,
    count,
    flag,
    function,
    number,
    path,
    refuse,
    size,
    text,
)
from nbflow.errors import ConfigurationError
from nbflow.executors import Executor, ProcessExecutor
from nbflow.memoizers import BasicMemoizer
from nbflow.retrying import Retry, check_retries

EXIT_MODES = ("cleanup", "skip", "wait")
OLDER = {
    "app_cache": "memoize",
    **{n: n for n in ("checkpoint_mode", "checkpoint_files", "checkpoint_period")},
}
"""Fields of older Parsl's `Config` -> those of the memoizer."""
STRATEGIES = ("simple", "htex_auto_scale", "none", None)

_NO_BLOCKS = "there are no blocks of nodes to scale, all workers are on this machine"
_NO_TELEMETRY = "nothing is ever sent to anybody"


@dataclass(frozen=True, repr=False)
class Config(Description):
    """What a flow runs on.

    Args:
        executors: where tasks run; None = one `ProcessExecutor`.
        retries: how many further attempts a task gets whose attempt failed, or a `Retry`; an app's own come first.
        run_dir: where files of the flow are kept; None = a temporary directory that goes when the flow ends.
        name: what people call the flow.
        memoizer: what is remembered of cached apps, and where; None = `BasicMemoizer()`: within the session.
        dependency_resolver: how futures are found among arguments; None = at any depth.
        exit_mode: what the end of `with load(...)` does: "cleanup" ends the flow, "wait" waits for its tasks before
            (not after an exception), "skip" leaves it running.
        garbage_collect: whether what is kept of a task may go with its future.
        internal_tasks_max_threads: how many threads of this process join apps may use that cannot travel.
        retry_handler: `f(exception, task_record)` gives what a failed attempt costs, at least 0; a task is retried
            while its costs add up to at most `retries`. None = 1 each. It runs in this process, on a thread of its
            own, and must not wait for tasks; what it raises becomes the task's error.
        std_autopath: `f(task_record, "stdout" or "stderr")` gives the path for `AUTO_LOGNAME`; None = one in `run_dir`.
        show_values: whether short texts of arguments and results are shown, in the graph, on cards and in the flow's
            rows; False where they may be secret. What tasks print and raise is shown in any case.
        object_store_limit: how much memory big values may have, in bytes or as a text such as "2 GB"; beyond it, those
            that were not used for longest go to the run directory. None = half of the machine's or container's.
        initialize_logging: whether a flow whose `run_dir` is kept writes an `nbflow.log` there, or a `LogConfig`.
        monitoring: Parsl's monitoring; the live graph and the log take its place.
        strategy: Parsl's scaling of blocks; no meaning here, as for `strategy_period` and `max_idletime` (seconds).
        usage_tracking: Parsl's telemetry, 0 to 3; there is none here, whatever is given.
        project_name: a name for that telemetry; no meaning here.
        app_cache, checkpoint_mode, checkpoint_files, checkpoint_period: how older Parsl spells
            `BasicMemoizer(memoize, checkpoint_mode, checkpoint_files, checkpoint_period)`; they become the `memoizer`.

    Raises:
        ConfigurationError: a value is not allowed; the text names field, value and what is.
    """

    inert: ClassVar[dict[str, str]] = {
        "garbage_collect": "what is kept of a task always goes with its future",
        "strategy": _NO_BLOCKS,
        "strategy_period": _NO_BLOCKS,
        "max_idletime": _NO_BLOCKS,
        "monitoring": "the live graph and the flow's log take its place",
        "usage_tracking": _NO_TELEMETRY,
        "project_name": _NO_TELEMETRY,
    }

    executors: Sequence[Executor] = field(default_factory=lambda: (ProcessExecutor(),))
    _: KW_ONLY
    retries: int | Retry = 0
    run_dir: str | os.PathLike[str] | None = None
    name: str = "flow"
    memoizer: BasicMemoizer | None = None
    dependency_resolver: Any = None
    exit_mode: Literal["cleanup", "skip", "wait"] = "cleanup"
    garbage_collect: bool = True
    internal_tasks_max_threads: int = 10
    retry_handler: Callable[..., float] | None = None
    std_autopath: Callable[..., Any] | None = None
    show_values: bool = True
    object_store_limit: int | str | None = None
    initialize_logging: Any = True
    monitoring: Any = None
    strategy: str | None = "simple"
    strategy_period: float = 5
    max_idletime: float = 120.0
    usage_tracking: int = 0
    project_name: str | None = None
    app_cache: bool = field(default=True, repr=False, compare=False)
    checkpoint_mode: str | None = field(default=None, repr=False, compare=False)
    checkpoint_files: Sequence[str | os.PathLike[str]] | None = field(default=None, repr=False, compare=False)
    checkpoint_period: str | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        given: Any = self.executors
        given = (ProcessExecutor(),) if given is None else given  # None: as in Parsl
        object.__setattr__(self, "executors", checked_executors("Config(executors=...)", given))
        self._keep("retries", check_retries)
        self._keep("run_dir", path, none=True)
        self._keep("name", called)
        self._find_memoizer()
        _check_resolver(self.dependency_resolver)
        self._keep("exit_mode", choice, EXIT_MODES)
        self._keep("garbage_collect", flag)
        self._keep("internal_tasks_max_threads", count, 1)
        self._keep("retry_handler", function, none=True)
        self._keep("std_autopath", function, none=True)
        self._keep("show_values", flag)
        self._keep("object_store_limit", size, none=True)
        if not callable(getattr(self.initialize_logging, "initialize_logging", None)):
            self._keep("initialize_logging", flag)
        if self.monitoring is not None and not isinstance(self.monitoring, Description):
            raise refuse("Config(monitoring=...)", "a MonitoringHub or None", self.monitoring)
        self._keep("strategy", choice, STRATEGIES)
        self._keep("strategy_period", number, above=0)
        self._keep("max_idletime", number, least=0)
        self._keep("usage_tracking", choice, (0, 1, 2, 3, True, False))
        self._keep("project_name", text, none=True)
        super().__post_init__()

    def _find_memoizer(self) -> None:
        """What the older spelling says becomes the memoizer, and goes: so that the fields never contradict."""
        fields = type(self).__dataclass_fields__
        given = {n: getattr(self, n) for n in OLDER if getattr(self, n) is not fields[n].default}
        if given and self.memoizer is not None:
            raise ConfigurationError(
                f"Config(memoizer=..., {next(iter(given))}=...): say it in the memoizer alone"
            )
        if given:
            for name in given:
                object.__setattr__(self, name, fields[name].default)
            memoizer = BasicMemoizer(**{OLDER[name]: value for name, value in given.items()})
            object.__setattr__(self, "memoizer", memoizer)
        elif self.memoizer is not None and type(self.memoizer) is not BasicMemoizer:
            # what one of a class of its own has in place of ours would not be asked
            raise refuse("Config(memoizer=...)", "a BasicMemoizer itself or None", self.memoizer)


def checked_executors(where: str, given: Any) -> tuple[Executor, ...]:
    """Executors as a tuple.

    Raises:
        ConfigurationError: it is no list of executors, or an empty one, or two have the same label.
    """
    if isinstance(given, (str, Executor)) or not isinstance(given, Iterable):
        raise refuse(where, "a list of executors", given)
    executors = tuple(given)
    if not executors:
        raise ConfigurationError(
            f"{where} is empty, which leaves nothing to run on: name at least one executor"
        )
    for executor in executors:
        if not isinstance(executor, Executor):
            raise ConfigurationError(
                f"{where} takes ProcessExecutor and ThreadExecutor objects, not {executor!r}"
            )
    labels = [executor.label for executor in executors]
    if len(set(labels)) < len(labels):
        raise ConfigurationError(f"{where} has a label twice: {', '.join(labels)}")
    return executors


def _check_resolver(given: Any) -> None:
    """Parsl's resolvers are a pair of functions."""
    pair = (getattr(given, "traverse_to_gather", None), getattr(given, "traverse_to_unwrap", None))
    if given is not None and not all(callable(one) for one in pair):
        raise refuse("Config(dependency_resolver=...)", "a DependencyResolver", given)
