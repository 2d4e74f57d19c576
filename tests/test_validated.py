"""The core checks its invariants after every step of every flow that a test runs, wherever its process was started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow.client.flow.connection import Connection
from nbflow.core import events as ev
from nbflow.core.machine import Machine
from nbflow.wire.messages import Configure

DRIVER = """
import nbflow
from nbflow.client.flow.connection import Connection
post = Connection.post
def told(self, *messages, **how):
    for message in messages:
        if type(message).__name__ == "Configure":
            print("validate:", message.validate)
    post(self, *messages, **how)
Connection.post = told
nbflow.load()
"""


def test_a_flow_of_a_test_is_validated(monkeypatch: pytest.MonkeyPatch, nothing_loaded: None) -> None:
    told: list[bool] = []
    post = Connection.post

    def listening(self: Connection, *messages: Any, urgent: bool = False) -> None:
        told.extend(message.validate for message in messages if isinstance(message, Configure))
        post(self, *messages, urgent=urgent)

    monkeypatch.setattr(Connection, "post", listening)
    nbflow.load()
    assert told == [True]


def test_so_is_the_flow_of_a_program_that_a_test_starts(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=True
    )
    assert done.stdout == "validate: True\n", done.stderr


def test_what_is_wrong_in_the_machine_is_seen_in_the_next_step_of_any_task() -> None:
    machine = Machine(validate=True)
    machine.handle([ev.ExecutorAdded("x", 1), ev.Submitted(1, "f"), ev.Submitted(2, "g", (1,))], 0.0)
    machine.tasks[2].unmet = 0
    with pytest.raises(AssertionError, match=r"task 2 .* counts 0 unmet needs, 1 are"):
        machine.handle([ev.Submitted(3, "f")], 0.0)
