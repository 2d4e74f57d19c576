"""What Parsl's users find on a flow, in Parsl's words, beside what nbflow's own need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbflow.client.app import join_app, python_app
from nbflow.client.calls import Calls
from nbflow.client.future import AppFuture
from nbflow.client.record import TaskRecord


class AsParsl:
    """The part of `DataFlowKernel` that says in other words what the rest of it and apps say."""

    _calls: Calls

    @property
    def tasks(self) -> dict[int, TaskRecord]:
        """The records of the tasks called from this process that have not ended, by their numbers."""
        return {task: future.task_record for task, future in self._calls.pending.copy().items()}

    def submit(
        self,
        func: Callable[..., Any],
        app_args: Sequence[Any],
        executors: str | Sequence[str] = "all",
        cache: bool = False,
        ignore_for_cache: Sequence[str] | None = None,
        app_kwargs: Mapping[str, Any] | None = None,
        join: bool = False,
    ) -> AppFuture:
        """Call a function as a task without making an app of it first.

        Args:
            func: the function.
            app_args: its positional arguments.
            executors: "all", or a list of labels.
            cache: recall the value of an equal call instead of running it again.
            ignore_for_cache: names of parameters that do not count for that.
            app_kwargs: its keyword arguments, special ones included.
            join: whether it calls apps and returns their futures, as a join app does.

        Raises:
            AppBadFormatting: it cannot be made an app.
            UsageError: the call is refused, as that of an app is.
        """
        decorate = join_app if join else python_app
        app = decorate(
            data_flow_kernel=self, executors=executors, cache=cache, ignore_for_cache=ignore_for_cache
        )(func)
        called: AppFuture = app(*app_args, **(app_kwargs or {}))
        return called
