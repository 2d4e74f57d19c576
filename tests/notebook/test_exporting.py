"""The graph as a file: each kind is whole, says what the picture says, and lets no text of the user's become markup."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nbflow.core.states import State
from nbflow.notebook.exporting import KINDS, kind_of
from nbflow.notebook.still import Still, still
from nbflow.notebook.widget import FlowGraph
from tests.faults.hostile import HOSTILE
from tests.notebook.graphs import EPOCH, HandFlow, done, row


@pytest.fixture
def picture() -> Still:
    rows = [
        done(1, "load"),
        row(2, "score", [1], state=State.FAILED, note="ValueError: no", detail="C=1.0", attempt=1),
        row(3, "best", [2], parent=1),
    ]
    return still("digits <sweep>", rows, EPOCH + 10)


def test_the_data_tell_every_task_by_its_name_with_its_state_and_needs(picture: Still) -> None:
    told = json.loads(KINDS["json"](picture))
    assert told["name"] == "digits <sweep>"
    assert told["counts"] == {"done": 1, "waiting": 1, "failed": 1}
    assert [task["task"] for task in told["tasks"]] == ["1", "2", "3"]
    assert told["tasks"][1] == {
        "task": "2", "app": "score", "arguments": "C=1.0", "state": "failed", "needs": ["1"], "called_by": None,
        "attempt": 1, "worker": None, "submitted": EPOCH, "started": 0.0, "ended": 0.0, "fetch": 0.0, "store": 0.0,
        "note": "ValueError: no",
    }  # fmt: skip
    assert told["tasks"][2]["called_by"] == "1"


def test_the_page_stands_for_itself(picture: Still) -> None:
    page = KINDS["html"](picture)
    assert page.startswith("<!doctype html>")
    assert "<title>digits &lt;sweep&gt;</title>" in page
    assert "ValueError: no" in page
    for outward in ("<script", "http://", "https://", ' src="/', "@import"):
        assert outward not in page


def test_the_picture_is_xml_and_the_text_for_graphviz_names_each_task(picture: Still) -> None:
    ElementTree.fromstring(KINDS["svg"](picture))
    source = KINDS["dot"](picture)
    assert "1 -> 2" in source
    assert "1 -> 3 [style=dashed]" in source


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_of_the_users_becomes_markup(text: str) -> None:
    picture = still(text, [row(1, text, detail=text, note=text)], EPOCH)
    ElementTree.fromstring(KINDS["svg"](picture))
    assert "<script" not in KINDS["html"](picture).lower()
    json.loads(KINDS["json"](picture))


def test_a_graph_is_saved_as_its_files_name_says(tmp_path: Path) -> None:
    view = FlowGraph(HandFlow(done(1, "load"), row(2, "score", [1])))
    try:
        for name, begin in (("a.svg", "<svg"), ("b.HTML", "<!doctype"), ("c.gv", "digraph"), ("d.json", "{")):
            view.save(tmp_path / name)
            text = (tmp_path / name).read_text(encoding="utf-8")
            assert text.lstrip("/ \n").startswith(begin)
            assert "score" in text or name == "b.HTML"
        with pytest.raises(ValueError, match="drawn by a browser"):
            view.save(tmp_path / "e.png")
        with pytest.raises(ValueError, match=r"not as '\.pdf'"):
            view.save(str(tmp_path / "e.pdf"))
        with pytest.raises(ValueError, match="not as ''"):
            view.save(tmp_path / "graph")
        with pytest.raises(OSError, match="no-such-folder"):
            view.save(tmp_path / "no-such-folder" / "a.svg")
        assert sorted(file.name for file in tmp_path.iterdir()) == ["a.svg", "b.HTML", "c.gv", "d.json"]
    finally:
        view.close()


def test_a_suffix_stands_for_a_kind() -> None:
    assert [kind_of(suffix) for suffix in (".svg", ".htm", ".html", ".gv", ".dot", ".json")] == [
        "svg", "html", "html", "dot", "dot", "json",
    ]  # fmt: skip
