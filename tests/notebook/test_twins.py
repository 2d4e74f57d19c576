"""What the page is told beside the picture: only while it says that it shows it, and not often."""

from __future__ import annotations

from array import array
from typing import Any

import pytest

from nbflow.core.states import State
from nbflow.notebook.estimate import Left, Pace
from nbflow.notebook.meters import meters
from nbflow.notebook.timeleft import SHORTEST
from nbflow.notebook.twins import BYTES, WANTED_FOR, Told
from nbflow.notebook.verbs import Verb
from nbflow.wire.rows import StoreRow, WorkerRow
from tests.notebook.graphs import EPOCH, done, row
from tests.notebook.test_publisher import Desk


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("nbflow.notebook.earlier.recall", lambda: {"score": Pace(3, 8.0)})
    kept: list[Any] = []
    monkeypatch.setattr("nbflow.notebook.earlier.remember", kept.append)
    desk = Desk(row(1, "load"), row(2, "score", [1]))
    desk.kept = kept  # type: ignore[attr-defined]
    desk.step()
    return desk


def told(desk: Desk) -> list[Told]:
    return [shown["told"] for shown in desk.page.shown if "told" in shown]


def ends(desk: Desk, task: int, at: float) -> None:
    desk.flow.move(task, state=State.DONE, attempt=1, worker=1, started=EPOCH + at - 2, ended=EPOCH + at)


def test_columns_are_sent_only_to_a_page_that_shows_them(desk: Desk) -> None:
    ends(desk, 1, 3)
    desk.step(1.0)
    assert told(desk) == []
    desk.say(Verb.COLUMNS)
    (first,) = told(desk)
    assert first.fixed is not None
    assert first.fixed.apps == ["load", "score"]
    assert first.moving is not None
    assert list(array("I", first.moving.ended)) == [3001, 0]
    assert first.meters is not None
    assert first.path is None


def test_what_has_not_changed_is_not_sent_again(desk: Desk) -> None:
    desk.say(Verb.COLUMNS)
    desk.say(Verb.COLUMNS, after=10.0)
    desk.step(10.0)
    assert len(told(desk)) == 1
    ends(desk, 1, 3)
    desk.step(1.0)
    assert len(told(desk)) == 2
    assert told(desk)[1].fixed is None, "no task is new"
    desk.flow.feed.take([row(3, "plot", [2])])
    desk.step(1.0)
    assert told(desk)[2].fixed is not None


def test_a_page_that_says_nothing_more_is_sent_nothing_more_and_one_that_comes_back_gets_all(
    desk: Desk,
) -> None:
    desk.say(Verb.COLUMNS)
    ends(desk, 1, 3)
    desk.step(WANTED_FOR + 1)
    assert len(told(desk)) == 1
    desk.say(Verb.COLUMNS)
    assert len(told(desk)) == 2
    again = told(desk)[1]
    assert again.fixed is not None
    assert again.moving is not None
    assert list(array("I", again.moving.ended)) == [3001, 0]


def test_changes_gather_until_the_next_publication(desk: Desk) -> None:
    desk.say(Verb.COLUMNS)
    ends(desk, 1, 3)
    pause = desk.step(SHORTEST / 4)
    assert len(told(desk)) == 1
    assert pause is not None
    assert 0 < pause <= SHORTEST
    desk.step(SHORTEST)
    assert len(told(desk)) == 2


def test_very_many_tasks_are_sent_less_often_than_a_server_can_bear(desk: Desk) -> None:
    desk.flow.feed.take([row(task, "score", detail="x" * 60) for task in range(3, 30_000)])
    desk.say(Verb.COLUMNS)
    sent = told(desk)[0]
    assert sent.fixed is not None
    assert sent.moving is not None
    assert sum(map(len, sent.fixed.details)) <= 1_000_000
    size = sent.fixed.size + sent.moving.size
    ends(desk, 1, 3)
    desk.step(size / BYTES - 0.1)
    assert len(told(desk)) == 1
    desk.step(0.2)
    assert len(told(desk)) == 2
    again = told(desk)[1]
    assert again.fixed is None


def test_the_critical_path_is_sent_where_it_is_asked_for(desk: Desk) -> None:
    desk.say(Verb.PATH)
    assert [each.path for each in told(desk)] == [[0, 1]]
    assert told(desk)[0].moving is None


def test_what_workers_use_comes_with_the_columns(desk: Desk) -> None:
    desk.say(Verb.COLUMNS)
    crew = [WorkerRow(4, "processes", 4711, 1, 200_000_000, cpu=0.5)]
    desk.flow.feed.take_workers(crew, StoreRow(total=5, peak=7, limit=9))
    desk.step(1.0)
    assert told(desk)[-1].meters == meters(crew, StoreRow(total=5, peak=7, limit=9))


def test_a_page_that_only_shows_does_not_keep_the_picture_from_being_kept(desk: Desk) -> None:
    desk.publisher.displayed()
    desk.say(Verb.READY)
    ends(desk, 1, 3)
    ends(desk, 2, 6)
    desk.step(1.0)
    for _ in range(4):
        desk.say(Verb.COLUMNS, after=1.0)
    assert len(desk.page.stills) == 1


def test_the_time_left_comes_from_this_flow_and_from_earlier_ones(desk: Desk) -> None:
    lefts = [shown.get("left") for shown in desk.page.shown]
    assert lefts == [Left(8.0, least=True)], "only the second app is known, from earlier flows"
    ends(desk, 1, 3)
    desk.flow.feed.take([row(3, "load", [2])])
    desk.step(1.0)
    assert desk.page.shown[-1]["left"] == Left(10.0), "and 2 s as measured here"


def test_what_was_measured_is_kept_once_the_flow_is_at_rest(desk: Desk) -> None:
    ends(desk, 1, 3)
    desk.step(1.0)
    kept: list[Any] = desk.kept  # type: ignore[attr-defined]
    assert kept == []
    ends(desk, 2, 7)
    desk.step(1.0)
    assert "left" not in desk.page.shown[-1]
    assert [each for each in kept if each] == [{"load": Pace(1, 2.0), "score": Pace(1, 2.0)}]
    desk.flow.feed.take([done(3, "plot", started=EPOCH + 8, ended=EPOCH + 9)])
    desk.step(1.0)
    assert [each for each in kept if each][1:] == [{"plot": Pace(1, 1.0)}], (
        "what is kept already is not kept twice"
    )


def test_meters_are_told_in_words_too() -> None:
    crew = [
        WorkerRow(2, "b", 2, None, 100_000_000, cpu=0.9),
        WorkerRow(1, "a", 1, 7, 300_000_000, cpu=1.5),
        WorkerRow(3, "c", 3, 8),
    ]
    made = meters(crew, StoreRow(total=1_000_000, peak=2_000_000, limit=3_000_000))
    assert [meter.worker for meter in made.workers] == [1, 2, 3]
    assert [meter.cpu for meter in made.workers] == [1.5, 0.0, -1.0], "an idle worker has nothing to do"
    assert made.words == (
        "2 of 3 workers at work · 1.5 processors busy · 400 MB of memory"
        " · big values 1 MB, at most 2 MB, 3 MB allowed"
    )
    assert meters([], StoreRow()).words == "no worker yet"
