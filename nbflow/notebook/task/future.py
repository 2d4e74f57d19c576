"""The future of a name that a cell binds, or of the value of its last expression."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

from nbflow.client.companion import Companion
from nbflow.client.future import AppFuture
from nbflow.client.promise import check_attribute
from nbflow.notebook.task.value import CellValue, last, named
from nbflow.numbers import name_of
from nbflow.values import memo


class NameFuture(Companion[Any]):
    """The promise of what a cell binds to a name. It is no task of its own: it ends as the cell's task does.

    Given to an app, or read by another cell, it makes that one wait for the cell, and arrives there as the value.
    `name` is None for the value of the cell's last expression; `parent` is the future of the cell's task.
    """

    _opened: tuple[Any] | None = None

    def __init__(self, parent: AppFuture, name: str | None) -> None:
        super().__init__(parent)
        self._name = name

    @property
    def name(self) -> str | None:
        """The name that it is the value of."""
        return self._name

    @property
    def app_name(self) -> str:
        """What people call it: `y of In[4]`."""
        cell = self._parent.app_name
        return cell if self._name is None else f"{self._name} of {cell}"

    @property
    def flow(self) -> Any:
        """The flow that runs the cell."""
        return self._parent.flow

    def result(self, timeout: float | None = None) -> Any:
        """The value; waits at most `timeout` seconds (None = as long as it takes).

        Raises:
            TimeoutError: the cell has not ended in time; it goes on.
            CancelledError: it was cancelled, or a need of it was.
            NotBound: it has ended without binding the name, or the value cannot leave the worker.
            Exception: what the cell raised, or a `TaskError`.
        """
        if self._opened is None:
            cell: CellValue = self._parent.result(timeout)
            self._opened = (cell.last(mine=True) if self._name is None else cell.get(self._name, mine=True),)
        return self._opened[0]

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What `result()` would raise, or None. Waits and raises like it."""
        if (error := self._parent.exception(timeout)) is not None:
            return error
        try:
            self.result(0)
        except Exception as error:
            return error
        return None

    def has_given(self, value: Any) -> bool:
        """Whether this very object is what `result()` has given."""
        return self._opened is not None and self._opened[0] is value

    def retry(self, dependants: bool = False) -> None:
        """Have the cell's task tried again, see `AppFuture.retry`."""
        self._parent.retry(dependants)

    def __getitem__(self, key: Any) -> AppFuture:
        """A future of `value[key]`."""
        return self._parent.owner.lift(operator.getitem, self, key)  # type: ignore[arg-type] # it has what is asked

    def __getattr__(self, name: str) -> AppFuture:
        """A future of `value.name`. A name that looks like a misspelt one of the future's own is refused."""
        check_attribute(type(self), name)
        return self._parent.owner.lift(getattr, self, name)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(
            "a future cannot be iterated: its length is not known before it is done; use fut.result()"
        )

    # ------------------------------------------------------------ for the flow

    def refer(self, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """In a task's arguments it becomes the value."""
        return (last, (index,)) if self._name is None else (named, (index, self._name))

    def counts_as(self) -> bytes:
        """By the cell's call, and by its name."""
        return memo.key_of_part(self._parent.counts_as(), "name", self._name)

    @property
    def _key(self) -> bytes:
        return memo.key_of_part(self._parent._key, "name", self._name) if self._parent._key else b""

    def __repr__(self) -> str:
        what = "the value" if self._name is None else f"{self._name},"
        done = "done" if self.done() else "not done"
        return f"<future of {what} of task {name_of(self.tid)} {self._parent.app_name}: {done}>"
