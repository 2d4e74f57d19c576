from __future__ import annotations

import json

from nbformat import writes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.notebooks import METADATA, emptied


def notebook() -> str:
    cell = new_code_cell(
        "1 + 1",
        id="sum",
        execution_count=7,
        metadata={"tags": ["kept"], "execution": {"iopub.status.busy": "now"}},
        outputs=[new_output("stream", text="2")],
    )
    return str(
        writes(new_notebook(cells=[new_markdown_cell("text", id="text"), cell], metadata={"widgets": {}}))
    )


def test_what_a_run_leaves_behind_is_taken_out_and_tags_stay() -> None:
    content = json.loads(emptied(notebook()))
    cell = content["cells"][1]
    assert (cell["outputs"], cell["execution_count"], cell["metadata"]) == ([], None, {"tags": ["kept"]})
    assert content["metadata"] == METADATA


def test_it_is_the_same_when_done_twice() -> None:
    once = emptied(notebook())
    assert emptied(once) == once
