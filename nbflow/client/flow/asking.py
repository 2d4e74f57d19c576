"""What the scheduler is asked about a flow: the part of `DataFlowKernel` that waits for its answers."""

from __future__ import annotations

import concurrent.futures
import itertools
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from nbflow.checking import as_whole
from nbflow.client.calls import Calls
from nbflow.client.flow.questions import Questions
from nbflow.client.record import Facts, TaskRecord
from nbflow.client.tasks.saved import SavedCall
from nbflow.core.states import State
from nbflow.errors import FlowClosed, SchedulerLost, UsageError
from nbflow.legible import shorten
from nbflow.memoizers import MODES
from nbflow.numbers import name_of
from nbflow.values import outcome
from nbflow.wire.messages import (
    Checkpoint,
    Details,
    Fetch,
    Inspect,
    MemoSpec,
    Retry,
    Retrying,
    Saved,
    Status,
    Survey,
)
from nbflow.wire.rows import TaskDetails, WorkerRow


def task_number(given: Any) -> int:
    """The number that names a task, as the user has given it.

    Raises:
        UsageError: it is none.
    """
    number = as_whole(given)
    if number is None or not 0 <= number < 1 << 64:
        raise UsageError(f"a task is named by its number, a whole one from 0; not by {shorten(repr(given))}")
    return number


class Retrial(NamedTuple):
    """What came of a wish to have tasks tried again: the numbers of those that are, and why others are not."""

    tasks: list[int]
    refused: dict[int, str]


class Asking:
    """Questions of the user's and of futures."""

    _calls: Calls
    _memo: MemoSpec
    _questions: Questions

    def __init__(self) -> None:
        self._wishes = itertools.count(1)  # of tasks to be tried again
        self._heard: dict[int, Callable[[Retrial], None]] = {}  # who does not wait for the answer to one

    def details(self, task_id: int, timeout: float = 5.0) -> TaskDetails:
        """What is known of one task beyond its row. Waits for the scheduler's answer at most `timeout` seconds.

        Raises:
            KeyError: there is no such task.
            UsageError: it is no number of a task.
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

    def retry(self, task_id: int, dependants: bool = False) -> list[int]:
        """Have a task tried again that ended without a value; what `AppFuture.retry` says holds here.

        Returns:
            the numbers of the tasks that are tried again: this one, and with `dependants` those not run because of it.

        Raises:
            UsageError: it cannot be tried again; the text says why, and what can be done.
            FlowClosed: the flow has ended.
            TimeoutError: the scheduler did not answer in 5 s.
        """
        task_id = task_number(task_id)
        retrial = self.retry_all([task_id], dependants)
        if task_id in retrial.refused:
            raise UsageError(retrial.refused[task_id])
        return retrial.tasks

    def retry_all(self, tasks: Iterable[int] | None = None, dependants: bool = True) -> Retrial:
        """Have several tasks tried again: those that can be. None: all that failed or were skipped.

        Raises FlowClosed and TimeoutError like `retry`, and UsageError for what is no number.
        """
        if tasks is not None and not isinstance(tasks, Iterable):
            raise UsageError(
                f"retry_all() takes numbers of tasks, or None for all, not {shorten(repr(tasks))}"
            )
        wish = self._wish(tasks, dependants)
        if tasks is not None and not wish.tasks:  # else it would be all
            return Retrial([], {})
        answer: Retrying = self._questions.ask(wish, 5.0)
        return Retrial(answer.tasks, answer.refused)

    def retry_soon(
        self, tasks: Iterable[int] | None, dependants: bool, told: Callable[[Retrial], None]
    ) -> None:
        """The same without waiting: `told` gets the answer on the thread that hears it, and must return at once.

        Raises FlowClosed if the flow has ended; if it does before the answer, `told` is not called.
        """
        wish = self._wish(tasks, dependants)
        self._heard[wish.id] = told
        self._send_question(wish)

    def call_of(self, task_id: int) -> SavedCall:
        """What a task that ended without a value was called with, as long as that is kept. Runs and loads nothing yet.

        Raises:
            UsageError: it is not there; the text says why.
            FlowClosed: the flow has ended.
            TimeoutError: the scheduler did not answer in 5 s.
        """
        task_id = task_number(task_id)
        answer: Saved = self._questions.ask(Fetch(task_id), 5.0)
        if answer.why:
            raise UsageError(answer.why)
        return SavedCall(answer, self._calls.held)

    def value_of(self, task_id: int) -> Any:
        """What a task has given, wherever it was called, as long as somebody holds it.

        Raises:
            UsageError: there is no value; the text says why.
            FlowClosed: the flow has ended.
            TimeoutError: the scheduler did not answer in 5 s.
            Exception: what rebuilding the value raises.
        """
        task_id = task_number(task_id)
        answer: Saved = self._questions.ask(Fetch(task_id), 5.0)
        if answer.outcome is None:
            row = self._inspect(task_id, 5.0)[0]
            well = row is not None and row.state is State.DONE
            raise UsageError(
                f"nobody holds the future of task {name_of(task_id)} any more, and its value is gone"
                if well
                else answer.why
            )
        return outcome.load(answer.outcome, mine=True, held=self._calls.held)

    def _wish(self, tasks: Iterable[int] | None, dependants: bool) -> Retry:
        if not isinstance(dependants, bool):
            raise UsageError(f"dependants is True or False, not {shorten(repr(dependants))}")
        return Retry(next(self._wishes), list(map(task_number, tasks or ())), dependants)

    def _hear_of_retrial(self, message: Retrying) -> None:
        """Called where the socket is read."""
        self._calls.reopen(message.tasks)  # before anybody looks at one of the futures
        if (told := self._heard.pop(message.id, None)) is not None:
            told(Retrial(message.tasks, message.refused))
        else:
            self._questions.answer(message)

    def _send_question(self, question: Any) -> None:
        raise NotImplementedError

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
        answer: Details = self._questions.ask(Inspect(task_number(task)), timeout)
        return answer.row, answer.details
