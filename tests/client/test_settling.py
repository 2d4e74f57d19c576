"""How a future ends, without a flow: for whoever waits at that very moment, and what it keeps of it."""

from __future__ import annotations

import pickle
from concurrent.futures._base import FINISHED, PENDING
from types import SimpleNamespace
from typing import Any

from nbflow import AppFuture, File, State
from nbflow.client.options import Options
from nbflow.client.quiet import QuietCondition
from nbflow.wire.outcomes import Inline


class Watched(QuietCondition):
    """Notes how its future stands whenever it is taken, and let go."""

    def __init__(self, future: AppFuture) -> None:
        super().__init__()
        self.future = future
        self.seen: list[str] = []

    def __enter__(self) -> bool:
        self.seen.append(self.future._state)
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        self.seen.append(self.future._state)
        super().__exit__()


def test_a_future_that_somebody_waits_for_ends_with_its_condition_held() -> None:
    # else `concurrent.futures.wait`, which holds it, may see two states of it, and wait for ever
    owner: Any = SimpleNamespace(elsewhere=False, release=lambda _: None)
    future = AppFuture(owner, 1, Options("f"))
    future._its_condition = watched = Watched(future)
    future.settle(Inline(pickle.dumps(5)))
    assert watched.seen == [PENDING, FINISHED]


def test_a_task_and_its_files_end_at_once_for_whoever_waits_for_them() -> None:
    owner: Any = SimpleNamespace(elsewhere=False, release=lambda _: None)
    future = AppFuture(owner, 1, Options("f"))
    future.will_write([File("a"), File("b")], None, None)
    for each in (future, *future.outputs):
        each._its_condition = Watched(future)
    future.settle(Inline(pickle.dumps(5)))
    seen = [each._its_condition.seen for each in (future, *future.outputs)]  # type: ignore[union-attr]
    assert seen == [[PENDING, FINISHED]] * 3


def test_a_future_whose_value_was_read_keeps_no_second_copy_of_it() -> None:
    owner: Any = SimpleNamespace(elsewhere=False, release=lambda _: None, held={})
    future = AppFuture(owner, 1, Options("f"))
    future.settle(Inline(pickle.dumps("a" * 10_000)))
    assert future.result() is future.result()
    assert future.state is State.DONE
    assert not any(len(kept.data) for kept in vars(future).values() if isinstance(kept, Inline))
