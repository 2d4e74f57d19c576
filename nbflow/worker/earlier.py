"""The values that a worker's tasks have given last, for those that follow them on the same worker."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from nbflow.wire.messages import Finished, Gathered
from nbflow.wire.outcomes import Here, Inline, Stored

KEPT = 1024  # values
KEPT_BYTES = 8 << 20


class Earlier:
    """What tasks have given here, as it was sent: for those that follow them, and were sent before that was known.

    The scheduler knows a value soon after it was sent, and sends it along from then on, so the latest ones are enough.
    """

    def __init__(self) -> None:
        self._values: OrderedDict[int, Inline | Stored] = OrderedDict()
        self._size = 0  # bytes

    def keep(self, answer: Finished | Gathered) -> bool:
        """Whether the task has given a value."""
        outcome = answer.outcome if isinstance(answer, Finished) else None
        if type(outcome) is Inline:
            self._size += len(outcome.data)
        elif type(outcome) is not Stored:
            return False
        values = self._values
        values[answer.id] = outcome
        while len(values) > KEPT or self._size > KEPT_BYTES:
            _, dropped = values.popitem(last=False)
            if type(dropped) is Inline:
                self._size -= len(dropped.data)
        return True

    def value(self, value: Any) -> Any:
        """A value in the place of one that is to be found here. Raises `KeyError` if it is not."""
        return self._values[value.task] if type(value) is Here else value
