"""What the scheduler is asked about a flow: the part of `DataFlowKernel` that waits for its answers."""

from __future__ import annotations

import concurrent.futures
from contextlib import suppress
from typing import Any

from nbflow.client.calls import Calls
from nbflow.client.questions import Questions
from nbflow.client.record import Facts, TaskRecord
from nbflow.core.states import State
from nbflow.errors import FlowClosed, SchedulerLost, UsageError
from nbflow.memoizers import MODES
from nbflow.wire.messages import Checkpoint, Details, Inspect, MemoSpec, Status, Survey
from nbflow.wire.rows import TaskDetails, WorkerRow


class Asking:
    """Questions of the user's and of futures."""

    _calls: Calls
    _memo: MemoSpec
    _questions: Questions

    def details(self, task_id: int, timeout: float = 5.0) -> TaskDetails:
        """What is known of one task beyond its row. Waits for the scheduler's answer at most `timeout` seconds.

        Raises:
            KeyError: there is no such task.
            TimeoutError: no answer in time.
            FlowClosed: the flow has ended.
        """
        _, details = self._inspect(task_id, timeout)
        if details is None:
            raise KeyError(f"there is no task {task_id}")
        return details

    def status(self, timeout: float = 5.0) -> Status:
        """Counts by state, and the workers, as the scheduler has them now. Raises like `details`."""
        answer: Status = self._questions.ask(Survey(), timeout)
        return answer

    def counts(self) -> dict[State, int]:
        """How many tasks are in each state now."""
        return dict(zip(State, self.status().counts, strict=True))

    @property
    def task_count(self) -> int:
        """How many tasks the flow has had, those called inside tasks included. Raises like `details`."""
        return sum(self.status().counts)

    def workers(self) -> list[WorkerRow]:
        """The worker processes now."""
        return self.status().workers

    def checkpoint(self) -> str:
        """Write what cached calls have given up to now and is not written yet; returns when that is done.

        Returns:
            the directory of this run's checkpoint.

        Raises:
            UsageError: this flow keeps no checkpoints.
            FlowClosed: the flow has ended.
        """
        if not self._memo.mode:
            raise UsageError(
                "this flow keeps no checkpoints: load it with Config(memoizer=BasicMemoizer(checkpoint_mode=...)), "
                f"a mode of {', '.join(mode for mode in MODES if mode)}"
            )
        self._questions.ask(Checkpoint(), None)
        return self._memo.directory

    def facts_of(self, task: int, timeout: float = 5.0) -> Facts | None:
        """What the scheduler knows of a task; None once nobody can tell, or not within `timeout` seconds."""
        with suppress(FlowClosed, SchedulerLost, concurrent.futures.TimeoutError):
            row, details = self._inspect(task, timeout)
            if row is not None and details is not None:
                return Facts(row, details)
        return None

    def _record_of(self, task: int) -> TaskRecord:
        """What is known of a task that has not ended, wherever it was called."""
        future = self._calls.pending.get(task)
        return TaskRecord({}, lambda: self.facts_of(task)) if future is None else future.task_record

    def _inspect(self, task: int, timeout: float) -> tuple[Any, TaskDetails | None]:
        answer: Details = self._questions.ask(Inspect(task), timeout)
        return answer.row, answer.details
