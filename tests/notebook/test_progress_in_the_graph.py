"""What running tasks say of how far they have come, on its way to the page: by place, in the panel, and no longer."""

from __future__ import annotations

from typing import Any

from nbflow.core.states import State
from nbflow.notebook.board import Board
from nbflow.notebook.inspection import Inspection
from nbflow.notebook.marks import MARKS
from nbflow.notebook.panel import Panel, panel
from nbflow.notebook.widget import FlowGraph
from nbflow.wire.rows import Progress, TaskDetails, TaskRow
from tests.notebook.graphs import EPOCH, HandFlow, done, row


def running(task: int, fraction: float | None, text: str, **fields: Any) -> TaskRow:
    said = Progress(fraction, text)
    return row(task, "fit", state=State.RUNNING, attempt=1, worker=1, started=EPOCH, progress=said, **fields)


def told(panel: Panel) -> list[str]:
    return [fact.text for fact in panel.facts if fact.label == "progress"]


def test_the_board_has_what_running_tasks_said_last_and_forgets_it_with_their_end() -> None:
    board = Board()
    board.update([done(1), running(2, 0.5, "half"), running(3, None, "7")])
    assert board.progress == {1: Progress(0.5, "half"), 2: Progress(None, "7")}
    board.update([running(2, 0.6, "more"), done(3)])
    assert board.progress == {1: Progress(0.6, "more")}
    assert not board.update([done(2)])
    assert board.progress == {}


def test_the_page_is_told_by_place() -> None:
    flow = HandFlow(done(1), running(2, 0.5, "38 of 76"), running(3, None, "7"))
    view = FlowGraph(flow)
    assert view._publisher.first.wait(10)
    assert view.get_state("progress") == {"progress": {"1": [0.5, "38 of 76"], "2": [None, "7"]}}
    view.close()


def test_the_panel_tells_how_far_its_task_has_come() -> None:
    rows = [running(1, 0.625, "fitting: 5 of 8"), running(2, None, "7"), done(3)]
    texts = [told(panel(each, rows, None, EPOCH)) for each in rows]
    assert texts == [["62 %, fitting: 5 of 8"], ["7"], []]


def test_a_task_that_says_much_is_looked_at_once_a_second_all_the_same() -> None:
    asked = []

    def fetch(task: int, _: float) -> TaskDetails:
        asked.append(task)
        return TaskDetails(task, "", "", [], "", "", 0, "", 0)

    board, inspection = Board(), Inspection(fetch)
    board.update([running(1, 0.0, "")])
    inspection.begin(1)
    assert inspection.look(board, 10.0)[0] is not None
    for tenth in range(1, 10):
        board.update([running(1, tenth / 10, "")])
        assert inspection.look(board, 10 + tenth / 10)[0] is None
    assert len(asked) == 1
    found, _ = inspection.look(board, 11.0)
    assert found is not None
    assert told(found) == ["90 %"]
    board.update([done(1)])
    assert inspection.look(board, 11.1)[0] is not None, "another state is told at once"


def test_the_panel_of_a_task_that_has_ended_tells_of_tasks_that_are_called_later() -> None:
    asked = []

    def fetch(task: int, _: float) -> TaskDetails:
        asked.append(task)
        return TaskDetails(task, "", "", [], "", "", 0, "", 0)

    board, inspection = Board(), Inspection(fetch)
    board.update([done(1)])
    inspection.begin(1)
    assert inspection.look(board, 10.0)[0] is not None
    assert inspection.look(board, 20.0) == (None, None), "nothing has changed, so nothing is due"
    board.update([running(2, None, "", needs=[1])])
    found, pause = inspection.look(board, 20.5)
    assert found is not None
    assert needing(found) == [(2, "running")]
    board.update([done(2, needs=[1])])
    found, pause = inspection.look(board, 20.75)
    assert found is None
    assert pause == 0.75, "once a second"
    found, _ = inspection.look(board, 21.5)
    assert found is not None
    assert needing(found) == [(2, "done")]
    board.update([done(3)])
    assert inspection.look(board, 30.0)[0] is None, "that is no neighbour of it"
    assert asked == [1], "its own details are the same"


def needing(content: Panel) -> list[tuple[int, str]]:
    """The tasks that need it, with the word for how they stand."""
    links = [fact.links for fact in content.facts if fact.label == "needed by"]
    return [(link.task, MARKS[link.mark].word) for group in links for link in group]
