"""`nbflow demo`: the main job without a browser, and what it leaves behind."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbflow import __version__, cli, demo
from nbflow.demo import execution
from nbflow.demo.status import StatusLine

pytestmark = [pytest.mark.notebook, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder that `nbflow demo` has written to, and how the command ended."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "nbflow", "demo", "--output", str(folder)]
    return folder, subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


@pytest.fixture(scope="module")
def outputs(ran: tuple[Path, subprocess.CompletedProcess[str]]) -> list[Any]:
    notebook: Any = nbformat.read(ran[0] / demo.NOTEBOOK, as_version=4)
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_it_ends_well_and_says_where_things_are(ran: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, ended = ran
    assert ended.returncode == 0, ended.stderr
    assert str(folder / "digits-sweep.ipynb") in ended.stdout
    assert str(folder / "digits-sweep.html") in ended.stdout
    assert ended.stderr == ""


def test_it_takes_under_90_seconds(ran: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    told = re.search(r"Done in ([\d.]+) s", ran[1].stdout)
    assert told
    assert float(told[1]) < 90


def test_a_status_line_counts_at_least_60_tasks_and_none_that_failed(
    ran: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    lines = ran[1].stdout.splitlines()
    assert any("running" in line for line in lines)
    (last,) = [line for line in lines if line.startswith("Done in")]
    counts = {word: int(count) for count, word in re.findall(r"(\d+) ([a-z]+)", last.partition(" s ")[2])}
    assert counts.keys() == {"done"}
    assert counts["done"] >= 60


def test_the_notebook_keeps_the_finished_graph_as_a_picture(outputs: list[Any]) -> None:
    graphs = [
        o.data for o in outputs if "data" in o and o.data.get("text/plain", "").startswith("nbflow graph")
    ]
    (graph,) = graphs
    assert not [mime for mime in graph if "widget" in mime]
    assert re.fullmatch(r"nbflow graph: (\d+) tasks, \1 done", graph["text/plain"])
    encoded = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', graph["text/html"])
    assert encoded
    picture = base64.b64decode(encoded[1]).decode()
    assert "confusion" in picture
    assert "<script" not in picture


def test_cards_have_become_results(outputs: list[Any]) -> None:
    data = [output.data for output in outputs if "data" in output]
    assert any("SVC" in bundle.get("text/html", "") for bundle in data)
    assert any("image/png" in bundle for bundle in data)


def test_no_cell_wrote_to_standard_error(outputs: list[Any]) -> None:
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []


def test_the_page_stands_alone(ran: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    page = (ran[0] / "digits-sweep.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert not re.search(r"""(src|href)=["'](https?:)?//(?!.*</a>)""", page)
    assert not re.search(r"@import|url\(\s*['\"]?(https?:)?//", page)
    assert "data:image/svg+xml;base64," in page


def _notebook(tmp_path: Path, *cells: str) -> Path:
    path = tmp_path / "cells.ipynb"
    path.write_text(nbformat.writes(new_notebook(cells=[new_code_cell(cell) for cell in cells])))
    return path


def test_a_cell_that_fails_is_told_and_the_cells_before_it_are_kept(tmp_path: Path) -> None:
    source = _notebook(tmp_path, "print('before')", "1 / 0", "print('after')")
    ran = execution.execute(source, 60, StatusLine(io.StringIO()))
    assert ran.error.startswith("Cell 2 failed.")
    assert "ZeroDivisionError" in ran.error
    cells = json.loads(ran.notebook)["cells"]
    assert [len(cell["outputs"]) for cell in cells] == [1, 1, 0]


def test_a_kernel_that_dies_is_told_with_its_last_words(tmp_path: Path) -> None:
    source = _notebook(tmp_path, "import os; os.write(2, b'the last words'); os._exit(3)")
    ran = execution.execute(source, 60, StatusLine(io.StringIO()))
    assert "died" in ran.error
    assert "the last words" in ran.error


def test_too_little_time_ends_it(tmp_path: Path) -> None:
    source = _notebook(tmp_path, "while True: pass")
    ran = execution.execute(source, 1, StatusLine(io.StringIO()))
    assert ran.error == "Not finished after 1 s, in cell 1; --timeout allows more."


def test_the_demo_fails_where_its_notebook_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "notebook_path", lambda: _notebook(tmp_path, "raise ValueError('no digits')"))
    assert cli.main(["demo", "--output", str(tmp_path / "out")]) == 1
    assert "ValueError" in capsys.readouterr().err
    assert (tmp_path / "out" / demo.NOTEBOOK).exists()


def test_what_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "NEEDED", ("nbclient", "not_there_at_all"))
    assert cli.main(["demo", "--output", str(tmp_path)]) == 2
    assert "not_there_at_all" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert cli.main(["demo", "--output", str(tmp_path / "file")]) == 2
    assert "cannot write" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan"])
def test_a_timeout_is_a_number_of_seconds(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo", f"--timeout={seconds}"])
    assert ended.value.code == 2
    assert "seconds" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"nbflow {__version__}\n"
