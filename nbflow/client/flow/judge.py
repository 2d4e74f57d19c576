"""`Config(retry_handler=...)`: the user's code says what a failed attempt costs.

It runs in the user's process, on a thread of its own: a callback of a future may wait for a task that is being judged.
The scheduler asks about one failure at a time, and goes on with everything else meanwhile.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any, TypeAlias

from nbflow.client.callbacks import Callbacks
from nbflow.client.record import TaskRecord
from nbflow.errors import UsageError
from nbflow.numbers import name_of
from nbflow.values.outcome import pack_error, unpack_error
from nbflow.wire import messages as msg

log = logging.getLogger(__name__)

Handler: TypeAlias = Callable[[BaseException, TaskRecord], float]


class RetryHandler:
    """Asks the user's function; nobody asks where there is none.

    `record_of` gives the record of a task by its number; `post` sends the answers.
    """

    def __init__(
        self, function: Handler | None, record_of: Callable[[int], TaskRecord], post: Callable[..., None]
    ) -> None:
        self._function = function
        self._record_of = record_of
        self._post = post
        self._thread = Callbacks("nbflow-retry-handler")

    def ask(self, question: msg.Judge) -> None:
        """An attempt failed: have it judged, after those that failed before."""
        self._thread.put(lambda: self._post(self._judge(question), urgent=True))

    def close(self) -> None:
        """No more questions will come."""
        self._thread.close()

    def _judge(self, question: msg.Judge) -> msg.Judged:
        try:
            assert self._function is not None
            error = unpack_error(question.outcome, question.id, question.app)
            cost = _checked(self._function(error, self._record(question)))
        except BaseException as raised:  # the flow goes on whatever the user's function raises
            log.warning(
                "the retry handler raised %s: task %s `%s` is not tried again",
                type(raised).__name__,
                name_of(question.id),
                question.app,
            )
            return msg.Judged(question.id, question.attempt, 0.0, pack_error(raised))
        return msg.Judged(question.id, question.attempt, cost, None)

    def _record(self, question: msg.Judge) -> TaskRecord:
        """The task as it was when the attempt had just failed; `fail_cost` is without this failure's."""
        return self._record_of(question.id).knowing(
            {
                "id": question.id,
                "func_name": question.app,
                "depends": list(question.needs),
                "try_id": question.attempt - 1,
                "fail_count": len(question.failures),
                "fail_cost": question.spent,
                "fail_history": list(question.failures),
            }
        )


def _checked(cost: Any) -> float:
    # less than nothing would let a task that always fails be tried for ever
    if isinstance(cost, bool) or not isinstance(cost, (int, float)) or math.isnan(cost) or cost < 0:
        raise UsageError(
            "Config(retry_handler=...) must return a number of at least 0, what the failure costs, "
            f"not {cost!r}"
        )
    return float(cost)
