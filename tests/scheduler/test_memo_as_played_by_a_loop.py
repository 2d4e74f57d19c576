"""Hypothesis plays the loop: cached calls come, end well or not, and are cancelled, in any order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from nbflow.core.events import Awaited, Recalled
from nbflow.scheduler.exports import Exports
from nbflow.scheduler.history import NO_FUNCTION, Job
from nbflow.scheduler.memo import Memo
from nbflow.wire.messages import MemoSpec, Submit
from nbflow.wire.outcomes import Blamed, Failure, Inline, Lost, Outcome, Withdrawn


class Loop(RuleBasedStateMachine):
    """At most one task computes a key, whoever waits is told by its end, and what is known is never computed again."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[int, Job] = {}
        self.told: list[Awaited | Recalled] = []
        self.memo = Memo(
            MemoSpec(),
            self.jobs,
            Exports(lambda number: None),
            emit=self.told.append,
            hold=lambda value: None,
            discard=lambda held: None,
            warn=lambda text: None,
        )
        self.running: dict[int, bytes] = {}
        self.waiting: dict[int, bytes] = {}
        self.known: dict[bytes, Inline] = {}

    def take_in(self, key: bytes) -> None:
        """What the machine would do with the events."""
        while self.told:
            event = self.told.pop(0)
            if isinstance(event, Awaited):
                assert event.by in self.waiting
                assert event.task in self.running
                continue
            assert self.waiting.pop(event.task) == key
            job = self.jobs[event.task]
            if event.found:
                assert job.outcome == self.known[key]
            elif event.failed:
                assert isinstance(job.outcome, (Failure, Lost, Blamed))
                assert event.root in self.jobs
            else:
                assert key not in self.running.values()
                assert key not in self.known
                self.running[event.task] = key
                continue
            self.memo.ended(job, job.outcome, event.root)

    @rule(key=st.sampled_from([b"a" * 16, b"b" * 16]))
    def call(self, key: bytes) -> None:
        number = len(self.jobs) + 1
        submit = Submit(number, "app", "python", b"", Inline(b""), (), "", None, (), None, None, key, (), ())
        job = self.jobs[number] = Job(number, "app", None, [], "", 0, NO_FUNCTION, 0.0, submit)
        self.waiting[number] = key
        self.memo.recall(job)
        self.take_in(key)

    @precondition(lambda self: self.running)
    @rule(
        data=st.data(),
        how=st.sampled_from(["value", "failure", "loss", "blame", "cancelled", "cancelled need"]),
    )
    def end(self, data: st.DataObject, how: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.running)))
        key = self.running.pop(number)
        lost = Lost("WorkerLost", "it is gone")
        outcomes: dict[str, Outcome] = {
            "value": Inline(b"%d" % number),
            "failure": Failure(b"", "ValueError", "no", ""),
            "loss": lost,
            "blame": Blamed(number, "inner", lost, join=True),
            "cancelled": Withdrawn(),
            "cancelled need": Blamed(number, "inner", None, join=True),
        }
        outcome = outcomes[how]
        if isinstance(outcome, Inline):
            self.known[key] = outcome
            self.memo.remember(self.jobs[number], outcome)
        self.memo.ended(self.jobs[number], outcome, None)
        self.take_in(key)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def cancel_one_that_waits(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.waiting)))
        key = self.waiting.pop(number)
        self.memo.ended(self.jobs[number], Withdrawn(), None)
        assert self.told == []
        assert key in self.running.values()

    @invariant()
    def whoever_waits_waits_for_one_that_runs(self) -> None:
        assert set(self.waiting.values()) <= set(self.running.values())


Loop.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestTheMemoAsPlayedByALoop = Loop.TestCase
