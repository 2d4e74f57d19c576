from __future__ import annotations

from pathlib import Path

import pytest

from tools import browser


@pytest.fixture
def no_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty PATH, and a user who may not install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("NBFLOW_BROWSER", raising=False)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(browser, "MAC_APPLICATIONS", ())
    monkeypatch.setattr(browser.os, "geteuid", lambda: 1000)
    return tmp_path


def program(path: Path) -> str:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_a_browser_on_path_is_found(no_browser: Path) -> None:
    path = program(no_browser / "google-chrome")
    assert browser.find() == path


def test_a_named_browser_comes_first(no_browser: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(no_browser / "chromium")
    mine = program(no_browser / "mine")
    monkeypatch.setenv("NBFLOW_BROWSER", mine)
    assert browser.find() == mine


def test_without_one_the_tests_are_said_to_be_skipped(
    no_browser: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert browser.main() == 0
    assert "will be skipped" in capsys.readouterr().err


def test_without_one_ci_fails(no_browser: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert browser.main() == 1
