"""Flows for the tests of the picture: rows made by hand, at random, and a flow that is moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from nbflow.client.flow.asking import Retrial
from nbflow.client.flow.feed import Feed
from nbflow.core.states import State
from nbflow.wire.rows import TaskDetails, TaskRow

EPOCH = 1_000_000.0
"""When every flow of these tests begins, in seconds since the epoch."""


def row(task: int, app: str = "app", needs: Sequence[int] = (), **fields: Any) -> TaskRow:
    """A task that waits, or as `fields` say."""
    plain = {
        "parent": None, "detail": "", "state": State.WAITING, "attempt": 0, "worker": None, "submitted": EPOCH,
        "started": 0.0, "ended": 0.0, "recalled": False, "note": "", "root": None,
    }  # fmt: skip
    return TaskRow(id=task, app=app, needs=tuple(needs), **{**plain, **fields})


def done(task: int, app: str = "app", needs: Sequence[int] = (), **fields: Any) -> TaskRow:
    """A task that ran for a second on worker 1."""
    ran = {"state": State.DONE, "attempt": 1, "worker": 1, "started": EPOCH + task, "ended": EPOCH + task + 1}
    return row(task, app, needs, **{**ran, **fields})


def sweep(width: int) -> list[TaskRow]:
    """Load -> `width` times score -> best."""
    scores = [row(i + 2, "score", [1], detail=f"kind='svc' C={i}") for i in range(width)]
    return [row(1, "load"), *scores, row(width + 2, "best", [score.id for score in scores])]


@st.composite
def flows(draw: st.DrawFn, most: int = 30) -> list[TaskRow]:
    """Any graph that a flow can have: needs lead back, some tasks were called inside others, states are any."""
    rows: list[TaskRow] = []
    for task in range(1, draw(st.integers(0, most)) + 1):
        earlier = list(range(1, task))
        needs = draw(st.lists(st.sampled_from(earlier), max_size=4)) if earlier else []
        parent = draw(st.sampled_from([None, None, *earlier]))
        state = draw(st.sampled_from(list(State)))
        app = draw(st.sampled_from(["load", "score", "a <b> & 'c'", "name " * 12]))
        detail = draw(st.text(max_size=30))
        rows.append(row(task, app, needs, parent=parent, state=state, detail=detail, attempt=int(state >= 2)))
    return rows


class HandFlow:
    """A flow with nothing behind it: the test says what happens, and `asked` tells what was asked of it."""

    name = "hand flow"

    def __init__(self, *rows: TaskRow) -> None:
        self.feed = Feed()
        self.closed = False
        self.died = ""
        self.asked: list[tuple[str, int]] = []
        self.silent = False  # True: no details come
        self.refusing: list[int] = []  # tasks that are not tried again
        self.feed.take(rows)

    def watch(self) -> None:
        """Remember that it was asked."""
        self.asked.append(("watch", 0))

    def details(self, task_id: int, timeout: float = 5.0) -> TaskDetails:
        """Something for every task."""
        self.asked.append(("details", task_id))
        if self.silent:
            raise TimeoutError
        return TaskDetails(task_id, "Traceback", f"output {task_id}", [(EPOCH, "submitted")], "def app(): ...\n",
                           "cell", 3, "Cell In[1], line 3", 0)  # fmt: skip

    def cancel_soon(self, tasks: Sequence[int]) -> None:
        """Remember that it was asked."""
        self.asked += [("cancel", task) for task in tasks]

    def value_of(self, task_id: int) -> Any:
        """Something for every task but those that refuse."""
        self.asked.append(("value", task_id))
        if task_id in self.refusing:
            raise ValueError("it is as it is")
        return {"value": task_id}

    def retry_soon(
        self, tasks: Sequence[int] | None, dependants: bool, told: Callable[[Retrial], None]
    ) -> None:
        """Remember that it was asked; the answer comes at once."""
        self.asked += [("retry_all" if dependants else "retry", task) for task in tasks or ()]
        told(Retrial([], dict.fromkeys(self.refusing, "it is as it is")))

    def move(self, task: int, **fields: Any) -> None:
        """A task changes."""
        self.feed.take([msgspec.structs.replace(self.feed.rows[task], **fields)])

    def close(self) -> None:
        """The flow ends."""
        self.closed = True
        self.feed.close()
