"""Flows of one run directory, one after the other: what a person does who comes back to a notebook."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbflow
from nbflow import BasicMemoizer, Config, DataFlowKernel, ProcessExecutor, python_app
from nbflow.memoizers import RECORDS, get_all_checkpoints
from nbflow.values import records


def scanned(path: str | Path) -> list[tuple[bytes, int]]:
    """(key, place) of the records in a file."""
    with open(path, "rb") as file:
        return list(records.scan(file))


class Session:
    """Flows of one run directory, one after the other, and an app that notes each of its runs."""

    def __init__(self, directory: Path) -> None:
        self.run_dir = directory / "runs"
        self.log = directory / "log"
        self.log.touch()

    def load(self, mode: Any = "task_exit", **options: Any) -> DataFlowKernel:
        nbflow.clear()
        memoizer = BasicMemoizer(checkpoint_mode=mode, **options)
        return nbflow.load(
            Config(executors=[ProcessExecutor(max_workers=1)], run_dir=self.run_dir, memoizer=memoizer)
        )

    @property
    def app(self) -> Any:
        """Defined anew each time, as by a notebook that was restarted."""
        log = str(self.log)

        @python_app(cache=True)
        def app(x: Any, fails: bool = False) -> Any:
            with open(log, "a", encoding="utf-8") as file:
                file.write("x")
            if fails:
                raise ValueError(x)
            return x

        return app

    @property
    def runs(self) -> int:
        return len(self.log.read_text())

    @property
    def kept(self) -> list[bytes]:
        """The keys in all checkpoints."""
        files = [os.path.join(directory, RECORDS) for directory in get_all_checkpoints(self.run_dir)]
        return [key for file in files for key, _ in scanned(file)]
