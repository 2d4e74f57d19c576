"""Every error that nbflow raises.

    NbflowError
    ├── UsageError                 the caller acts
    │   ├── ConfigurationError     a wrong or clashing configuration
    │   │   └── UnsupportedFeatureError  something of Parsl's that cannot work on one machine (ExecutorError)
    │   ├── NoDataFlowKernelError  nothing is loaded
    │   ├── FlowClosed             the flow was cleaned up, or belongs to another process
    │   ├── CannotPickle           an argument or result that cannot travel
    │   ├── CannotFingerprint      a value that cannot count in the memo
    │   ├── AppBadFormatting       an app that cannot be made from what was given
    │   ├── BadStdStreamFile       a stdout= or stderr= that cannot be used
    │   └── InvalidResourceSpecification  a parsl_resource_specification= that means nothing here (ExecutorError)
    ├── TaskError                  the task gave no value
    │   ├── PropagatedException    another task failed, which it names
    │   │   ├── NeedFailed         a need (DependencyError is the same class)
    │   │   └── JoinError          a task that a join app waited for
    │   ├── RemoteError            an error that could not travel as itself
    │   │   └── DeserializationError  a value that came, and cannot be rebuilt in this process
    │   ├── WorkerLost             the worker process died under the task
    │   │   └── BadStateException  no worker of an executor can start (ExecutorError)
    │   ├── SchedulerLost          the scheduler process died
    │   ├── StagingError           a file could not be fetched
    │   ├── NotBound               a cell's task ended without a value for the name (NameError)
    │   └── AppException           what an app did wrong
    │       ├── BashExitFailure    the command ended with an exit code other than 0
    │       ├── BashAppNoReturn    a bash app did not return a command
    │       ├── AppTimeout         the walltime was over
    │       ├── MemoryLimitExceeded  the task had more memory than it may
    │       └── MissingOutputs     a declared output was not written
    ├── ExecutorError              beside another class: it is about an executor
    ├── StoreError                 what was kept on disk cannot be used
    │   ├── BadCheckpoint          a checkpoint that was named is not there
    │   └── NotPrivate             a file or directory that somebody else could change
    └── IllegalMove                we act: a bug in nbflow

The user's own exception comes out of a future as itself, with `RemoteTraceback` as its cause.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from typing import Any

from nbflow.legible import legible
from nbflow.numbers import name_of


class NbflowError(Exception):
    """The root of the tree."""


class UsageError(NbflowError):
    """Something was asked for in a way that cannot work; the message says what is allowed."""


class ExecutorError(NbflowError):
    """It is about an executor, whoever must act."""


class ConfigurationError(UsageError):
    """A configuration is wrong, or clashes with the one that is loaded."""


class UnsupportedFeatureError(ConfigurationError, ExecutorError):
    """Something of Parsl's that cannot work on one machine; the message says what can."""


class NoDataFlowKernelError(UsageError):
    """No flow is loaded: call `nbflow.load()` first."""


class FlowClosed(UsageError):
    """The flow was cleaned up, ended, or belongs to another process."""


class CannotPickle(UsageError, TypeError):
    """A value cannot travel between processes; the message names it and says why."""


class CannotFingerprint(UsageError, ValueError):
    """A value has no fingerprint, so that a call with it cannot be remembered.

    `kind` is its type, `why` says what is in the way; `own`: a function that was registered for the type is.
    """

    def __init__(self, kind: type, why: str, own: bool = False) -> None:
        self.kind = kind
        self.why = why
        self.own = own
        super().__init__(kind, why, own)

    def __str__(self) -> str:
        return f"{self.kind.__module__}.{self.kind.__qualname__} has no fingerprint: {self.why}"


class AppBadFormatting(UsageError):
    """An app cannot be made from what was given."""


class BadStdStreamFile(UsageError):
    """A `stdout=` or `stderr=` cannot be used as it is."""


