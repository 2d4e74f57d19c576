"""The publisher, step by step: what is sent, when, and how often; a clock moved by hand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from nbflow.core.states import State
from nbflow.notebook import timeleft
from nbflow.notebook.estimate import Left
from nbflow.notebook.freezing import BUSY_FOR, OLD_REST, REST
from nbflow.notebook.marks import SILENT
from nbflow.notebook.publisher import SHORTEST, Publisher
from nbflow.notebook.results import Shown
from nbflow.notebook.saved import html
from nbflow.notebook.scenes import Scenes
from nbflow.notebook.still import Still
from nbflow.notebook.verbs import MOST_TASKS, WITH_TASKS, Said, Verb, understand
from nbflow.wire.rows import WorkerRow
from tests.notebook.graphs import EPOCH, HandFlow, done, row, sweep


class PaperPage:
    """A page that only notes what it is told."""

    def __init__(self) -> None:
        self.shown: list[dict[str, Any]] = []
        self.heard: list[str] = []
        self.stills: list[Still] = []
        self.threads: set[str] = set()
        self.said: list[tuple[Any, ...]] = []

    def show(self, **what: Any) -> None:
        self.threads.add(threading.current_thread().name)
        if what.get("board") is not None:
            what = {**what, "counts": what["board"].counts}
        self.shown.append({name: value for name, value in what.items() if value})

    def acknowledge(self, key: str) -> None:
        self.heard.append(key)

    def found(self, text: str, tasks: Sequence[int]) -> None:
        self.said.append((text, list(tasks)))

    def deliver(self, kind: str, name: str, text: str) -> None:
        self.said.append((kind, name, text))

    def answer(self, text: str) -> None:
        self.shown.append({"answer": text})

    def give(self, task: int, result: Shown) -> None:
        self.shown.append({"result": (task, *result)})

    def replace(self, picture: Still) -> None:
        self.stills.append(picture)


class Desk:
    """A publisher without its thread: the test makes each step, and moves the clock."""

    def __init__(self, *rows: Any) -> None:
        self.now = 100.0
        self.flow = HandFlow(*rows)
        self.page = PaperPage()
        self.publisher = Publisher(
            self.flow,
            self.page,
            clock=lambda: self.now,
            wall=lambda: EPOCH + self.now,
            spent=lambda: self.now,
        )
        self.flow.feed.subscribe(self.publisher)

    def step(self, after: float = 0.0) -> float | None:
        self.now += after
        return self.publisher.step()

    def say(self, verb: Verb, task: int = 0, after: float = 0.0, word: str = "") -> float | None:
        of_several = verb in WITH_TASKS
        said = Said(verb, verb.value, 0 if of_several else task, word, (task,) if of_several else ())
        self.publisher.hear(said)
        return self.step(after)

    @property
    def counts(self) -> list[dict[str, int]]:
        return [shown["counts"] for shown in self.page.shown if "counts" in shown]


@pytest.fixture
def desk() -> Desk:
    return Desk(row(1, "load"), row(2, "score", [1]))


def end_all(desk: Desk) -> None:
    for task in (1, 2):
        desk.flow.move(task, state=State.DONE, ended=EPOCH + 1)
    desk.step(1.0)


# ---------------------------------------------------------------- pace


def test_the_first_change_is_sent_at_once_with_the_structure(desk: Desk) -> None:
    desk.step()
    assert desk.counts == [{"waiting": 2}]
    assert len(desk.page.shown[0]["scene"].nodes) == 2


def test_nothing_changed_nothing_sent(desk: Desk) -> None:
    desk.step()
    assert desk.step(10.0) is None
    assert len(desk.page.shown) == 1


def test_changes_that_follow_fast_are_gathered_and_the_last_one_is_sent(desk: Desk) -> None:
    desk.step()
    desk.flow.move(1, state=State.RUNNING, attempt=1)
    assert desk.step(SHORTEST / 4) == pytest.approx(SHORTEST * 3 / 4)
    desk.flow.move(1, state=State.DONE)
    desk.step(SHORTEST / 4)
    assert desk.counts == [{"waiting": 2}]
    desk.step(SHORTEST)
    assert desk.counts == [{"waiting": 2}, {"done": 1, "waiting": 1}]


def test_the_structure_is_sent_again_only_when_it_changed(desk: Desk) -> None:
    desk.step()
    desk.flow.move(1, state=State.RUNNING, attempt=1)
    desk.step(1.0)
    desk.flow.feed.take([row(3, "best", [2])])
    desk.step(1.0)
    assert ["scene" in shown for shown in desk.page.shown] == [True, False, True]


def test_a_slow_picture_is_drawn_less_often() -> None:
    desk = Desk(row(1))
    show = desk.page.show

    def slow(**what: Any) -> None:
        desk.now += 0.5
        show(**what)

    desk.page.show = slow  # type: ignore[method-assign]
    desk.step()
    desk.flow.move(1, state=State.DONE)
    assert desk.step(1.0) == pytest.approx(20 * 0.5 - 0.5 - 1.0 - 0.5)
    assert desk.counts == [{"waiting": 1}], "what was sent in between is the workers' strip"


def test_a_picture_drawn_in_between_does_not_keep_the_structure_from_the_page(desk: Desk) -> None:
    desk.step()
    desk.flow.feed.take([row(3, "best", [2])])
    desk.publisher._ended = True  # so that the test itself makes the step
    assert desk.publisher.draw(lambda picture: picture.board.counts, patience=0.0) == {"waiting": 3}
    desk.step(1.0)
    assert [len(shown["scene"].nodes) for shown in desk.page.shown if "scene" in shown] == [2, 3]


def test_a_drawing_that_fails_takes_no_other_request_with_it(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.publisher._note(lambda: 1 // 0)
    desk.say(Verb.READY)
    assert desk.page.heard == ["ready"]
    assert "ZeroDivisionError" in caplog.text


def test_a_row_that_comes_late_does_not_hide_a_newer_one(desk: Desk) -> None:
    old = desk.flow.feed.rows[1]
    desk.flow.move(1, state=State.DONE)
    desk.publisher.tasks_changed([old])
    desk.step()
    assert desk.counts[-1] == {"done": 1, "waiting": 1}


# ---------------------------------------------------------------- what the page says


def test_every_message_is_acknowledged_even_where_the_task_is_not_known(desk: Desk) -> None:
    desk.step()
    desk.say(Verb.READY)
    desk.say(Verb.CANCEL, 999)
    assert desk.page.heard == ["ready", "cancel"]
    assert desk.flow.asked == []


def test_a_look_at_a_task_brings_its_panel_and_keeps_it_up_to_date(desk: Desk) -> None:
    desk.step()
    desk.say(Verb.INSPECT, 2)
    assert desk.page.shown[-1]["panel"].output == "output 2"
    desk.flow.move(2, state=State.FAILED, note="ValueError: no", ended=EPOCH + 1)
    desk.step(1.0)
    assert desk.page.shown[-1]["panel"].error == "ValueError: no"
    asked = len(desk.flow.asked)
    desk.step(60.0)
    assert len(desk.flow.asked) == asked  # it has ended: nothing new can come


def test_a_task_that_runs_is_looked_at_again_while_its_panel_is_open(desk: Desk) -> None:
    desk.step()
    desk.flow.move(1, state=State.RUNNING, attempt=1)
    assert desk.say(Verb.INSPECT, 1, after=1.0) == pytest.approx(1.0, abs=0.6)
    desk.step(1.0)
    assert desk.flow.asked == [("details", 1), ("details", 1)]
    desk.say(Verb.CLOSE)
    assert desk.page.shown[-1] == {"no_panel": True}
    desk.step(5.0)
    assert desk.flow.asked == [("details", 1), ("details", 1)]


def test_a_panel_opens_although_the_scheduler_is_silent(desk: Desk) -> None:
    desk.flow.silent = True
    desk.step()
    desk.say(Verb.INSPECT, 1)
    assert desk.page.shown[-1]["panel"].app == "load"
    assert desk.page.shown[-1]["panel"].output == ""


def test_cancel_reaches_the_flow(desk: Desk) -> None:
    desk.step()
    desk.say(Verb.CANCEL, 2)
    assert desk.flow.asked == [("cancel", 2)]


def test_the_page_may_choose_another_layout_and_has_it_at_once() -> None:
    desk = Desk(*sweep(40))
    desk.step()
    assert desk.page.shown[-1]["layout"] == ("auto", "")
    desk.say(Verb.LAYOUT, word="nodes")
    shown = desk.page.shown[-1]
    assert (len(shown["scene"].nodes), shown["layout"]) == (42, ("nodes", ""))
    sent = len(desk.page.shown)
    desk.step(5.0)
    assert len(desk.page.shown) == sent, "once"


def test_a_structure_that_takes_long_to_draw_does_not_hold_up_the_states(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh = Scenes.refresh

    def slow(self: Scenes, rows: Any) -> None:
        desk.now += 0.5
        refresh(self, rows)

    monkeypatch.setattr(Scenes, "refresh", slow)
    desk.step()
    desk.flow.feed.take([row(3, "best", [2])])
    desk.step(1.0)
    assert desk.counts[-1] == {"waiting": 3}
    desk.flow.move(1, state=State.DONE)
    desk.step(1.0)
    assert desk.counts[-1] == {"done": 1, "waiting": 2}
    assert [len(shown["scene"].nodes) for shown in desk.page.shown if "scene" in shown] == [2]
    desk.step(20.0)
    assert [len(shown["scene"].nodes) for shown in desk.page.shown if "scene" in shown] == [2, 3]


def test_an_estimate_that_takes_long_does_not_hold_up_the_states(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.step()

    def takes_long(*_: Any) -> Left:
        desk.now += 1.0
        return Left(60.0)

    monkeypatch.setattr(timeleft, "time_left", takes_long)
    desk.flow.move(1, state=State.RUNNING, attempt=1)
    desk.step(1.0)
    desk.flow.move(1, state=State.DONE)
    desk.step(SHORTEST)
    assert desk.counts == [{"waiting": 2}, {"running": 1, "waiting": 1}, {"done": 1, "waiting": 1}]


def test_a_text_is_looked_for_among_the_arguments_of_all_tasks() -> None:
    desk = Desk(*sweep(12))
    desk.step()
    desk.say(Verb.FIND, word="c=1")
    desk.say(Verb.FIND, word="no such")
    assert desk.page.said == [("c=1", [2, 11, 12]), ("no such", [])]


def test_what_is_asked_for_as_a_file_is_handed_over(desk: Desk) -> None:
    desk.say(Verb.EXPORT, word="json")
    kind, name, text = desk.page.said[0]
    assert (kind, name) == ("json", "hand flow")
    assert [task["app"] for task in json.loads(text)["tasks"]] == ["load", "score"]


def test_what_is_to_be_tried_again_reaches_the_flow_and_a_refusal_the_page(desk: Desk) -> None:
    desk.step()
    desk.say(Verb.RETRY, 1)
    desk.publisher.hear(Said(Verb.RETRY_ALL, "k", tasks=(1, 2, 999)))
    desk.step()
    assert desk.flow.asked == [("retry", 1), ("retry_all", 1), ("retry_all", 2)]
    assert not [shown for shown in desk.page.shown if "answer" in shown]
    desk.flow.refusing = [1, 2]
    desk.say(Verb.RETRY, 1)
    desk.step()
    assert desk.page.shown[-1] == {"answer": "Not tried again: it is as it is. So it is with 1 more."}


def test_a_value_is_fetched_on_a_thread_of_its_own_when_somebody_asks(desk: Desk) -> None:
    desk.step()
    desk.flow.refusing = [2]
    asking: list[str] = []
    value_of = desk.flow.value_of

    def noted(task: int) -> Any:
        asking.append(threading.current_thread().name)
        return value_of(task)

    desk.flow.value_of = noted  # type: ignore[method-assign]
    for task in (1, 2):
        desk.say(Verb.RESULT, task)
    desk.publisher._results.close(10)  # when it has done what was asked for
    desk.step()
    assert [shown["result"] for shown in desk.page.shown if "result" in shown] == [
        (1, "text/plain", "{'value': 1}"),
        (2, "text/plain", "It cannot be shown: ValueError: it is as it is"),
    ]
    assert asking == ["nbflow-result"] * 2


def test_of_a_selection_each_is_cancelled(desk: Desk) -> None:
    desk.step()
    desk.publisher.hear(Said(Verb.CANCEL, "k", tasks=(2, 1)))
    desk.step()
    assert desk.flow.asked == [("cancel", 2), ("cancel", 1)]


def test_in_a_flow_that_has_ended_nothing_is_done_and_the_page_is_told(desk: Desk) -> None:
    desk.step()
    desk.flow.close()
    for verb in (Verb.CANCEL, Verb.RETRY):
        desk.say(verb, 1)
        (said,) = (shown["answer"] for shown in desk.page.shown if "answer" in shown)
        assert "The flow has ended" in said
        desk.page.shown.clear()
    assert desk.flow.asked == []


@pytest.mark.parametrize(
    ("content", "buffers"),
    [
        (None, []),
        ("inspect", []),
        ({}, []),
        ({"verb": "shutdown", "key": "a"}, []),
        ({"verb": ["ready"], "key": "a"}, []),
        ({"verb": "inspect", "key": "a"}, []),
        ({"verb": "inspect", "key": "a", "task": "1"}, []),
        ({"verb": "inspect", "key": "a", "task": True}, []),
        ({"verb": "ready", "key": "a", "task": 1}, []),
        ({"verb": "ready", "key": 1}, []),
        ({"verb": "ready", "key": "a" * 1000}, []),
        ({"verb": "ready", "key": "a", "b": 1, "c": 2}, []),
        ({"verb": "ready", "key": "a"}, [b"bulk"]),
        ({"verb": "cancel", "key": "a", "task": 1}, []),
        ({"verb": "retry", "key": "a"}, []),
        ({"verb": "retry", "key": "a", "tasks": []}, []),
        ({"verb": "retry", "key": "a", "tasks": 1}, []),
        ({"verb": "retry", "key": "a", "tasks": [1, "2"]}, []),
        ({"verb": "retry", "key": "a", "tasks": [True]}, []),
        ({"verb": "retry_all", "key": "a", "tasks": [-1]}, []),
        ({"verb": "retry_all", "key": "a", "tasks": [1], "task": 1}, []),
        ({"verb": "cancel", "key": "a", "tasks": list(range(MOST_TASKS + 1))}, []),
        ({"verb": "inspect", "key": "a", "task": 1, "tasks": [1]}, []),
        ({"verb": "ready", "key": "a", "tasks": [1]}, []),
        ({"verb": "layout", "key": "a"}, []),
        ({"verb": "layout", "key": "a", "word": "circle"}, []),
        ({"verb": "layout", "key": "a", "word": "nodes", "task": 1}, []),
        ({"verb": "export", "key": "a", "word": "png"}, []),
        ({"verb": "export", "key": "a", "word": ["svg"]}, []),
        ({"verb": "find", "key": "a", "word": "x" * 101}, []),
        ({"verb": "find", "key": "a", "word": "\ud800"}, []),
        ({"verb": "ready", "key": "a", "word": "svg"}, []),
    ],
)
def test_what_no_page_of_ours_says_is_not_heard(content: Any, buffers: list[bytes]) -> None:
    assert understand(content, buffers) is None


def test_what_a_page_of_ours_says_is_heard() -> None:
    assert understand({"verb": "inspect", "key": "a", "task": 7}, None) == Said(Verb.INSPECT, "a", 7)
    assert understand({"verb": "ready", "key": "a"}, []) == Said(Verb.READY, "a")
    assert understand({"verb": "retry", "key": "a", "tasks": [7, 5, 7]}, []) == Said(
        Verb.RETRY, "a", tasks=(7, 5)
    )
    assert understand({"verb": "layout", "key": "a", "word": "dot"}, []) == Said(Verb.LAYOUT, "a", 0, "dot")
    assert understand({"verb": "export", "key": "a", "word": "svg"}, []) == Said(Verb.EXPORT, "a", 0, "svg")
    assert understand({"verb": "find", "key": "a", "word": "C=1 ü"}, []) == Said(Verb.FIND, "a", 0, "C=1 ü")


# ---------------------------------------------------------------- the still picture


@pytest.fixture
def watched(desk: Desk) -> Desk:
    """A live view on a page, of a flow that is under way."""
    desk.publisher.displayed()
    desk.step()
    desk.say(Verb.READY)
    return desk


def test_a_flow_at_rest_gives_way_to_its_picture(watched: Desk) -> None:
    end_all(watched)
    watched.step(REST - 0.1)
    assert not watched.page.stills
    watched.step(0.2)
    assert watched.page.stills[0].board.counts == {"done": 2}
    watched.step(60.0)
    assert len(watched.page.stills) == 1


def test_a_flow_that_goes_on_stays_alive(watched: Desk) -> None:
    end_all(watched)
    watched.step(REST - 0.1)
    watched.flow.feed.take([row(3)])
    watched.step(60.0)
    assert not watched.page.stills


def test_a_view_in_use_is_left_alone_until_it_is_not(watched: Desk) -> None:
    watched.say(Verb.BUSY)
    end_all(watched)
    watched.step(REST * 2)
    assert not watched.page.stills
    watched.say(Verb.IDLE)
    watched.step(REST - 0.1)
    assert not watched.page.stills
    watched.step(0.2)
    assert watched.page.stills


def test_a_page_that_fell_silent_is_not_waited_for_for_ever(watched: Desk) -> None:
    watched.say(Verb.BUSY)
    end_all(watched)
    watched.step(BUSY_FOR + 1)
    assert watched.page.stills


def test_a_view_of_a_flow_long_at_rest_stays_for_a_while() -> None:
    desk = Desk(done(1))
    desk.publisher.displayed()
    desk.step()
    desk.say(Verb.READY)
    desk.step(REST + 1)
    assert not desk.page.stills
    desk.step(OLD_REST)
    assert desk.page.stills


def test_a_view_that_a_page_has_drawn_anew_gives_way_once_more(watched: Desk) -> None:
    end_all(watched)
    watched.step(REST + 1)
    watched.say(Verb.READY)  # the page was loaded anew, from a file that was saved before
    watched.step(OLD_REST - 0.1)
    assert len(watched.page.stills) == 1
    watched.step(0.2)
    assert len(watched.page.stills) == 2


def test_nothing_is_published_to_a_page_that_was_replaced_unless_it_speaks_again(watched: Desk) -> None:
    end_all(watched)
    watched.step(REST + 1)
    before = len(watched.page.shown)
    watched.flow.feed.take([row(3)])
    watched.step(1.0)
    assert len(watched.page.shown) == before
    watched.say(Verb.READY)
    assert watched.page.shown[-1]["counts"] == {"done": 2, "waiting": 1}
    assert "scene" in watched.page.shown[-1]


def test_a_closed_flow_is_published_a_last_time_and_replaced_at_once(watched: Desk) -> None:
    watched.flow.move(1, state=State.CANCELLED)
    watched.flow.close()
    watched.step()
    assert watched.counts[-1] == {"failed": 1, "cancelled": 1}, "what has not ended will not"
    assert watched.page.stills


# ---------------------------------------------------------------- the thread


@pytest.fixture
def running() -> Iterator[tuple[HandFlow, PaperPage, Publisher]]:
    flow, page = HandFlow(row(1)), PaperPage()
    publisher = Publisher(flow, page)
    publisher.start()
    yield flow, page, publisher
    publisher.stop()


def test_all_is_published_on_a_thread_of_its_own(running: tuple[HandFlow, PaperPage, Publisher]) -> None:
    _, page, publisher = running
    assert publisher.first.wait(10)
    publisher.freeze()
    assert page.threads == {"nbflow-graph"}


def test_a_freeze_waits_for_the_last_rows_and_tells_when_it_is_done(
    running: tuple[HandFlow, PaperPage, Publisher],
) -> None:
    flow, page, publisher = running
    later = threading.Timer(0.05, lambda: flow.move(1, state=State.DONE, ended=EPOCH + 1))
    later.start()
    publisher.freeze(patience=10)
    assert page.stills[0].board.counts == {"done": 1}


def test_the_thread_ends_with_the_flow_and_a_freeze_works_even_then(
    running: tuple[HandFlow, PaperPage, Publisher],
) -> None:
    flow, page, publisher = running
    flow.move(1, state=State.DONE, ended=EPOCH + 1)
    flow.close()
    publisher._thread.join(10)
    assert not publisher._thread.is_alive()
    publisher.freeze()
    assert page.stills[-1].board.counts == {"done": 1}


# ---------------------------------------------------------------- workers that do not respond, a flow that died


def test_a_task_on_a_worker_that_does_not_respond_is_told_so_until_it_does(desk: Desk) -> None:
    desk.flow.move(1, state=State.RUNNING, attempt=1, worker=4, started=EPOCH)
    desk.step()
    desk.flow.feed.take_workers([WorkerRow(4, "processes", 4711, 1, 200_000_000, responding=False)])
    desk.step(1.0)
    assert desk.counts[-1] == {"not responding": 1, "waiting": 1}
    desk.say(Verb.INSPECT, 1, after=1.0)
    facts = {fact.label: fact.text for fact in desk.page.shown[-1]["panel"].facts}
    assert facts["memory"] == "200 MB in all processes of its worker"
    assert "kill -CONT 4711" in facts["not responding"]
    assert desk.page.shown[-1]["panel"].mark == SILENT
    desk.flow.feed.take_workers([WorkerRow(4, "processes", 4711, 1, 200_000_000)])
    desk.step(1.0)
    assert desk.counts[-1] == {"running": 1, "waiting": 1}
    assert desk.page.shown[-1]["panel"].mark == State.RUNNING


def test_more_memory_is_told_to_the_open_panel_alone(desk: Desk) -> None:
    desk.flow.move(1, state=State.RUNNING, attempt=1, worker=4, started=EPOCH)
    desk.flow.feed.take_workers([WorkerRow(4, "processes", 4711, 1, 200_000_000)])
    desk.say(Verb.INSPECT, 1)
    desk.step(5.0)
    before = len(desk.page.shown)
    desk.flow.feed.take_workers([WorkerRow(4, "processes", 4711, 1, 300_000_000)])
    desk.step(5.0)
    assert [set(shown) for shown in desk.page.shown[before:]] == [{"panel"}]
    assert "300 MB" in repr(desk.page.shown[-1]["panel"].facts)


def test_a_flow_whose_scheduler_died_says_so_and_nothing_in_it_goes_on(watched: Desk) -> None:
    watched.flow.move(1, state=State.RUNNING, attempt=1, worker=1, started=EPOCH)
    watched.step(1.0)
    watched.flow.died = "The scheduler was killed by SIGKILL: nothing goes on any more."
    watched.flow.close()
    watched.step(1.0)
    assert watched.page.shown[-1]["notice"] == watched.flow.died
    assert watched.counts[-1] == {"failed": 2}
    assert watched.page.stills[0].notice == watched.flow.died
    assert f"<p><b>{watched.flow.died}</b></p>" in html(watched.page.stills[0])
