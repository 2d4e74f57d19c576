"""What observers of a flow are told when it ends."""

from __future__ import annotations

from nbflow.client.flow.feed import Feed
from nbflow.core.states import State
from nbflow.wire.rows import Run
from tests.notebook.graphs import EPOCH, done, row


def test_what_has_not_ended_with_its_flow_has_failed_and_is_on_no_worker_any_more() -> None:
    failed = Run(1, EPOCH + 1, EPOCH + 2, State.FAILED)
    feed = Feed()
    feed.take([done(1), row(2), row(3, state=State.RUNNING, attempt=2, worker=2,
                                    runs=(failed, Run(2, EPOCH + 3, 0.0, None)))])  # fmt: skip
    feed.close("the scheduler was lost", EPOCH + 9)
    assert feed.closed
    assert [(each.state, each.ended, each.note) for each in feed.rows.values()] == [
        (State.DONE, EPOCH + 2, ""),
        (State.FAILED, EPOCH + 9, "the scheduler was lost"),
        (State.FAILED, EPOCH + 9, "the scheduler was lost"),
    ]
    assert feed.rows[3].runs == (failed, Run(2, EPOCH + 3, EPOCH + 9, None))