class InvalidResourceSpecification(UsageError, ExecutorError):
    """A `parsl_resource_specification=` asks for what does not exist here; `invalid_keys` are the keys in question."""

    def __init__(self, invalid_keys: Iterable[Any], message: str = "") -> None:
        self.invalid_keys = set(invalid_keys)
        self.message = message
        super().__init__(self.invalid_keys, message)

    def __str__(self) -> str:
        return self.message or f"not allowed in a resource specification: {self.invalid_keys}"


class TaskError(NbflowError):
    """A task ended without a value."""


class NotBound(TaskError, NameError):
    """A cell's task has ended without binding the name, or what it has bound cannot leave the worker."""


class PropagatedException(TaskError):
    """A task failed because another one did.

    `task_id` is the task that has no value; `root_id` and `root_app` say which task failed first, and `root` is its
    exception, also the `__cause__`.
    """

    def __init__(self, task_id: int, app: str, root_id: int, root_app: str, root: BaseException) -> None:
        self.task_id = task_id
        self.app = app
        self.root_id = root_id
        self.root_app = root_app
        self.root = root
        super().__init__(task_id, app, root_id, root_app, root)

    def __str__(self) -> str:
        root, this = name_of(self.root_id), name_of(self.task_id)
        return (
            f"{describe(self.root)} (in task {root} `{self.root_app}`, which task {this} `{self.app}` needs)"
        )

    @property
    def dependent_exceptions_tids(self) -> Sequence[tuple[BaseException, str]]:
        """What failed first, and where: one pair, as Parsl writes it; Parsl has one for each need that failed."""
        return [(self.root, f"task {name_of(self.root_id)}")]


class NeedFailed(PropagatedException):
    """A task was not run because a task that it needs failed."""


DependencyError = NeedFailed


class JoinError(PropagatedException):
    """A task that a join app waited for failed."""


class RemoteError(TaskError):
    """An error that could not travel as itself: its type's name, its text and its traceback."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self.text = text
        super().__init__(kind, text)

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}" if self.text else self.kind


class DeserializationError(RemoteError):
    """A value has come that cannot be rebuilt in this process: its error's type and text; that error is the cause."""


class WorkerLost(TaskError):
    """The worker process died while it ran the task; the text has all that follows, as far as it is known.

    `task_id` is the task, `pid` the process, `exitcode` what it ended with (-n: signal n ended it), `output` the last
    lines of what the task had printed, and `memory` what the figures say where it is likely to have run out of memory.
    """

    def __init__(
        self,
        text: str = "",
        *,
        task_id: int = 0,
        pid: int = 0,
        exitcode: int = 0,
        output: str = "",
        memory: str = "",
    ) -> None:
        self.task_id = task_id
        self.pid = pid
        self.exitcode = exitcode
        self.output = output
        self.memory = memory
        super().__init__(text)

    @property
    def signal(self) -> str:
        """The name of the signal that ended it, as in "SIGSEGV"; "" if none did."""
        return _name_of_signal(-self.exitcode) if self.exitcode < 0 else ""


class BadStateException(WorkerLost, ExecutorError):
    """No worker of an executor can start, so that the task was not run; the message says what the last one said."""


class SchedulerLost(TaskError):
    """The scheduler process died; what it had not answered is lost."""


class AppException(TaskError):
    """What an app did wrong."""


class BashExitFailure(AppException):
    """A command ended with an exit code other than 0: `exitcode`, -n if signal n killed it. `tail`: its last words."""

    def __init__(self, app_name: str, exitcode: int, tail: str = "") -> None:
        self.app_name = app_name
        self.exitcode = exitcode
        self.tail = tail
        super().__init__(app_name, exitcode, tail)

    def __str__(self) -> str:
        return with_last_words(f"bash app {self.app_name} {exit_in_words(self.exitcode)}", self.tail)


class BashAppNoReturn(AppException, ValueError):
    """A bash app returned something that is not a command."""

    @property
    def reason(self) -> str:
        """What it returned, in words."""
        return str(self)


class AppTimeout(AppException):
    """A task ran longer than its walltime and was ended."""


