from __future__ import annotations

import io

import pytest

from nbflow.demo import status
from nbflow.demo.status import StatusLine, worded


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_counts_are_told_by_sign_and_word() -> None:
    assert worded({"done": 63, "running": 2, "failed": 0}) == "✓ 63 done   ▶ 2 running"


def test_a_terminal_gets_one_line_that_is_written_over_and_left_clean() -> None:
    terminal = Terminal()
    with StatusLine(terminal) as line:
        line.cell, line.cells, line.counts = 3, 9, {"done": 1}
        line.show()
        line.show()
    assert "\n" not in terminal.getvalue()
    assert "cell 3 of 9   ✓ 1 done" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[2K")


def test_the_line_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    with StatusLine(terminal) as line:
        line.counts = {"done": 1000, "running": 1000, "waiting": 1000}
        line.show()
    shown = [part for part in terminal.getvalue().split("\r\x1b[2K") if part]
    assert [len(part) for part in shown] == [19]


def test_a_log_gets_a_line_when_counts_have_changed_and_not_too_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(status.time, "monotonic", lambda: now)
    log = io.StringIO()
    with StatusLine(log) as line:
        line.counts = {"done": 1}
        now += status.LOG_EVERY
        line.show()
        line.show()
        line.counts = {"done": 2}
        now += status.LOG_EVERY / 2
        line.show()
        assert log.getvalue().count("\n") == 1
        now += status.LOG_EVERY / 2
        line.show()
    assert log.getvalue().count("\n") == 2
    assert "\r" not in log.getvalue()
