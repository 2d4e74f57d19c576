"""What the futures of nbflow have in common: they are `concurrent.futures.Future`s that others settle.

What the standard library keeps in every future (a condition, two lists) is made here when somebody first asks for it:
most futures of a large flow are never waited for by themselves, and it is half of what a call costs.
"""

from __future__ import annotations

import concurrent.futures
import difflib
import functools
import logging
import os
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any, NoReturn, TypeVar

from nbflow.client.quiet import NEVER_ENDS, QuietCondition, holds_a_future
from nbflow.errors import RemoteError, UsageError, text_of, type_name
from nbflow.values.pickling import Needed

Result = TypeVar("Result")

log = logging.getLogger(__name__)

# of what futures make late; held for moments only, in which a finalizer may come by
making = threading.RLock()
# no other thread may be at it when a process is forked: the child has none that would release it
os.register_at_fork(before=making.acquire, after_in_parent=making.release, after_in_child=making.release)


def check_that_it_may_wait() -> None:
    """
    Raises:
        UsageError: this is a finalizer, run in the midst of something that whoever reads would wait for.
    """
    if holds_a_future() or making._is_owned():  # type: ignore[attr-defined] # a condition asks so, too
        raise UsageError(NEVER_ENDS)


class _Waiters(list[Any]):
    """What `concurrent.futures.wait` and `as_completed` put into a future: whoever does waits, as `result` does."""

    __slots__ = ("_entered", "_owner")

    def __init__(self, owner: Any) -> None:
        super().__init__()
        self._owner = owner
        # identity of a waiter -> what is left when it is taken out; None while there are none: a future is kept for
        # long after anybody has waited for it
        self._entered: dict[int, Any] | None = None

    def append(self, waiter: Any) -> None:
        waiting = self._owner.waiting()
        waiting.__enter__()
        if self._entered is None:
            self._entered = {}
        self._entered[id(waiter)] = waiting
        super().append(waiter)

    def remove(self, waiter: Any) -> None:
        super().remove(waiter)
        assert self._entered is not None
        left = self._entered.pop(id(waiter))
        if not self._entered:
            self._entered = None
        left.__exit__(None, None, None)


LOOKERS = ("IPython.core.completer", "IPython.core.guarded_eval", "IPython.core.oinspect", "IPython.utils", "jedi",
           "rlcompleter", "pydoc", "pydevd", "_pydevd")  # fmt: skip
"""Modules that ask objects for attributes in order to describe them: what they ask for is not computed."""
_SHELL, _FINDERS = "IPython.core.interactiveshell", ("_ofind", "_getattr_property")
"""What looks up what a tooltip is wanted of; cells run in the same module."""
NEAR = 4  # frames between one of them and what is asked


def check_attribute(kind: type, name: str) -> None:
    """Before `future.name` becomes a task for an attribute of the value: that it is meant so.

    Raises:
        AttributeError: it is private, looks like a misspelt one of the future's own, or is asked for by what completes
            or inspects.
    """
    if name.startswith("_") or _is_looked_at():
        raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}")
    meant = difflib.get_close_matches(name, [own for own in dir(kind) if own[0] != "_"], 1, 0.8)
    if meant:
        raise AttributeError(f"a future has no attribute {name!r}. Did you mean {meant[0]!r}?")


def _is_looked_at() -> bool:
    frame = sys._getframe(2)
    for _ in range(NEAR):
        if frame.f_back is None:
            return False
        frame = frame.f_back
        module = str(frame.f_globals.get("__name__"))
        if module.startswith(LOOKERS) or (module == _SHELL and frame.f_code.co_name in _FINDERS):
            return True
    return False


_NO_VALUE = (
    "{0} was given a future in place of a value: use fut.result(), or give it to an app that calls {0}"
)


class Promise(concurrent.futures.Future[Result], Needed):
    """A future whose waiters and callbacks are made late. It must not call the base class's `__init__`."""

    _its_condition: QuietCondition | None = None
    _its_waiters: list[Any] | None = None
    _its_callbacks: list[Callable[[Any], Any]] | None = None
    _spent: Sequence[Any] = ()  # waiters that were told of an earlier end, and are told of no other

    def run_callbacks(self, callbacks: Sequence[Callable[[Any], Any]]) -> None:
        """Call what `add_done_callback` was given; what one raises, whatever it is, is logged and harms no other."""
        for callback in callbacks:
            try:
                callback(self)
            except BaseException:
                log.exception("a callback of %r failed", self)

    def __await__(self) -> Generator[Any, None, Any]:
        import asyncio  # 60 ms of start-up; whoever awaits has it already

        from nbflow.client.awaiting import ended

        yield from ended(self).__await__()
        if self.cancelled():
            raise asyncio.CancelledError
        try:
            return self.result()
        except (asyncio.CancelledError, concurrent.futures.CancelledError, SystemExit) as error:
            # the task's own: it must not look as if whoever awaits was cancelled, or end the event loop
            raise RemoteError(type_name(error), text_of(error)) from error

    def __array_ufunc__(self, function: Callable[..., Any], *_: Any, **__: Any) -> NoReturn:
        """NumPy would ask it for attributes, each of which is a task."""
        raise TypeError(_NO_VALUE.format(f"numpy.{function.__name__}"))

    def __array_function__(self, function: Callable[..., Any], *_: Any) -> NoReturn:
        """The same; and `numpy.where` would take it for something true."""
        raise TypeError(_NO_VALUE.format(f"{function.__module__}.{function.__name__}"))

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """What carries the arguments of calls puts references in place of futures, and does not come here."""
        raise TypeError(
            "a future stays in the process that made the call: give it to an app, or copy and send its result()"
        )

    def check_that_it_ends(self) -> None:
        """
        Raises:
            FlowClosed: nobody will ever say here that it has ended.
        """

    # ------------------------------------------------------------ for those who settle it

    def _tell(self, cancelled: bool, good: bool) -> Callable[[], None] | None:
        """Wake who waits, now that the future is settled, with its condition held; gives back what calls callbacks."""
        for waiter in self._its_waiters or ():
            if any(waiter is told for told in self._spent):
                continue
            tell = waiter.add_cancelled if cancelled else waiter.add_result if good else waiter.add_exception
            tell(self)
        self._condition.notify_all()
        # taken out: one that is tried again has others by its next end
        callbacks, self._its_callbacks = self._its_callbacks, None
        return functools.partial(self.run_callbacks, callbacks) if callbacks else None

    def _wait_anew(self) -> None:
        """The future, which was settled, is to be settled once more; with its condition held.

        Who has been told of the first end, and not gone yet, has counted it.
        """
        if self._its_waiters:
            self._spent = tuple(self._its_waiters)

    def _made(self, name: str, make: Callable[[], Any]) -> Any:
        found = getattr(self, name)
        if found is None:
            with making:
                found = getattr(self, name)
                if found is None:
                    found = make()
                    setattr(self, name, found)
        return found

    @property
    def _condition(self) -> QuietCondition:  # type: ignore[override] # the base class sets it, ours never does
        self.check_that_it_ends()  # whoever is to wait takes it first
        condition: QuietCondition = self._made("_its_condition", QuietCondition)
        return condition

    @property
    def _waiters(self) -> list[Any]:  # type: ignore[override] # the same
        waiters: list[Any] = self._made("_its_waiters", lambda: _Waiters(self.settles_with().owner))
        return waiters

    @property
    def _done_callbacks(self) -> list[Callable[[Any], Any]]:
        callbacks: list[Callable[[Any], Any]] = self._made("_its_callbacks", list)
        return callbacks
