"""Apps: functions whose calls are tasks.

`python_app`, `bash_app` and `join_app` make an `App` of a function. What a call means is in `calls`; here is what an
app is, and that a call with wrong arguments is refused where it is made.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from types import MethodType
from typing import Any, Literal, Protocol, overload

from nbflow.client.carriage import Callee
from nbflow.client.current import current
from nbflow.client.future import AppFuture
from nbflow.client.options import Options, name_of, options_of
from nbflow.client.parameters import SPECIAL, parameters_of, without_futures
from nbflow.errors import AppBadFormatting, CannotPickle
from nbflow.retrying import Retry
from nbflow.values.functions import Captor
from nbflow.wire.messages import Kind

_completing = threading.RLock()  # of apps that were unpickled


class App:
    """A function whose calls are tasks: calling it returns an `AppFuture` at once.

    `options` are its name, its kind and the decorator's arguments. In a class, an app is bound as a function is:
    it takes the instance as its first argument; the class if made of a classmethod, neither of a staticmethod.
    """

    def __init__(self, function: Any, options: Options, flow: Any = None) -> None:
        inner = function.__func__ if isinstance(function, (staticmethod, classmethod)) else function
        functools.update_wrapper(self, inner)
        self.__name__ = options.name
        self.options = options
        self._flow = flow
        self._made_of = function
        self._function = without_futures(inner)
        self._stripped = self._function is not inner
        self._parameters = parameters = parameters_of(inner)
        self._check_ignored()
        self._plain = parameters.plain
        self._callee = Callee(options, Captor(self._function), parameters)

    def _check_ignored(self) -> None:
        """A misspelt name would go unnoticed: calls would just not be recalled."""
        accepts = self._parameters.accepts
        for name in sorted(self.options.ignore_for_cache):
            if accepts is not None and name not in accepts and name not in SPECIAL:
                raise AppBadFormatting(
                    f"{self.kind}_app(ignore_for_cache=...): {name!r} is no parameter of `{self.options.name}`; "
                    f"its parameters: {', '.join(sorted(accepts)) or 'none'}"
                )

    @property
    def kind(self) -> Kind:
        """Python, bash or join."""
        return self.options.kind

    @property
    def callee(self) -> Callee:
        """What a call of it calls."""
        return self._callee

    @property
    def flow(self) -> Any:
        """The flow that it was made for; None = the one that is loaded when a call is made."""
        return self._flow

    def __call__(self, /, *args: Any, **kwargs: Any) -> AppFuture:
        if (kwargs or len(args) not in self._plain) and (why := self._parameters.refused(args, kwargs)):
            raise TypeError(f"{self.options.name}(): {why}")
        calls = current() if self._flow is None else self._flow.calls
        return calls.call(self._callee, args, kwargs)

    @property
    def carried_function(self) -> Callable[..., Any]:
        """The function that travels with an app that another function refers to."""
        return self._function

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if isinstance(self._made_of, classmethod):
            return MethodType(self, type(instance) if owner is None else owner)
        if instance is None or isinstance(self._made_of, staticmethod):
            return self
        return MethodType(self, instance)

    def __getstate__(self) -> tuple[Any, Options]:
        if self._stripped:
            raise CannotPickle(
                f"app `{self.options.name}` cannot be called inside other tasks: a default of it holds a future"
            )
        return self._made_of, self.options

    def __setstate__(self, state: tuple[Any, Options]) -> None:
        # a function that refers to its own app is not whole yet: its defaults come after what it refers to
        self._unpickled = state

    def __getattr__(self, name: str) -> Any:
        """The first attribute that is asked of one that was unpickled has all of them made."""
        with _completing:
            if (state := self.__dict__.pop("_unpickled", None)) is not None:
                try:
                    self.__init__(*state)  # type: ignore[misc] # made without it
                except BaseException:
                    self._unpickled = state
                    raise
            if name in self.__dict__:  # made here, or meanwhile in another thread
                return self.__dict__[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"<{self.kind} app {self.options.name}>"


class Decorator(Protocol):
    """What `python_app`, `bash_app` and `join_app` are: to be used with or without arguments."""

    __name__: str

    @overload
    def __call__(self, function: Callable[..., Any], /) -> App: ...
    @overload
    def __call__(
        self,
        function: None = None,
        /,
        *,
        data_flow_kernel: Any = None,
        executors: Literal["all"] | Iterable[str] = "all",
        cache: bool = False,
        ignore_for_cache: Iterable[str] | None = None,
        retries: int | Retry | None = None,
        walltime: float | None = None,
    ) -> Callable[[Callable[..., Any]], App]: ...


def _decorator(kind: Kind, doc: str) -> Decorator:
    def decorate(
        function: Callable[..., Any] | None = None,
        *,
        data_flow_kernel: Any = None,
        executors: Any = "all",
        cache: bool = False,
        ignore_for_cache: Iterable[str] | None = None,
        retries: int | Retry | None = None,
        walltime: float | None = None,
    ) -> Any:
        options = options_of(kind, executors, cache, ignore_for_cache, retries, walltime)
        if data_flow_kernel is not None and not hasattr(data_flow_kernel, "calls"):
            raise AppBadFormatting(
                f"{kind}_app(data_flow_kernel=...) is a flow or None, not {data_flow_kernel!r}"
            )

        def make(function: Any) -> App:
            if not callable(function) and not isinstance(function, classmethod):
                raise AppBadFormatting(f"{kind}_app makes an app of a function, not of {function!r}")
            return App(function, replace(options, name=name_of(function)), data_flow_kernel)

        return make if function is None else make(function)

    decorate.__name__ = decorate.__qualname__ = f"{kind}_app"
    decorate.__doc__ = doc
    return decorate


python_app = _decorator(
    "python",
    """Make an app of a Python function: each call is a task whose value is what the function returns.

    Args:
        data_flow_kernel: the flow to use; None = the one that is loaded when the call is made.
        executors: "all", or a list of labels of executors.
        cache: recall the value of an equal call instead of running it again.
        ignore_for_cache: names of parameters that do not count for that.
        retries: how many further attempts after a failed one, or a `Retry`; None = the configuration's.
        walltime: seconds after which an attempt is ended with `AppTimeout`; None = no limit.

    Raises:
        AppBadFormatting: it cannot be made an app.
    """,
)

bash_app = _decorator(
    "bash",
    """Make an app of a function that returns a command for bash: each call is a task whose value is the exit code 0.

    Arguments and errors are those of `python_app`; another exit code fails the task with `BashExitFailure`.
    """,
)

join_app = _decorator(
    "join",
    """Make an app of a function that calls apps and returns their futures: its value is what those give.

    It may return a future, or a list, tuple or dict of futures. Arguments and errors are those of `python_app`; a
    task it called that fails, fails it with `JoinError`.
    """,
)