class MemoryLimitExceeded(AppException):
    """A task was ended for its memory: more than the executor allows, or what the machine was about to run out of.

    `used` and `limit` are in bytes; the text says which of the two it was.
    """

    def __init__(self, text: str = "", *, used: int = 0, limit: int = 0) -> None:
        self.used = used
        self.limit = limit
        super().__init__(text)


class MissingOutputs(AppException):
    """A task succeeded, but declared outputs are not there: `outputs`, a list of Files; `reason` names the app."""

    def __init__(self, reason: str, outputs: Sequence[str]) -> None:
        self.reason = reason
        self.outputs = list(outputs)
        super().__init__(reason, self.outputs)

    def __str__(self) -> str:
        return f"{self.reason}: {', '.join(map(str, self.outputs))}"


class StagingError(TaskError):
    """A file could not be fetched; the text has its URL, and what the server answered."""


class RemoteTraceback(Exception):
    """The traceback of a task's error as text: the `__cause__` of the user's own exception.

    `task_id` and `app` are the task, 0 and "" where it is not known; `item` which one of a sweep it ran for, else None;
    `arguments` those of that item, in short.
    """

    def __init__(
        self, text: str, task_id: int = 0, app: str = "", item: int | None = None, arguments: str = ""
    ) -> None:
        self.text = text
        self.task_id = task_id
        self.app = app
        self.item = item
        self.arguments = arguments
        super().__init__(text, task_id, app, item, arguments)

    @property
    def origin(self) -> str:
        """What failed, in words: "task 3 `load`"; "" where it is not known."""
        if not self.task_id:
            return ""
        if self.item is None:
            return f"task {name_of(self.task_id)} `{self.app}`"
        return f"item {self.item} of the sweep over `{self.app}` (in task {name_of(self.task_id)})"

    def __str__(self) -> str:
        origin = self.origin
        return "\n" + (f"{origin}:\n" if origin else "") + self.text.rstrip()


class StoreError(NbflowError):
    """What was kept on disk cannot be used."""


class BadCheckpoint(StoreError):
    """A directory that was named as a checkpoint holds none."""


class NotPrivate(StoreError):
    """A file or directory could be changed, or a secret read, by somebody else; the text says which, and what to do."""


class IllegalMove(NbflowError):
    """A move that the table of `nbflow.core.states` does not allow: a bug in nbflow."""


_EXITS = {126: "a command cannot be executed", 127: "a command was not found"}
_SIGNALS = {int(each): each.name for each in signal.Signals}


def _name_of_signal(number: int) -> str:
    return _SIGNALS.get(number, f"signal {number}")


def exit_in_words(code: int) -> str:
    """How a command ended: "ended with exit code 3", or which signal killed it (`code` is negative then)."""
    if code < 0:
        return f"was killed by {_name_of_signal(-code)}"
    meaning = _EXITS.get(code, f"as after {_SIGNALS[code - 128]}" if code - 128 in _SIGNALS else "")
    return f"ended with exit code {code}" + (f" ({meaning})" if meaning else "")


LAST_WORDS = "; its last words:"


def with_last_words(what: str, words: str) -> str:
    """What happened to a process, and what it had written last: several lines stand by themselves, below the first."""
    if not words:
        return what
    return f"{what}{LAST_WORDS}\n{words}" if "\n" in words else f"{what}{LAST_WORDS} {words}"


def describe(error: BaseException) -> str:
    """`ValueError: text`, or the class's name alone where there is no text; legible, and never raises."""
    name, text = type_name(error), text_of(error)
    return legible(f"{name}: {text}" if text else name)


def type_name(error: BaseException) -> str:
    """The name of the class; never raises, whatever the user has made of it."""
    return str.__str__(type.__dict__["__name__"].__get__(type(error)))


def text_of(error: BaseException) -> str:
    """`str(error)`, which is the user's code; "" where it gives none; never raises."""
    try:
        return str.__str__(str(error))  # a plain string, whatever class the user's code has made it of
    except BaseException:
        return ""
