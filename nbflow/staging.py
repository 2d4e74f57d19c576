"""`Staging`: how files get to where tasks run. The interface, for whoever has files that nbflow cannot fetch itself."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from nbflow.files import File


class Staging:
    """A way to bring files in: subclass it, and name an object of it in an executor's `storage_access=[...]`.

    Every `File` among the arguments of a call is offered to the flow's ways in their order, and the first that can
    stage it does; where the configuration names none, to those of nbflow: files of this machine as they are, and
    `http:` and `https:` URLs. A URL is staged once in a flow.
    """

    def can_stage_in(self, file: File) -> bool:
        """Whether this is a way to bring the file in; usually its `scheme` tells."""
        return False

    def stage_in(
        self, dm: Any, executor: str, file: File, parent_fut: Future[Any] | None
    ) -> Future[File] | None:
        """Bring a file in. `file` is a copy of its own: set its `local_path` to where the task will find it.

        Args:
            dm: `dm.dfk` is the flow, for apps to be called; `dm.place_for(file)` a path for the file that no other
                URL has; `dm.call(function, *args, **kwargs)` makes a task of a function.
            executor: the label of the executor that the task may run on; "" if it may run on any.
            file: what is wanted.
            parent_fut: always None; there for the sake of ways written for Parsl.

        Returns:
            The future of the file, as in the `outputs` of the task that brings it; None if nothing is to be awaited.
        """
        return None


class NoOpFileStaging(Staging):
    """Files of this machine: they are used where they are."""

    def can_stage_in(self, file: File) -> bool:
        """Whether it is a path or a `file:` URL."""
        return file.scheme == "file"
