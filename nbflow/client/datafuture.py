"""`DataFuture`: the promise of a file that a task writes. It stands where the task stands, at every moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbflow.client.companion import Companion
from nbflow.files import File
from nbflow.numbers import name_of
from nbflow.values import memo
from nbflow.values.pickling import need

if TYPE_CHECKING:
    from nbflow.client.future import AppFuture


class DataFuture(Companion[File]):
    """The promise of a file. Its result is the `File`, once the task is done; it fails as the task fails.

    `parent` is the task's future, `file_obj` the `File`. Given to another task, it makes that one wait for the writer.
    """

    def __init__(self, parent: AppFuture, file: File) -> None:
        super().__init__(parent)
        self.file_obj = file

    @property
    def filepath(self) -> str:
        """The path to open."""
        return self.file_obj.filepath

    @property
    def filename(self) -> str:
        """The same, as in Parsl; the last part of it is `file_obj.filename`."""
        return self.file_obj.filepath

    def result(self, timeout: float | None = None) -> File:
        """The file; waits and raises like the task's own future."""
        self._parent.result(timeout)
        return self.file_obj

    # ------------------------------------------------------------ for the flow

    def refer(self, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """In a task's arguments it becomes the file, once its writer is done."""
        return _written, (index, self.file_obj)

    def counts_as(self) -> bytes:
        """By the call that writes it, and by its path."""
        return memo.key_of_part(self._parent.counts_as(), "file", self.filepath)

    def __repr__(self) -> str:
        done = "done" if self.done() else "not done"
        return f"<DataFuture {self.file_obj.url!r} of task {name_of(self.tid)}: {done}>"


def _written(index: int, file: File) -> File:
    need(index)  # the writer is done; its value does not matter
    return file
