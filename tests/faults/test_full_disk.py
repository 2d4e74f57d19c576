"""Workers start, and tell what a task has printed, although no file can be written any more."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import nbflow
from nbflow import Config, ProcessExecutor, WorkerLost, python_app


@python_app
def print_and_die(text: str) -> None:
    print(text, flush=True)
    os._exit(3)


@python_app
def print_it(text: str) -> int:
    print(text)
    return len(text)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no memory to take a log")
def test_a_worker_starts_and_has_last_words_where_its_log_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_loaded: None
) -> None:
    monkeypatch.setenv("NBFLOW_FAIL_AT", "scheduler:write:1+")
    monkeypatch.setenv("NBFLOW_FAIL_LOG", str(tmp_path / "faults"))
    flow = nbflow.load(Config(executors=[ProcessExecutor(max_workers=1)], run_dir=tmp_path / "runs"))
    for number in range(3):
        text = f"said before the end, {number}"
        assert print_it(text).result(30) == len(text)
        with pytest.raises(WorkerLost, match=text):
            print_and_die(text).result(30)
    printing = print_it("the last one")
    printing.result(30)
    assert flow.details(printing.tid).output == "the last one\n"
    assert (tmp_path / "faults").read_text().startswith("scheduler 1 write nbflow.")
    assert not list(Path(flow.run_dir).glob("worker-*.log"))
