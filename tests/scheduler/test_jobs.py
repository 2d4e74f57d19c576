"""The jobs of a flow: as they are while it matters, packed for ever after, and the same to whoever looks."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable

import pytest

from nbflow.core.instructions import Change, Why
from nbflow.core.states import State
from nbflow.scheduler import history
from nbflow.scheduler.history import Job
from nbflow.scheduler.jobs import AT_ONCE, WITH_IT, Jobs
from nbflow.scheduler.outputs import Outputs
from nbflow.scheduler.shelf import PIECE, Shelf
from nbflow.wire.messages import Define
from nbflow.wire.outcomes import Blamed, Failure, Inline, Outcome
from nbflow.wire.rows import Part, Tally

FUNCTION = Define(
    b"digest", b"code", True, "def f(): ...", "cell", 3, {"cell": ("Cell In[1]", "def f(): ...")}
)
PART, TALLY = Part(3, 10, 20, 100), Tally(1, 2, 20, ["item 12: ValueError: no"], "Traceback: no", 2)
FAILURE = Failure(b"", "ValueError", "no", "Traceback: no", 2)


def ended(number: int, outcome: Outcome, function: Define = FUNCTION) -> Job:
    state = State.DONE if isinstance(outcome, Inline) else State.FAILED
    job = Job(number, "f", None, (1,) if number > 1 else (), f"x={number}", 0, function, 1.5, None)
    job.story = [
        Change(number, State.RUNNING, 2.0, 1, 4, Why.ATTEMPT, None),
        Change(number, state, 3.0, 1, 4, Why.ATTEMPT, 1 if isinstance(outcome, Blamed) else None),
    ]
    job.started, job.ended = 2.25, 2.75
    history.conclude(job, outcome)
    return job


def filled(jobs: Jobs, made: Iterable[Job]) -> Jobs:
    """With those, and so many behind them that they are packed."""
    made = list(made)
    others = [ended(number, Inline(b"")) for number in range(1000, 1000 + 2 * AT_ONCE)]
    for job in (*made, *others):
        jobs.add(job)
        jobs.settled(job)
        jobs.pack()
    return jobs


def shown(job: Job) -> object:
    return history.row(job, job.story), history.details(job, job.story)


@pytest.mark.parametrize("outcome", [Inline(b"5"), FAILURE, Blamed(1, "g", FAILURE), Blamed(1, "g", None)])
def test_a_packed_job_is_shown_as_it_was(outcome: Outcome) -> None:
    job = ended(7, outcome)
    job.failures, job.spent, job.output = ["first"], 1.5, "printed"
    job.part, job.tally = PART, TALLY
    jobs = filled(Jobs(lately=0), [job])
    assert 7 not in jobs
    assert jobs.knows(7)
    assert shown(jobs[7]) == shown(job)
    assert jobs.find(7) == jobs[7]


def test_what_is_not_known_is_not_found_and_nothing_changes() -> None:
    jobs = filled(Jobs(lately=0), [ended(7, Inline(b"5"))])
    assert jobs.find(8) is None
    assert not jobs.knows(8)
    assert jobs.outcome(8) is None
    with pytest.raises(KeyError):
        jobs[8]
    assert not jobs.knows(8)


def test_a_job_that_goes_on_is_not_packed() -> None:
    jobs = Jobs(lately=0)
    jobs.add(job := Job(1, "f", None, (), "", 0, FUNCTION, 1.0, None))
    filled(jobs, [])
    assert jobs[1] is job


def test_a_value_is_known_until_it_is_forgotten_and_an_error_for_ever() -> None:
    large = Inline(b"5" * (WITH_IT + 1))
    jobs = filled(Jobs(lately=0), [ended(1, large), ended(2, FAILURE), ended(3, Blamed(2, "g", FAILURE))])
    assert [jobs.outcome(number) for number in (1, 2)] == [large, FAILURE]
    assert [jobs.forget(number) for number in (1, 2)] == [large, FAILURE]
    jobs.forget(3)
    assert [jobs.outcome(number) for number in (1, 2, 3)] == [None, FAILURE, None]
    assert jobs[1].outcome is None


@pytest.mark.parametrize("size", [0, 1, WITH_IT - 1, WITH_IT, WITH_IT + 1])
def test_a_value_of_a_packed_job_is_whole_whether_it_stays_with_it_or_not(size: int) -> None:
    values = {number: Inline(bytes([number]) * size) for number in (1, 2)}
    jobs = filled(Jobs(lately=0), [ended(number, value) for number, value in values.items()])
    assert {number: jobs.outcome(number) for number in values} == values
    assert {number: jobs[number].outcome for number in values} == values
    assert shown(jobs[1]) == shown(ended(1, values[1]))
    assert jobs.outcome(3) is None


def test_a_function_that_comes_with_every_call_is_kept_once_and_without_its_code() -> None:
    def copy() -> Define:
        return Define(b"", b"code" * 1000, False, "def f(): ...", "cell", 3, {"cell": ("Cell In[1]", "text")})

    jobs = filled(Jobs(lately=0), [ended(1, Inline(b""), copy()), ended(2, Inline(b""), copy())])
    assert jobs[1].function is jobs[2].function
    assert not jobs[1].function.code
    assert shown(jobs[1]) == shown(ended(1, Inline(b""), copy()))


def test_a_job_with_a_long_output_is_packed_once_that_has_lost_its_middle() -> None:
    outputs = Outputs(budget=12_000)
    long = [ended(number, Inline(b"")) for number in (1, 2)]
    jobs = Jobs(lately=0)
    for job in long:
        outputs.keep(job, "a" * 6000)
    filled(jobs, long)
    assert jobs[1] is long[0]
    assert 2 in jobs
    outputs.keep(ended(3, Inline(b"")), "b" * 6000)
    for job in [ended(number, Inline(b"")) for number in range(5000, 5000 + AT_ONCE)]:
        jobs.add(job)
        jobs.settled(job)
    jobs.pack()
    assert 1 not in jobs
    assert "characters are not kept any more" in jobs[1].output
    assert jobs[2] is long[1]


def test_the_order_of_submission_is_kept() -> None:
    jobs = filled(Jobs(lately=0), [ended(number, Inline(b"")) for number in (9, 3, 5)])
    assert list(jobs.order[:3]) == [9, 3, 5]


def test_packed_jobs_take_little_memory() -> None:
    def size(count: int) -> int:
        tracemalloc.start()
        jobs = filled(Jobs(lately=0), [])
        for number in range(10_000, 10_000 + count):
            jobs.add(job := ended(number, Inline(b"5")))
            jobs.settled(job)
            jobs.pack()
        kept = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return kept

    assert (size(60 * AT_ONCE) - size(20 * AT_ONCE)) / (40 * AT_ONCE) < 250  # bytes each


def test_a_record_that_is_longer_than_a_place_can_say_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbflow.scheduler.shelf._LONGEST", 1023)
    shelf = Shelf()
    records = {1: b"", 2: b"a" * 5000, 3: b"b" * 10, 4: b"c" * 1022, 5: b"d" * 1023, 6: b"e" * 1024}
    for number, record in records.items():
        shelf.put(number, record)
    assert {number: shelf.get(number) for number in records} == records


def test_records_are_found_in_whichever_piece_they_lie() -> None:
    shelf = Shelf()
    records = {number * 1000: bytes([number]) * (PIECE // 10) for number in range(1, 50)}
    records[1 << 33] = b""
    for number, record in records.items():
        shelf.put(number, record)
    assert {number: shelf.get(number) for number in records} == records
    assert all(number in shelf for number in records)
    assert shelf.get(1001) is None
    assert 7 not in shelf
