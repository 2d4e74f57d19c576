"""Apps: functions whose calls are tasks.

`python_app`, `bash_app` and `join_app` make an `App` of a function. What a call means is in `calls`; here is what an
app is, and that a call with wrong arguments is refused where it is made.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from nbflow.client.calls import SPECIAL, Callee
from nbflow.client.current import current
from nbflow.client.future import AppFuture
from nbflow.errors import AppBadFormatting
from nbflow.values.functions import Captor

F = TypeVar("F", bound=Callable[..., Any])


class App:
    """A function whose calls are tasks: calling it returns an `AppFuture` at once.

    `kind` is "python", "bash" or "join"; `options` are the decorator's arguments.
    """

    def __init__(
        self, function: Callable[..., Any], kind: str, options: dict[str, Any], flow: Any = None
    ) -> None:
        if not callable(function):
            raise AppBadFormatting(f"{kind}_app makes an app of a function, not of {function!r}")
        self.kind = kind
        self.options = options
        self._function = function
        self._flow = flow
        functools.update_wrapper(self, function)
        self._prepare()

    def _prepare(self) -> None:
        function = self._function
        name = getattr(function, "__name__", type(function).__name__)
        try:
            self._signature: inspect.Signature | None = inspect.signature(function)
        except (ValueError, TypeError):  # some built-in functions have none
            self._signature = None
        parameters = list(self._signature.parameters.values()) if self._signature else []
        positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        anything = self._signature is None or any(p.kind is p.VAR_KEYWORD for p in parameters)
        executors = self.options["executors"]
        self._callee = Callee(
            name,
            self.kind,
            Captor(function),
            tuple(p.name for p in positional),
            None if anything else frozenset(p.name for p in parameters),
            {p.name: p.default for p in parameters if p.name in SPECIAL and p.default is not p.empty},
            () if executors == "all" else tuple(executors),
            self.options["retries"],
            self.options["walltime"],
            self.options["cache"],
            frozenset(self.options["ignore_for_cache"] or ()),
        )
        # the counts of plain arguments that need no closer look
        required = [
            p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
        all_positional = len(required) == sum(p in positional for p in required)
        most = -1 if not self._signature or not all_positional else len(positional)
        self._plain = range(len(required), most + 1)

    def __call__(self, *args: Any, **kwargs: Any) -> AppFuture:
        if kwargs or len(args) not in self._plain:
            self._check(args, kwargs)
        calls = current() if self._flow is None else self._flow.calls
        return calls.call(self._callee, args, kwargs)

    def _check(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Refuse arguments that the function would not take.

        Raises:
            TypeError: as the function itself would raise it.
        """
        if self._signature is None:
            return
        accepts = self._callee.accepts
        given = {n: v for n, v in kwargs.items() if accepts is None or n in accepts or n not in SPECIAL}
        try:
            self._signature.bind(*args, **given)
        except TypeError as error:
            raise TypeError(f"{self._callee.name}(): {error}") from None

    @property
    def carried_function(self) -> Callable[..., Any]:
        """The function that travels with an app that another function refers to."""
        return self._function

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """An app that was defined in a class takes the instance as its first argument, as a function does."""
        return self if instance is None else functools.partial(self, instance)

    def __getstate__(self) -> dict[str, Any]:
        return {"function": self._function, "kind": self.kind, "options": self.options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["function"], state["kind"], state["options"])  # type: ignore[misc] # made without it

    def __repr__(self) -> str:
        return f"<{self.kind} app {self._callee.name}>"


def _decorator(kind: str, function: Callable[..., Any] | None, flow: Any, options: dict[str, Any]) -> Any:
    executors = options["executors"]
    if executors != "all" and (isinstance(executors, str) or not isinstance(executors, (list, tuple))):
        raise AppBadFormatting(f'{kind}_app(executors=...) is "all" or a list of labels, not {executors!r}')
    retries, walltime = options["retries"], options["walltime"]
    if retries is not None and (not isinstance(retries, int) or isinstance(retries, bool) or retries < 0):
        raise AppBadFormatting(
            f"{kind}_app(retries=...) is a whole number of at least 0 or None, not {retries!r}"
        )
    if walltime is not None and (
        not isinstance(walltime, (int, float)) or isinstance(walltime, bool) or walltime <= 0
    ):
        raise AppBadFormatting(
            f"{kind}_app(walltime=...) is a number of seconds above 0 or None, not {walltime!r}"
        )
    if function is None:
        return lambda f: App(f, kind, options, flow)
    return App(function, kind, options, flow)


@overload
def python_app(function: Callable[..., Any], /) -> App: ...
@overload
def python_app(
    *,
    data_flow_kernel: Any = None,
    executors: str | Iterable[str] = "all",
    cache: bool = False,
    ignore_for_cache: Iterable[str] | None = None,
    retries: int | None = None,
    walltime: float | None = None,
) -> Callable[[Callable[..., Any]], App]: ...
def python_app(
    function: Callable[..., Any] | None = None,
    *,
    data_flow_kernel: Any = None,
    executors: Any = "all",
    cache: bool = False,
    ignore_for_cache: Iterable[str] | None = None,
    retries: int | None = None,
    walltime: float | None = None,
) -> Any:
    """Make an app of a Python function: each call is a task whose value is what the function returns.

    Args:
        data_flow_kernel: the flow to use; None = the one that is loaded when the call is made.
        executors: "all", or a list of labels of executors.
        cache: recall the value of an equal call instead of running it again.
        ignore_for_cache: names of parameters that do not count for that.
        retries: further attempts after a failed one; None = the configuration's.
        walltime: seconds after which an attempt is ended with `AppTimeout`; None = no limit.

    Raises:
        AppBadFormatting: it cannot be made an app.
    """
    return _decorator(
        "python", function, data_flow_kernel, _options(executors, cache, ignore_for_cache, retries, walltime)
    )


def bash_app(
    function: Callable[..., Any] | None = None,
    *,
    data_flow_kernel: Any = None,
    executors: Any = "all",
    cache: bool = False,
    ignore_for_cache: Iterable[str] | None = None,
    retries: int | None = None,
    walltime: float | None = None,
) -> Any:
    """Make an app of a function that returns a command for bash: each call is a task whose value is the exit code 0.

    Arguments and errors are those of `python_app`; another exit code fails the task with `BashExitFailure`.
    """
    return _decorator(
        "bash", function, data_flow_kernel, _options(executors, cache, ignore_for_cache, retries, walltime)
    )


def join_app(
    function: Callable[..., Any] | None = None,
    *,
    data_flow_kernel: Any = None,
    executors: Any = "all",
    cache: bool = False,
    ignore_for_cache: Iterable[str] | None = None,
    retries: int | None = None,
    walltime: float | None = None,
) -> Any:
    """Make an app of a function that calls apps and returns their futures: its value is what those give.

    It may return a future, or a list, tuple or dict of futures. Arguments and errors are those of `python_app`; a
    task it called that fails, fails it with `JoinError`.
    """
    return _decorator(
        "join", function, data_flow_kernel, _options(executors, cache, ignore_for_cache, retries, walltime)
    )


def _options(
    executors: Any, cache: bool, ignore: Iterable[str] | None, retries: Any, walltime: Any
) -> dict[str, Any]:
    return {
        "executors": executors,
        "cache": bool(cache),
        "ignore_for_cache": None if ignore is None else tuple(ignore),
        "retries": retries,
        "walltime": walltime,
    }
