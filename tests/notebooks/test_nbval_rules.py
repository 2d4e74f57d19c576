"""The rules for nbval: a notebook that is run again is equal to what was saved, and to nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from nbval.plugin import get_sanitize_patterns

from nbflow.cli import RULES, main
from tools.notebooks import METADATA

CELLS = [
    "%load_ext nbflow",
    (
        "%%app\nimport os, random, time\n\ndef wait_for_a_while(x):\n    time.sleep(random.uniform(0.1, 0.5))\n"
        "    return x\n\ndef broken(x):\n    return 1 / x\n"
    ),
    "results = [wait_for_a_while(x) for x in range(4)] + [broken(0)]",
    "%nbflow wait",
    "%nbflow status",
    "%nbflow graph",
    "results[4]",
]


def sanitised(text: str) -> str:
    for regex, replacement in get_sanitize_patterns(RULES.read_text(encoding="utf-8")):
        text = re.sub(regex, replacement, text)
    return text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (
            "12 tasks · 1 min 12 s · 2 workers (processes) · 131.2 MB",
            "12 tasks · DURATION · 2 workers (processes) · SIZE",
        ),
        ("ran 0.95 s · on worker 2 after 2 h 5 min", "ran DURATION · on worker NUMBER after DURATION"),
        ("process 4711 is stopped", "process PROCESS is stopped"),
        ("/run/user/0/nbflow-0123456789abcdef/x", "/run/user/0/ID/x"),
        ('<img src="data:image/svg+xml;base64,PHN2Zy+/=">', '<img src="PICTURE">'),
        ("task 3 `fit` failed at Cell In[7], line 4", "task 3 `fit` failed at Cell In[NUMBER], line 4"),
        ("5 tasks, 4 done, 1 failed", "5 tasks, 4 done, 1 failed"),
        ("3 s is not 4 sheep", "DURATION is not 4 sheep"),
    ],
)
def test_what_differs_from_run_to_run_is_taken_out_and_nothing_else(text: str, kept: str) -> None:
    assert sanitised(text) == kept


def test_the_command_tells_where_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nbval"]) == 0
    assert Path(capsys.readouterr().out.strip()).read_text().startswith("# What differs")


@pytest.mark.notebook
@pytest.mark.timeout(240)
def test_a_notebook_that_is_run_again_is_equal_to_what_was_saved_by_these_rules_alone(tmp_path: Path) -> None:
    path = tmp_path / "saved.ipynb"
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in CELLS], metadata=METADATA)
    NotebookClient(notebook, timeout=60).execute()
    nbformat.write(notebook, path)
    compare = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--nbval-current-env",
        "-p",
        "no:cacheprovider",
        "-q",
        str(path),
    ]

    with_rules = subprocess.run(
        [*compare, "--nbval-sanitize-with", str(RULES)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=100,
        check=False,
    )
    assert with_rules.returncode == 0, with_rules.stdout

    without = subprocess.run(compare, capture_output=True, text=True, cwd=tmp_path, timeout=100, check=False)
    assert without.returncode == 1, without.stdout
