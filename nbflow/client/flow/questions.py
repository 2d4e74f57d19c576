"""Questions to the scheduler and their answers: one question at a time, answers come in order."""

from __future__ import annotations

import concurrent.futures
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from nbflow.errors import FlowClosed
from nbflow.wire.messages import (
    Checkpoint,
    Checkpointed,
    Details,
    Fetch,
    Inspect,
    Retry,
    Retrying,
    Saved,
    Status,
    Survey,
)

ANSWERS: dict[type, type] = {
    Inspect: Details,
    Survey: Status,
    Checkpoint: Checkpointed,
    Retry: Retrying,
    Fetch: Saved,
}
"""Which answer belongs to which question."""


class Questions:
    """What is asked by any thread; `send` gets a question to the scheduler at once, answers are handed to `answer`."""

    def __init__(self, send: Callable[[Any], None], refusal: Callable[[], FlowClosed]) -> None:
        self._send = send
        self._refusal = refusal  # why none is answered any more
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._asking = threading.Lock()
        self._closed = False

    def ask(self, question: Inspect | Survey | Checkpoint | Retry | Fetch, timeout: float | None) -> Any:
        """The answer; waits for it at most `timeout` seconds, None = as long as it takes.

        Raises:
            TimeoutError: no answer in time.
            FlowClosed: the flow has ended.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        if self._closed:
            raise self._refusal()
        with self._asking:
            if self._closed:
                raise self._refusal()
            self._send(question)
            while True:
                try:
                    left = None if deadline is None else max(0.0, deadline - time.monotonic())
                    answer = self._answers.get(timeout=left)
                except queue.Empty:
                    text = f"the scheduler did not answer in {timeout} s"
                    raise concurrent.futures.TimeoutError(text) from None
                if answer is None:
                    raise self._refusal()
                # an answer to a question that had timed out is passed over
                same = getattr(answer, "id", None) == getattr(question, "id", None)
                if same and isinstance(answer, ANSWERS[type(question)]):
                    return answer

    def answer(self, message: Any) -> None:
        """An answer has come."""
        self._answers.put(message)

    def close(self) -> None:
        """No answer will come any more: whoever waits for one is told."""
        self.abandon()
        self._answers.put(None)

    def abandon(self) -> None:
        """In a forked child, where nobody waits: no more questions."""
        self._closed = True
